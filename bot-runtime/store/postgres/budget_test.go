package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Two pods claim at once: the second reads the clock, waits for the first's budget row, and finds in it a time later than its
// own. Found by killing pods on a real cluster: it went backwards in time, into debt, and panicked.
func TestASenderThatWaitedForTheBudgetDoesNotGoBackInTime(t *testing.T) {
	ctx := context.Background()
	uri := migrated(t)
	s := connect(t, uri)
	if _, err := s.Accept(ctx, store.Batch{Messages: []store.Inbound{{Channel: "wa", ExternalID: "a", At: time.Now(),
		Identities: []message.Identity{{Scope: "p", Kind: message.IdentityPhone, Value: "1"}},
		Body:       message.In{Kind: message.InText, Text: "halo"}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Turn(ctx, 1, func(l store.Lane) (store.Outcome, error) {
		return store.Outcome{Handled: []int64{l.Inbox[0].ID}, Format: 1, State: []byte("{}"), Send: []store.Outgoing{{
			ID: "11111111-1111-5111-8111-111111111111", Author: message.AuthorBot, Class: message.ClassAnswer, Body: message.Out{Text: "hi"}}}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(ctx, uri)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	later := time.Now().Add(time.Hour).UnixMicro()
	if _, err := db.Exec(ctx, `INSERT INTO send_budget (channel, tokens, at) VALUES ('wa', 500000, $1)`, later); err != nil {
		t.Fatal(err)
	}
	if sends, err := s.ClaimSends(ctx, []string{"wa"}, 10, time.Minute, 80); err != nil || len(sends) != 0 {
		t.Fatalf("half a token sent %d messages, %v", len(sends), err)
	}
	var tokens, at int64
	if err := db.QueryRow(ctx, `SELECT tokens, at FROM send_budget WHERE channel = 'wa'`).Scan(&tokens, &at); err != nil || tokens != 500000 || at != later {
		t.Fatalf("tokens %d, at %d (want %d), %v", tokens, at, later, err)
	}
}
