//go:build chaos

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// instance is a PostgreSQL of one test's own, which may be killed, fill up, or be taken over by a standby. It has fsync on.
type instance struct {
	testing.TB
	bin, dir, password string
	port               int
	cmd                *exec.Cmd
	gone               chan struct{} // closed when the process has ended
}

// postgresBinaries is the newest PostgreSQL of Debian's that is installed.
func postgresBinaries(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		t.Fatal("this test needs a real PostgreSQL: apt-get install -y postgresql")
	}
	return found[len(found)-1]
}

// asPostgres is the user that servers run as, since they refuse to be root.
func asPostgres(t testing.TB, owned ...string) *syscall.SysProcAttr {
	t.Helper()
	as := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		return as
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("running as root needs the user postgres: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, path := range owned {
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return as
}

// folder is one that the user postgres may enter, unlike a test's.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "loket-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newServer makes a server in dir and starts it.
func newServer(t testing.TB, dir string, settings ...string) *instance {
	t.Helper()
	secret := make([]byte, 8)
	if _, err := rand.Read(secret); err != nil {
		t.Fatal(err)
	}
	s := &instance{TB: t, bin: postgresBinaries(t), dir: filepath.Join(dir, "data"), password: hex.EncodeToString(secret)}
	initdb := exec.Command("/bin/sh", "-c", `cat > "$2.pw" && exec "$1/initdb" -D "$2" -U postgres -A scram-sha-256 --pwfile="$2.pw" -E UTF8 --locale=C -N`, "sh", s.bin, s.dir)
	initdb.SysProcAttr, initdb.Dir, initdb.Stdin = asPostgres(t, dir), dir, strings.NewReader(s.password)
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.configure(append([]string{"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", "max_connections = 100", "shared_buffers = 64MB"}, settings...)...)
	s.start()
	s.run("postgres", "CREATE DATABASE tenant")
	return s
}

// configure adds settings, and gives the server a port of its own.
func (s *instance) configure(settings ...string) {
	s.Helper()
	_, port, _ := strings.Cut(freeAddress(s), ":")
	s.port, _ = strconv.Atoi(port)
	f, err := os.OpenFile(filepath.Join(s.dir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "\n%s\nport = %d\n", strings.Join(settings, "\n"), s.port); err != nil {
		s.Fatal(err)
	}
}

// uri is of a database, at an address that may be a line's.
func (s *instance) uri(database, address string) string {
	return fmt.Sprintf("postgresql://postgres:%s@%s/%s?sslmode=disable", s.password, address, database)
}

func (s *instance) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// start starts the server and waits until it answers; one that was killed may need several tries, while its last backends end.
func (s *instance) start() {
	s.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		s.launch()
		for {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			conn, err := pgx.Connect(ctx, s.uri("postgres", s.address()))
			if err == nil {
				_ = conn.Close(ctx)
			}
			cancel()
			if err == nil {
				return
			}
			if time.Now().After(deadline) {
				said, _ := os.ReadFile(s.dir + ".log")
				s.Fatalf("PostgreSQL did not start: %v\n%s", err, said[max(0, len(said)-2000):])
			}
			if !s.alive() {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *instance) launch() {
	s.Helper()
	log, err := os.OpenFile(s.dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.dir)
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = asPostgres(s), s.dir, log, log
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }()
	s.cmd, s.gone = cmd, gone
	s.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-gone:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-gone
		}
	})
}

func (s *instance) alive() bool {
	select {
	case <-s.gone:
		return false
	default:
		return true
	}
}

// kill is kill -9 of the postmaster.
func (s *instance) kill() {
	_ = s.cmd.Process.Kill()
	<-s.gone
}

// run runs a statement as the superuser.
func (s *instance) run(database, statement string) {
	s.Helper()
	if err := s.try(database, statement); err != nil {
		s.Fatal(err)
	}
}

func (s *instance) try(database, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.uri(database, s.address()))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// standby is an asynchronous one of the server, which hears of it by an address that may be a line's.
func (s *instance) standby(address string) *instance {
	s.Helper()
	dir := folder(s)
	b := &instance{TB: s.TB, bin: s.bin, dir: filepath.Join(dir, "data"), password: s.password}
	host, port, _ := strings.Cut(address, ":")
	backup := exec.Command(filepath.Join(s.bin, "pg_basebackup"), "-D", b.dir, "-R", "-X", "stream", "-c", "fast", "-h", host, "-p", port, "-U", "postgres")
	backup.SysProcAttr, backup.Dir, backup.Env = asPostgres(s, dir), dir, append(os.Environ(), "PGPASSWORD="+s.password)
	if out, err := backup.CombinedOutput(); err != nil {
		s.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	b.configure()
	b.start()
	return b
}
