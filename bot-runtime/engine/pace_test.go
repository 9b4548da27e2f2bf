package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

func TestAFloodIsStoredAsSlowlyAsItIsAnsweredAndNobodyElseWaits(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	p := newPace(func() time.Time { return now })
	written := func(citizens ...string) store.Batch {
		var b store.Batch
		for _, c := range citizens {
			b.Messages = append(b.Messages, store.Inbound{Channel: "wa", Identities: []message.Identity{{Scope: "wa", Kind: message.IdentityPhone, Value: c}}})
		}
		return b
	}
	for n := range allowanceMost {
		if wait := p.delay(written("flood")); wait != 0 {
			t.Fatalf("message %d of an allowance of %d waits %s", n+1, allowanceMost, wait)
		}
	}
	for n := range 1000 {
		wait := p.delay(written("flood"))
		if wait <= 0 || wait > pacedMost {
			t.Fatalf("message %d beyond the allowance waits %s", n+1, wait)
		}
		now = now.Add(time.Millisecond) // over as many connections as one likes
	}
	for _, others := range [][]string{{"calm"}, {"flood", "calm"}, {"calm", "flood"}, {}} {
		if wait := p.delay(written(others...)); wait != 0 {
			t.Errorf("a webhook of %q waits %s", others, wait)
		}
	}
	now = now.Add(2 * time.Second)
	if wait := p.delay(written("flood")); wait != 0 {
		t.Errorf("a citizen who paused for two seconds waits %s", wait)
	}
	for n := range 100_000 {
		p.delay(written(fmt.Sprint(n)))
	}
	for range 2 {
		now = now.Add(allowanceSpan)
		p.delay(written("calm"))
	}
	if len(p.of) != 1 || len(p.before) != 1 {
		t.Errorf("%d and %d citizens are remembered, of whom one still writes", len(p.of), len(p.before))
	}
}
