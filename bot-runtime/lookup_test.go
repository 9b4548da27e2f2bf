package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/lookup"
	"github.com/loket-dev/loket/hack/sim/platform"
)

func TestADirectoryIsOpenToEverybodyWhileItsAuthorSaysSo(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	objects := sampleObjects(t)
	ask := func(text string) (int, lookup.Answer) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			"http://"+w.public+"/directories/institutions/lookup?q="+url.QueryEscape(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		code, body := w.do(r)
		var a lookup.Answer
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatalf("%d %s: %v", code, body, err)
		}
		return code, a
	}
	w.apply(objects)
	if code, _ := ask("dana mekar"); code != http.StatusNotFound {
		t.Fatalf("a directory that is not public answers %d", code)
	}
	objects.Directories[0].Spec.Public = &v1alpha1.PublicLookUp{RequestsPerMinute: 60}
	w.apply(objects)
	for text, want := range map[string]string{"dana mekar jaya": "exact", "dana mekar jaya plus": "lookalike"} {
		if code, a := ask(text); code != http.StatusOK || string(a.Outcome) != want || a.Entries[0].Name != "PT Dana Mekar Jaya" {
			t.Errorf("%s: %d %+v, want %s", text, code, a, want)
		}
	}
	objects.Directories[0].Spec.Public = nil
	w.apply(objects)
	if code, _ := ask("dana mekar"); code != http.StatusNotFound {
		t.Errorf("a directory that is closed again answers %d", code)
	}
}
