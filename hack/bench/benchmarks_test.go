package main

import (
	"strings"
	"testing"
)

func TestEveryMetricOfABenchmarkIsAFigure(t *testing.T) {
	got := parse(strings.NewReader("goos: linux\nBenchmarkStep/menu-2   1000   1234 ns/op   12.5 msgs/s   40 allocs/op\nPASS\n"))
	if len(got) != 3 || got[1] != (Figure{Name: "Step/menu msgs/s", Value: 12.5, Unit: "msgs/s"}) {
		t.Fatalf("%+v", got)
	}
}

func TestAFigureBeyondItsBoundIsTold(t *testing.T) {
	five := 5.0
	bounds := map[string]bound{"a": {AtMost: &five}, "b": {AtLeast: &five}}
	for _, c := range []struct {
		name  string
		value float64
		well  bool
	}{{"a", 5, true}, {"a", 5.1, false}, {"b", 5, true}, {"b", 4.9, false}, {"c", 99, true}} {
		f := Figure{Name: c.name, Value: c.value}
		if judge(&f, bounds) != c.well || f.OK != c.well {
			t.Errorf("%s = %v is judged %v", c.name, c.value, f.OK)
		}
	}
}

func TestABoundThatNothingWasHeldAgainstIsTold(t *testing.T) {
	got := unmeasured([]Figure{{Name: "a"}, {Name: "other"}}, map[string]bound{"a": {}, "renamed": {}})
	if len(got) != 1 || got[0] != "renamed" {
		t.Fatalf("%q", got)
	}
}
