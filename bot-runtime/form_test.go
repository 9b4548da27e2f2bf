package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/files"
	"github.com/loket-dev/loket/hack/sim/journal"
	"github.com/loket-dev/loket/hack/sim/platform"
)

// reporting are the sample's objects with a short flow that takes a report by a form.
func reporting(t testing.TB) bundle.Objects {
	t.Helper()
	return withFlow(t, `apiVersion: loket.dev/v1alpha1
kind: DialogFlow
metadata: {name: report}
spec:
  languages: [id]
  start: report
  variables: [{name: who}, {name: sum, type: number}, {name: when}]
  triggers: [{name: person, words: {id: [petugas]}, next: person}]
  nodes:
  - name: report
    form: {text: {id: Ceritakan.}, button: {id: Isi formulir}, whatsapp: "1234567890", screen: REPORT}
    next: who
  - {name: who, ask: {text: {id: "Siapa?"}, as: who, rule: {minLength: 3}}, next: sum}
  - {name: sum, ask: {text: {id: "Berapa?"}, as: sum, type: number, error: {id: Tulis angka.}}, next: when}
  - {name: when, ask: {text: {id: "Kapan?"}, as: when, type: date}, next: thanks}
  - name: thanks
    menu:
      text: {id: "Dicatat: {{ who }}, {{ sum }}, {{ when }}."}
      options: [{name: again, title: {id: Lapor lagi}, next: report}, {name: done, title: {id: Selesai}, next: bye}]
  - {name: bye, end: {text: {id: Terima kasih.}}}
  - {name: person, handoff: {pool: contact-centre, text: {id: Mohon tunggu.}}, next: bye}
`)
}

// withFlow are the sample's objects with another flow in place of its own.
func withFlow(t testing.TB, text string) bundle.Objects {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flow.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := files.Load(file)
	if len(folder.Problems) > 0 {
		t.Fatalf("the flow: %v", folder.Problems)
	}
	objects := sampleObjects(t)
	objects.Flows = folder.Objects.Flows
	for i := range objects.Channels {
		objects.Channels[i].Spec.Flow = v1alpha1.ObjectName(objects.Flows[0].Name)
	}
	return objects
}

func fill(t testing.TB, c *platform.Citizen, fields map[string]any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Fill(ctx, fields); err != nil {
		t.Fatal(err)
	}
}

// One citizen after the other does with the form what citizens do; each is answered, and the platform is sent nothing that it refuses.
func TestAFormIsFilledInOrNotAndTheConversationGoesOn(t *testing.T) {
	w := newTown(t, platform.Faults{Redeliver: 0.3})
	w.start(nil)
	w.apply(reporting(t))
	all := map[string]any{"who": "Dana Mekar", "sum": 2500000, "when": "2026-11-30"}
	offered := func(name string, mode platform.Mode) (*platform.Citizen, int) {
		c := w.platform.NewCitizen(name, mode)
		say(t, c, "halo")
		return c, hears(t, c, 0, "Ceritakan.")
	}

	filled, n := offered("Siti fills it in", platform.WithNumber)
	got, err := filled.Messages(t.Context(), 0)
	if err != nil || got[0].Form == nil || *got[0].Form != (platform.Form{ID: "1234567890", Screen: "REPORT", Button: "Isi formulir", Token: "report"}) {
		t.Fatalf("the form on the phone is %+v, %v", got, err)
	}
	fill(t, filled, all)
	n = hears(t, filled, n, "Dicatat: Dana Mekar, 2500000, 2026-11-30.")
	fill(t, filled, all) // and taps send again
	n = hears(t, filled, n, "tidak kami pakai")
	say(t, filled, "Selesai")
	n = hears(t, filled, n, "Terima kasih.")
	fill(t, filled, all) // days later
	hears(t, filled, n, "tidak kami pakai")

	typed, n := offered("Budi types instead", platform.WithoutNumber)
	say(t, typed, "tidak bisa buka formulirnya")
	n = hears(t, typed, n, "Siapa?")
	say(t, typed, "Dana Mekar")
	n = hears(t, typed, n, "Berapa?")
	fill(t, typed, all) // it could be opened after all
	hears(t, typed, n, "Dicatat: Dana Mekar, 2500000, 2026-11-30.")

	partly, n := offered("Ani leaves things out", platform.Changing)
	fill(t, partly, map[string]any{"who": "X", "sum": "banyak"})
	n = hears(t, partly, n, "Siapa?")
	say(t, partly, "Dana Mekar")
	n = hears(t, partly, n, "Tulis angka.")
	say(t, partly, "500")
	n = hears(t, partly, n, "Kapan?")
	say(t, partly, "30-11-2026")
	hears(t, partly, n, "Dicatat: Dana Mekar, 500, 2026-11-30.")

	broken, n := offered("Adi's phone is broken", platform.WithNumber)
	for _, response := range []string{`{"who":`, `[1]`, ``, `{"nested":{"who":"Dana"}}`, `{"who":"` + strings.Repeat("x", 70_000) + `"}`} {
		if err := broken.SendForm(t.Context(), response); err != nil {
			t.Fatal(err)
		}
		n = hears(t, broken, n, "hanya bisa membaca tulisan")
	}
	fill(t, broken, all)
	hears(t, broken, n, "Dicatat: Dana Mekar")

	handed, n := offered("Rini asks for a person", platform.WithNumber)
	say(t, handed, "petugas")
	n = hears(t, handed, n, "Mohon tunggu.")
	fill(t, handed, all) // goes to the person
	w.until("everything is handled", func() bool { return w.metric("loket_due") == 0 })
	if handed.Count() != n {
		t.Errorf("the bot answers while a person has the conversation")
	}
	for _, r := range w.records() {
		if r.Kind == journal.Violation {
			t.Errorf("the platform refused: %s", r.Note)
		}
	}
	if failures := w.metric("loket_step_failures_total"); failures != 0 {
		t.Errorf("%v steps failed", failures)
	}
}
