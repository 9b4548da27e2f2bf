package main

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
	simdesk "github.com/loket-dev/loket/hack/sim/desk"
	"github.com/loket-dev/loket/hack/sim/platform"
)

func TestTwoPodsOfWhichOneIsKilledAgainAndAgainAnswerEverythingOnce(t *testing.T) {
	w := newTown(t, platform.Faults{Redeliver: 0.1})
	w.database = pgtest.Database(t)
	pods := []*child{w.child("bot-0", freeAddress(t), w.internal), w.child("bot-1", freeAddress(t), freeAddress(t))}
	w.balance(pods...)
	for _, p := range pods {
		p.start()
	}
	w.apply(countingObjects(t))
	w.until("both pods run the bundle", func() bool { return w.status().PodsOnApplied == 2 })
	kills := make(chan int, 8)
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for which := range kills {
			pods[which%2].kill()
			pods[which%2].start()
		}
	}()
	w.crowd(25, 20, func(total int) {
		if total%120 == 0 {
			kills <- total / 120
		}
	})
	close(kills)
	<-killed
	t.Log(w.answered(20))
	w.until("the last pod has looked", func() bool { return w.ready() == http.StatusOK })
	if n := w.metric("loket_lanes_repaired_total"); n != 0 {
		t.Errorf("%v lanes had to be repaired", n)
	}
	for _, p := range pods {
		p.kill()
	}
}

// server runs a statement on the database's server, beside the database.
func server(t *testing.T, statement string, args ...any) {
	t.Helper()
	uri, err := pgtest.Server()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, uri)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement, args...); err != nil {
		t.Fatal(err)
	}
}

func TestADatabaseThatGoesAwayIsA503AndNothingIsLost(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.database = pgtest.Database(t)
	u, err := url.Parse(w.database)
	if err != nil {
		t.Fatal(err)
	}
	name := u.Path[1:]
	w.start(nil)
	w.apply(countingObjects(t))
	siti := w.platform.NewCitizen("Siti", platform.WithNumber)
	say(t, siti, "1")
	hears(t, siti, 0, "1:1")
	server(t, `ALTER DATABASE `+name+` ALLOW_CONNECTIONS false`)
	server(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
	w.until("the pod is not ready", func() bool { return w.ready() == http.StatusServiceUnavailable })
	acked := make(chan struct{})
	go func() { defer close(acked); say(t, siti, "2") }() // delivered again until it is taken
	w.until("the webhook is answered 503", func() bool { return w.metric("loket_webhooks_refused_total") > 0 })
	select {
	case <-acked:
		t.Error("a message was acknowledged while there was no database")
	default:
	}
	server(t, `ALTER DATABASE `+name+` ALLOW_CONNECTIONS true`)
	<-acked
	hears(t, siti, 1, "2:2")
	w.until("the pod is ready again", func() bool { return w.ready() == http.StatusOK })
}

func TestAnAgentsReplyFromTheDesksPodIsSentByTheBotsPod(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.database = pgtest.Database(t)
	w.start(func(p *pod) { p.roles = engine.Roles{Bot: true} })
	d := *w // the desk's pod, at addresses of its own
	d.public, d.internal = freeAddress(t), freeAddress(t)
	d.start(func(p *pod) {
		p.roles, p.name, p.pools = engine.Roles{Desk: true}, "desk-0", []string{"contact-centre"}
	})
	w.apply(sampleObjects(t))
	w.until("both pods run the bundle", func() bool { return w.status().PodsOnApplied == 2 })
	for path, on := range map[string]string{"/desk/contact-centre/api/about": w.public, "/hooks/wa": d.public} {
		r, err := http.NewRequest(http.MethodGet, "http://"+on+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if code, _ := w.do(r); code != http.StatusNotFound {
			t.Errorf("%s on a pod without its role: %d", path, code)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	agent, err := simdesk.SignIn(ctx, "http://"+d.public+"/desk/contact-centre/", devAgent, "of-the-test")
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.SetAvailable(ctx, true); err != nil {
		t.Fatal(err)
	}
	siti := w.platform.NewCitizen("Siti", platform.WithNumber)
	say(t, siti, "petugas")
	n := hears(t, siti, 0, "petugas")
	w.until("the conversation is the agent's", func() bool {
		view, err := agent.View(ctx)
		return err == nil && len(view.Conversations) == 1 && agent.Reply(ctx, view.Conversations[0].ID, "c1", "Halo dari loket.") == nil
	})
	hears(t, siti, n, "dari loket")
	if err := agent.SignOut(ctx); err != nil {
		t.Error(err)
	}
}
