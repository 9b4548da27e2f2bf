// Package pgtest gives tests a real PostgreSQL: a private server, started once a test binary with fsync on, and a fresh
// database a test. The server and its folder go when the test binary ends, however it ends.
//
// LOKET_TEST_POSTGRES names the URI of a running server to use instead; its user must be allowed to create databases.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Database makes an empty database and returns its URI.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, "template1")
}

var (
	preparing sync.Mutex
	prepared  = map[string]string{}
)

// Prepared is Database with what prepare made in it. prepare runs once a name in a test binary, and the others are copies:
// a copy takes a tenth of a second, and migrations several on a busy machine.
func Prepared(t testing.TB, name string, prepare func(uri string) error) string {
	t.Helper()
	preparing.Lock()
	defer preparing.Unlock()
	if prepared[name] == "" || os.Getenv("LOKET_TEST_POSTGRES") != "" {
		server, err := Server()
		if err != nil {
			t.Fatal(err)
		}
		template := "template_" + randomHex(8)
		run(t, server, `CREATE DATABASE `+template)
		if err := prepare(inServer(t, server, template)); err != nil {
			t.Fatal(err)
		}
		if os.Getenv("LOKET_TEST_POSTGRES") != "" { // a server that stays is left as it was
			defer run(t, server, `DROP DATABASE `+template+` WITH (FORCE)`)
		}
		prepared[name] = template
	}
	return create(t, prepared[name])
}

func create(t testing.TB, template string) string {
	t.Helper()
	server, err := Server()
	if err != nil {
		t.Fatal(err)
	}
	name := "t" + randomHex(8)
	run(t, server, `CREATE DATABASE `+name+` TEMPLATE `+template)
	if os.Getenv("LOKET_TEST_POSTGRES") != "" { // ours goes as a whole; dropping one waits for a checkpoint
		t.Cleanup(func() { run(t, server, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`) })
	}
	return inServer(t, server, name)
}

func inServer(t testing.TB, server, database string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("LOKET_TEST_POSTGRES is not a URI")
	}
	u.Path = "/" + database
	return u.String()
}

func run(t testing.TB, server, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, query); err != nil {
		t.Fatal(err)
	}
}

// Server is the URI of the server of this test binary, as its superuser, for tests that need the server itself.
var Server = sync.OnceValues(func() (string, error) {
	if uri := os.Getenv("LOKET_TEST_POSTGRES"); uri != "" {
		return uri, nil
	}
	bin, err := Binaries()
	if err != nil {
		return "", err
	}
	return start(bin)
})

// Binaries is the folder of the newest PostgreSQL of Debian's that is installed.
func Binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	sort.Slice(found, func(i, j int) bool { return version(found[i]) < version(found[j]) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", fmt.Errorf("this test needs a real PostgreSQL: apt-get install -y postgresql, or set LOKET_TEST_POSTGRES to a URI")
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

// supervise ends the server when the test binary's end of the pipe closes, which even kill -9 does.
const supervise = `"$1/postgres" -D "$2/data" & pid=$!
cat >/dev/null
kill -INT $pid; wait $pid; rm -rf "$2"`

// leash is held open until this process ends; without a variable the collector would close it.
var leash io.WriteCloser //nolint:unused // it is held, not read

func start(bin string) (string, error) {
	dir, err := os.MkdirTemp("", "loket-postgres-")
	if err != nil {
		return "", err
	}
	as := &syscall.SysProcAttr{Setpgid: true}
	password, err := Init(bin, dir, as)
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	conf := fmt.Sprintf("\nlisten_addresses = '127.0.0.1'\nport = %d\nunix_socket_directories = ''\nmax_connections = 3000\n"+
		"fsync = on\nshared_buffers = 1GB\nmax_wal_size = 2GB\nlogging_collector = off\n", port)
	f, err := os.OpenFile(filepath.Join(dir, "data", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	if _, err := f.WriteString(conf); err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return "", err
	}
	defer log.Close()
	server := exec.Command("/bin/sh", "-c", supervise, "sh", bin, dir)
	server.SysProcAttr, server.Dir, server.Stdout, server.Stderr = as, dir, log, log
	if leash, err = server.StdinPipe(); err != nil {
		return "", err
	}
	if err := server.Start(); err != nil {
		return "", err
	}
	uri := fmt.Sprintf("postgresql://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", password, port)
	return uri, await(uri, log.Name())
}

// Own has a process be the user postgres where the caller is root, which PostgreSQL refuses to be, and gives that user a folder.
func Own(as *syscall.SysProcAttr, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("running as root needs the user postgres: %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(dir, uid, gid)
}

// Init makes a server's files in the folder data of dir, has as be who must run it (see Own), and returns its superuser's password.
func Init(bin, dir string, as *syscall.SysProcAttr) (password string, err error) {
	if err := Own(as, dir); err != nil {
		return "", err
	}
	password = randomHex(16)
	initdb := exec.Command("/bin/sh", "-c", `cat > "$2/pw" && exec "$1/initdb" -D "$2/data" -U postgres -A scram-sha-256 --pwfile="$2/pw" -E UTF8 --locale=C -N`, "sh", bin, dir)
	initdb.SysProcAttr, initdb.Dir, initdb.Stdin = as, dir, strings.NewReader(password)
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return password, nil
}

func await(uri, log string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, uri)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			said, _ := os.ReadFile(log)
			return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, said)
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
