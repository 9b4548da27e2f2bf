package engine

import (
	"strconv"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

const notice = "Pesan Anda datang terlalu cepat, jadi sebagian tidak kami jawab. Silakan tunggu satu menit, lalu tulis lagi."

func TestACitizenWhoFloodsIsToldOnceAndAnsweredAgainAMinuteLater(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	at := monday
	write := func(n int) (answers []string) {
		for i := range n {
			row := says(strconv.Itoa(i) + "@" + at.String())
			row.At = at
			answers = append(answers, texts(x.step(row))...)
		}
		return answers
	}
	if got := len(write(60)); got != 60 {
		t.Fatalf("%d of 60 messages were answered", got)
	}
	at = at.Add(59 * time.Second)
	if got := write(500); len(got) != 1 || got[0] != notice {
		t.Errorf("the flood was answered with %q", got)
	}
	at = at.Add(time.Second)
	if got := len(write(60)); got != 60 {
		t.Errorf("a minute after the first message %d of 60 are answered", got)
	}
}

func TestABacklogOfABotThatWasDownIsNoFlood(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	x.lane.Now = monday.Add(3 * time.Hour)
	for i := range 200 {
		row := says(strconv.Itoa(i))
		row.At = monday.Add(time.Duration(i) * 2 * time.Second)
		if got := texts(x.step(row)); len(got) != 1 || got[0] == notice {
			t.Fatalf("message %d, two seconds after the one before, was answered with %q", i, got)
		}
	}
}

func TestAFloodReachesThePersonWhoHasTheConversation(t *testing.T) {
	x := newTalk(t, counterFlow())
	x.step(says("tolong"))
	x.lane.Conversation.Owner = store.OwnerAgent
	for i := range 100 {
		if out := x.step(says(strconv.Itoa(i))); len(out.ToDesk) != 1 || len(out.Send) != 0 {
			t.Fatalf("message %d: %d to the desk, %d answers", i, len(out.ToDesk), len(out.Send))
		}
	}
}
