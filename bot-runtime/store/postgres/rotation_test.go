package postgres

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
)

// A platform changes a database's password while pods serve: the kubelet swaps the file, and no pod is started anew.
func TestAPasswordThatWasChangedIsUsedByTheNextConnection(t *testing.T) {
	uri := pgtest.Database(t)
	admin, err := pgx.Connect(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(context.Background()) })
	role := fmt.Sprintf("rotated_%d", os.Getpid())
	do := func(format string) {
		t.Helper()
		if _, err := admin.Exec(context.Background(), fmt.Sprintf(format, role)); err != nil {
			t.Fatal(err)
		}
	}
	do(`CREATE ROLE %s LOGIN PASSWORD 'before'`)
	t.Cleanup(func() { do(`DROP ROLE %s`) })
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	keep := func(password string) {
		t.Helper()
		for key, value := range map[string]string{"host": u.Hostname(), "port": u.Port(), "dbname": strings.TrimPrefix(u.Path, "/"), "username": role,
			"password": password} {
			if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	keep("before")
	s, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	answers := func() error { return s.pool.Ping(t.Context()) }
	if err := answers(); err != nil {
		t.Fatal(err)
	}
	do(`ALTER ROLE %s PASSWORD 'behind'`)
	do(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '%s'`)
	s.pool.Reset()
	if err := answers(); err == nil {
		t.Fatal("the server takes the password of before: nothing is shown")
	}
	keep("behind")
	if err := answers(); err != nil {
		t.Errorf("the Secret has the new password, and the pod is refused: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "password")); err != nil { // amid a swap
		t.Fatal(err)
	}
	s.pool.Reset()
	if err := answers(); err != nil {
		t.Errorf("a file that is away for a moment: %v", err)
	}
}
