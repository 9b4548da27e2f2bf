package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

const toldFirst = `{"perWorker":60,"min":1,"max":100,"timeZone":"Asia/Jakarta"}`

func answers(t *testing.T, lines ...string) []string {
	t.Helper()
	var out bytes.Buffer
	if err := decide(strings.NewReader(strings.Join(lines, "\n")+"\n"), &out); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestEachObservationIsAnsweredWithALine(t *testing.T) {
	got := answers(t, toldFirst,
		`{"t":0,"ok":true,"waitingForAgent":3,"active":41,"arrived":913,"finished":869,"agents":12,"desired":1,"ready":1}`,
		`{"t":2,"ok":true,"waitingForAgent":42,"active":180,"arrived":1200,"finished":869,"agents":12,"desired":1,"ready":1}`,
		`{"t":4,"ok":false,"desired":4,"ready":1,"starting":3}`,
		`{"t":-1,"ok":true}`,
		`nonsense`)
	for i, says := range []string{`"workers":-1`, `"code":"Demand"`, `"workers":-1`, `t is -1`, `"error"`} {
		if !strings.Contains(got[i], says) {
			t.Errorf("answer %d is %s", i+1, got[i])
		}
	}
}

func TestASnapshotIsRestored(t *testing.T) {
	look := `{"t":2,"ok":true,"active":150,"arrived":160,"finished":10,"desired":3,"ready":3}`
	first := answers(t, toldFirst, `{"t":0,"ok":true,"active":100,"arrived":100,"desired":2,"ready":2}`, `{"snapshot":true}`, look)
	var kept struct{ State string }
	if err := json.Unmarshal([]byte(first[1]), &kept); err != nil || kept.State == "" {
		t.Fatalf("%s: %v", first[1], err)
	}
	body, err := json.Marshal(map[string]string{"restore": kept.State})
	if err != nil {
		t.Fatal(err)
	}
	again := answers(t, toldFirst, string(body), look)
	if again[0] != `{"restored":true}` || again[1] != first[2] {
		t.Errorf("%s is not %s", again[1], first[2])
	}
	if bad := answers(t, toldFirst, `{"restore":"{}"}`); !strings.Contains(bad[0], "version") {
		t.Errorf("a state of no version is answered with %s", bad[0])
	}
}

func FuzzDecide(f *testing.F) {
	f.Add([]byte(toldFirst + "\n" + `{"t":2,"ok":true,"active":41,"arrived":913,"desired":2,"ready":1}` + "\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		_ = decide(bytes.NewReader(in), &out)
		for line := range bytes.Lines(out.Bytes()) {
			if !json.Valid(line) {
				t.Fatalf("%q", line)
			}
		}
	})
}
