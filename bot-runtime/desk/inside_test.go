package desk

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

func TestAHashIsTakenOrRefused(t *testing.T) {
	salt, sum := "c2FsdHNhbHRzYWx0c2E", strings.Repeat("A", 43)
	good, err := HashPassword("rahasia")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		taken      bool
	}{
		{"what we make ourselves", good, true},
		{"what other programs make with four lanes", "$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$" + sum, true},
		{"nothing", "", false},
		{"a password in clear", "rahasia", false},
		{"bcrypt", "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", false},
		{"argon2i", "$argon2i$v=19$m=65536,t=3,p=4$" + salt + "$" + sum, false},
		{"an old version", "$argon2id$v=16$m=65536,t=3,p=4$" + salt + "$" + sum, false},
		{"more memory than a pod has", "$argon2id$v=19$m=4194304,t=1,p=1$" + salt + "$" + sum, false},
		{"a minute of passes", "$argon2id$v=19$m=65536,t=100,p=1$" + salt + "$" + sum, false},
		{"too much of both", "$argon2id$v=19$m=65536,t=5,p=1$" + salt + "$" + sum, false},
		{"no lane", "$argon2id$v=19$m=65536,t=1,p=0$" + salt + "$" + sum, false},
		{"less memory than its lanes need", "$argon2id$v=19$m=8,t=1,p=4$" + salt + "$" + sum, false},
		{"a salt of three bytes", "$argon2id$v=19$m=65536,t=1,p=1$YWJj$" + sum, false},
		{"padded base64", "$argon2id$v=19$m=65536,t=1,p=1$" + salt + "$" + sum + "=", false},
		{"something behind it", good + "\nmore", false},
	} {
		if _, err := parseHash(c.text); (err == nil) != c.taken {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2E$" + strings.Repeat("A", 43))
	f.Add("$argon2id$v=19$m=0,t=0,p=0$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err == nil && (h.memory > maxMemory || h.memory*h.passes > maxWork || h.lanes < 1 || h.lanes > maxLanes || len(h.sum) < 16) {
			t.Fatalf("%+v is out of bounds", h)
		}
	})
}

func TestASignInDoesNotWaitForEverForItsTurn(t *testing.T) {
	a := newAccounts(t.TempDir())
	if err := a.memory.Acquire(t.Context(), verificationsAtOnce); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.verify(ctx, "pool", "ani", "x"); err == nil {
		t.Error("a third verification ran beside two others")
	}
}

func TestAStrangerCostsAsMuchAsAnAgent(t *testing.T) {
	if h := newAccounts(t.TempDir()).likeness("nobody-here"); h.memory != nobody.memory || h.matches("") {
		t.Errorf("compared with %+v", h)
	}
}

func TestMadeUpNamesDoNotFillTheMemory(t *testing.T) {
	now := time.Unix(0, 0)
	a := newAttempts(func() time.Time { return now })
	for i := range maxBuckets * 2 {
		a.take(fmt.Sprint("name", i), fmt.Sprint("address", i))
	}
	if len(a.buckets) > maxBuckets {
		t.Errorf("%d buckets", len(a.buckets))
	}
	if a.take("ani", "10.0.0.1") {
		t.Error("a flood from everywhere lets more guesses in")
	}
	now = now.Add(time.Minute)
	if !a.take("ani", "10.0.0.1") {
		t.Error("after the flood nobody gets in again")
	}
}

func TestTheSameClickHasTheSameNameEverywhere(t *testing.T) {
	first := replyID(7, "ani", "1")
	if first != replyID(7, "ani", "1") {
		t.Error("one click, two names")
	}
	seen := map[string]bool{}
	for _, id := range []string{replyID(7, "ani", "1"), replyID(7, "ani", "2"), replyID(7, "budi", "1"), replyID(8, "ani", "1"), replyID(71, "ani", "")} {
		seen[id] = true
	}
	if len(seen) != 5 {
		t.Errorf("five clicks, %d names", len(seen))
	}
}

// counted counts what the router asks of the store.
type counted struct {
	store.Desk
	asked string
}

func (c *counted) Release(context.Context, string, time.Duration) (int, error) {
	c.asked += "release "
	return 0, nil
}

func (c *counted) Route(context.Context, string, store.Counter, func(store.Waiting) []store.Assignment) ([]store.Assignment, error) {
	c.asked += "route "
	return nil, nil
}

func TestTheRouterLooksForGoneAgentsOnlyNowAndThen(t *testing.T) {
	now := time.Unix(1000, 0)
	s := &counted{}
	r := Router{Store: s, Clock: func() time.Time { return now }}
	pass := []time.Duration{0, time.Second, ReleaseEvery - 2*time.Second, 2 * time.Second}
	for _, d := range pass {
		now = now.Add(d)
		if _, err := r.RouteOnce(t.Context(), PoolInfo{Name: "p", Slots: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if want := "release route route route release route "; s.asked != want {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
}

func FuzzEventsAsked(f *testing.F) {
	f.Add("7", "after=3&wait=25s")
	f.Add("", "after=-1")
	f.Add("", "wait=-5s&after=1")
	f.Fuzz(func(t *testing.T, last, query string) {
		r := &http.Request{Header: http.Header{"Last-Event-Id": {last}}, URL: &url.URL{RawQuery: query}}
		after, wait, err := eventsAsked(r)
		if err == nil && (after < 0 || wait < 0 || wait > maxWait) {
			t.Fatalf("after %d, wait %s", after, wait)
		}
	})
}
