package engine

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/judge"
	"github.com/loket-dev/loket/bot-runtime/store/postgres"
	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
)

// BenchmarkIdleTenants is what 200 tenants that do nothing cost the one server that they share: each two bot pods and a desk
// pod with one pool, one of them watched by the operator. The budget is four connections and one transaction a second a tenant.
func BenchmarkIdleTenants(b *testing.B) {
	const (
		tenants = 200
		pods    = 3
		watched = time.Minute
	)
	var names []string
	ctx, end := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	defer func() { end(); watching.Wait() }()
	server, err := pgtest.Server()
	if err != nil {
		b.Fatal(err)
	}
	db, err := pgx.Connect(ctx, server)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close(context.Background())
	defer unattended(b, db)()
	for range tenants {
		for crowded := true; crowded; { // a pod that starts needs more than one that idles, and the server takes three thousand
			var n int
			if err := db.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity`).Scan(&n); err != nil {
				b.Fatal(err)
			}
			if crowded = n > 2800; crowded {
				time.Sleep(100 * time.Millisecond)
			}
		}
		uri := migratedPostgres(b)
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
			b.Cleanup(func() { _ = s.Close() })
			x := startOn(b, s, newWire(), func(o *Options) {
				o.PodName, o.Roles, o.Steppers = fmt.Sprintf("pod-%d", pod), Roles{Bot: pod > 0, Desk: pod == 0}, 2
				router := &desk.Router{Store: s}
				o.Route = func(ctx context.Context, name string, pool *judge.Pool) (int, error) {
					return router.RouteOnce(ctx, desk.PoolInfo{Name: name, Slots: int(pool.Spec.ConversationsPerAgent)})
				}
			})
			if pod == 1 {
				objects := counting() // a tenant without a bundle is one that is being set up
				pool := v1alpha1.AgentPool{Spec: v1alpha1.AgentPoolSpec{ConversationsPerAgent: 4, Agents: v1alpha1.Agents{SecretName: "agents"}}}
				pool.Name = "counter"
				objects.Pools = []v1alpha1.AgentPool{pool}
				x.apply(objects)
				watching.Go(func() {
					for since := ""; ctx.Err() == nil; {
						since = x.Status(ctx, since).ETag
					}
				})
			}
		}
	}
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

// unattended has the server's own upkeep leave its databases alone until end: it visits each every minute, and its
// transactions are no tenant's.
func unattended(b *testing.B, db *pgx.Conn) (end func()) {
	b.Helper()
	set := func(q string) {
		for _, q := range []string{q, `SELECT pg_reload_conf()`} {
			if _, err := db.Exec(context.Background(), q); err != nil {
				b.Fatal(err)
			}
		}
	}
	set(`ALTER SYSTEM SET autovacuum = off`)
	return func() { set(`ALTER SYSTEM RESET autovacuum`) }
}

// migratedPostgres is the URI of a database of its own, with the schema in it.
func migratedPostgres(tb testing.TB) string {
	tb.Helper()
	return pgtest.Prepared(tb, "engine", func(uri string) error {
		s, err := openURI(uri)
		if err != nil {
			return err
		}
		return errors.Join(s.Migrate(context.Background()), s.Close())
	})
}

func openURI(uri string) (*postgres.Store, error) {
	credentials, err := postgres.FromSecret(map[string]string{"uri": uri})
	if err != nil {
		return nil, err
	}
	return postgres.Open(credentials)
}
