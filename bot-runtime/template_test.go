package main

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/hack/sim/journal"
	"github.com/loket-dev/loket/hack/sim/platform"
)

// approved are the templates that the town's platform knows.
var approved = []platform.Template{{Name: "complaint_reminder", Language: "id", Body: "Halo {{1}}, pengaduan Anda belum lengkap. Balas di sini."}}

// pass lets time pass for all citizens and all that the store has: the clock itself stands still.
func (w *town) pass(d time.Duration) {
	w.Helper()
	for _, c := range w.platform.Citizens() {
		c.Pass(d)
	}
	db, err := sql.Open("sqlite", "file:"+w.file()+"?_pragma=busy_timeout(30000)")
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{`UPDATE conversation_state SET last_in_at = last_in_at - ?`, `UPDATE timer SET due_at = due_at - ?`} {
		if _, err := db.Exec(statement, d.Microseconds()); err != nil {
			w.Fatal(err)
		}
	}
}

// After thirty hours WhatsApp takes nothing but templates. One that it knows arrives, and the answer to it is understood; what has
// none is not even sent, and what it does not know is told to people.
func TestAReminderAfterThirtyHoursArrivesByItsTemplateAlone(t *testing.T) {
	w := newTown(t, platform.Faults{})
	opened := make(chan store.Store, 1)
	w.start(func(p *pod) { p.started = func(_ *engine.Engine, s store.Store) { opened <- s } })
	s := <-opened
	w.apply(withFlow(t, `apiVersion: loket.dev/v1alpha1
kind: DialogFlow
metadata: {name: reminding}
spec:
  languages: [id]
  start: menu
  variables: [{name: story}]
  nodes:
  - name: menu
    menu:
      text: {id: Pilih.}
      options:
      - {name: complaint, title: {id: Pengaduan}, next: complaint}
      - {name: idea, title: {id: Saran}, next: idea}
      - {name: praise, title: {id: Pujian}, next: praise}
  - name: complaint
    ask:
      text: {id: "Apa yang terjadi?"}
      as: story
      silence: [{minutes: 1800, text: {id: Pengaduan Anda belum lengkap.}, template: {name: complaint_reminder, parameters: [{value: contact.name}]}}]
    next: thanks
  - {name: idea, ask: {text: {id: "Apa saran Anda?"}, as: story, silence: [{minutes: 1800, text: {id: Kami menunggu saran Anda.}}]}, next: thanks}
  - {name: praise, ask: {text: {id: "Siapa yang dipuji?"}, as: story, silence: [{minutes: 1800, text: {id: "Masih di sana?"}, template: {name: nobody_made_it}}]}, next: thanks}
  - {name: thanks, end: {text: {id: Terima kasih.}}}
`))
	before := map[*platform.Citizen]int{}
	begun := func(name, choice, question string) *platform.Citizen {
		c := w.platform.NewCitizen(name, platform.WithoutNumber)
		say(t, c, "halo")
		n := hears(t, c, 0, "Pilih.")
		say(t, c, choice)
		before[c] = hears(t, c, n, question)
		return c
	}
	siti, budi, ani := begun("Siti", "Pengaduan", "Apa yang terjadi?"), begun("Budi", "Saran", "Apa saran Anda?"), begun("Ani", "Pujian", "Siapa yang dipuji?")
	w.until("all is handled", func() bool { return w.metric("loket_due") == 0 })
	w.pass(30*time.Hour + time.Minute)

	n := hears(t, siti, before[siti], "Halo Siti, pengaduan Anda belum lengkap. Balas di sini.")
	got, err := siti.Messages(t.Context(), before[siti])
	if err != nil || got[0].Template != "complaint_reminder" {
		t.Errorf("%+v %v", got, err)
	}
	say(t, siti, "Uang saya hilang")
	hears(t, siti, n, "Terima kasih.")

	var letters []store.DeadLetter
	w.until("what could not be sent is told to people", func() bool {
		letters, err = s.DeadLetters(context.Background(), 0, 10)
		return err == nil && len(letters) == 2
	})
	for citizen, says := range map[string]string{"Budi": "window", "Ani": "132001"} {
		if !slices.ContainsFunc(letters, func(d store.DeadLetter) bool { return d.Contact == citizen && strings.Contains(d.Reason, says) }) {
			t.Errorf("no dead letter of %s says %q: %+v", citizen, says, letters)
		}
	}
	if budi.Count() != before[budi] || ani.Count() != before[ani] {
		t.Error("something reached a phone that the platform does not take")
	}
	for _, r := range w.records() {
		if r.Kind == journal.Violation || r.Code == 131047 {
			t.Errorf("the platform refused what should not have been sent: %+v", r)
		}
	}
}
