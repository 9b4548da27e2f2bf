package engine

import (
	"context"
	"errors"
	"net/url"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/store/postgres"
	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
)

// BenchmarkIdleTenants is what 200 tenants that do nothing cost the one server that they share: each two bot pods and a desk
// pod, one of them watched by the operator. The budget is four connections and one transaction a second a tenant.
func BenchmarkIdleTenants(b *testing.B) {
	const (
		tenants = 200
		pods    = 3
		watched = time.Minute
	)
	var names []string
	var closing []func()
	var working sync.WaitGroup
	ctx, end := context.WithCancel(context.Background())
	defer func() {
		end()
		working.Wait()
		for _, c := range closing {
			c()
		}
	}()
	for range tenants {
		uri := pgtest.Prepared(b, "engine", func(uri string) error {
			s, err := openURI(uri)
			if err != nil {
				return err
			}
			return errors.Join(s.Migrate(context.Background()), s.Close())
		})
		u, err := url.Parse(uri)
		if err != nil {
			b.Fatal(err)
		}
		names = append(names, path.Base(u.Path))
		for pod := range pods {
			s, err := openURI(uri)
			if err != nil {
				b.Fatal(err)
			}
			closing = append(closing, func() { _ = s.Close() })
			if err := s.Migrate(ctx); err != nil {
				b.Fatal(err)
			}
			e := New(Options{Store: s, Roles: Roles{Bot: pod > 0, Desk: pod == 0}, PodName: "pod-" + string(rune('a'+pod)), Steppers: 2,
				Log: logr.Discard(), Route: func(context.Context, string, int) (int, error) { return 0, nil },
				Connect: func(string, v1alpha1.ChannelSpec, Doors) Connection { return Connection{} }})
			working.Go(func() { e.Run(ctx) })
			if pod == 1 {
				working.Go(func() {
					for since := ""; ctx.Err() == nil; {
						since = e.Status(ctx, since).ETag
					}
				})
			}
		}
	}
	server, err := pgtest.Server()
	if err != nil {
		b.Fatal(err)
	}
	db, err := pgx.Connect(ctx, server)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close(context.Background())
	ask := func(query string) (n int64) {
		if err := db.QueryRow(ctx, query, names).Scan(&n); err != nil {
			b.Fatal(err)
		}
		return n
	}
	const (
		connections  = `SELECT count(*) FROM pg_stat_activity WHERE datname = ANY ($1)`
		transactions = `SELECT sum(xact_commit + xact_rollback)::bigint FROM pg_stat_database WHERE datname = ANY ($1)`
	)
	time.Sleep(2 * time.Minute) // starts are over, and connections that only they needed are closed
	b.ResetTimer()
	for b.Loop() {
		before := ask(transactions)
		time.Sleep(watched)
		b.ReportMetric(float64(ask(transactions)-before)/tenants/watched.Seconds(), "transactions/s/tenant")
		b.ReportMetric(float64(ask(connections))/tenants, "connections/tenant")
	}
	b.StopTimer()
}

func openURI(uri string) (*postgres.Store, error) {
	credentials, err := postgres.FromSecret(map[string]string{"uri": uri})
	if err != nil {
		return nil, err
	}
	return postgres.Open(credentials)
}
