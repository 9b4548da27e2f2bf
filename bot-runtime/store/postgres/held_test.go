package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// A stepper that is stopped in the middle of a turn keeps its lanes' locks until the server ends its session. Whoever writes in
// such a lane is waited for by the webhooks of all others in the same transaction: it must be over before Accept gives up.
func TestACitizenWhoseLaneAStoppedStepperHoldsIsTakenAllTheSame(t *testing.T) {
	s := connect(t, unmigrated(t)) // a copy of a migrated database has not the role's settings
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	from := func(id string) store.Batch {
		return store.Batch{Messages: []store.Inbound{{Channel: "wa", ExternalID: id, At: time.Now(), Body: message.In{Kind: message.InText, Text: id},
			Identities: []message.Identity{{Scope: "wa", Kind: message.IdentityPhone, Value: "62811"}}}}}
	}
	if _, err := s.Accept(t.Context(), from("first")); err != nil {
		t.Fatal(err)
	}
	holds, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(ended)
		_, _ = s.Turn(context.Background(), 1, func(store.Lane) (store.Outcome, error) { // its session is over, or it runs again
			once.Do(func() { close(holds) })
			<-goOn
			return store.Outcome{}, errors.New("nothing comes of it")
		})
	}()
	<-holds
	if _, err := s.Accept(t.Context(), from("second")); err != nil {
		t.Errorf("the second message was not stored: %v", err)
	}
	close(goOn)
	<-ended
}
