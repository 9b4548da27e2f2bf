package elastic

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestATraceIsReadAsItWasWritten(t *testing.T) {
	in := "meta,min,0\nmeta,holidays,2026-11-25 2026-11-26\nmeta,timeZone,Asia/Jakarta\nconv,20.5,300,60\nconv,10,200,0\nstart,7\nagents,0,3\nmissing,5,9\n"
	tr, err := ReadCSV(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	if tr.Min != 0 || len(tr.Holidays) != 2 || tr.Seconds != 86400 || tr.Conversations[0].At != 10 || tr.Missing[0] != (Gap{5, 9}) || tr.Starts[0] != 7 {
		t.Errorf("%+v", tr)
	}
	var b bytes.Buffer
	if err := WriteCSV(&b, tr); err != nil {
		t.Fatal(err)
	}
	again, err := ReadCSV(&b)
	if err != nil || !reflect.DeepEqual(tr, again) {
		t.Errorf("%+v became %+v: %v", tr, again, err)
	}
}

func TestARowThatMakesNoSenseIsNamed(t *testing.T) {
	for in, says := range map[string]string{
		"conv,1,2,3\nconv,x,2,3\n": "line 2: conv: second",
		"agents,1\n":               "count is missing",
		"missing,9,5\n":            "to",
		"meta,timeZone,Moon/Sea\n": "timeZone",
		"meta,min,1.5\n":           "min",
		"meta,tickSeconds,0\n":     "tickSeconds",
		"citizen,1\n":              "no kind of row",
	} {
		if _, err := ReadCSV(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("meta,perWorker,60\nstart,4\nagents,0,3\nmissing,1,2\nconv,1,2,3\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		tr, err := ReadCSV(bytes.NewReader(in))
		if err != nil || tr.Seconds/tr.TickSeconds > 1e5 || len(tr.Conversations) > 1000 {
			return
		}
		p, err := NewLoket(tr.Told)
		if err != nil {
			t.Fatal(err)
		}
		Replay(tr, Optimum(tr), p)
	})
}
