//go:build chaos

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
)

// instance is a PostgreSQL of one test's own, which may be killed, fill up, or be taken over by a standby. It has fsync on.
type instance struct {
	testing.TB
	bin, dir, password string
	as                 *syscall.SysProcAttr
	port               int
	cmd                *exec.Cmd
	gone               chan struct{} // closed when the process has ended
}

// underling is a process that ends with the test.
func underling() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

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
	bin, err := pgtest.Binaries()
	if err != nil {
		t.Fatal(err)
	}
	s := &instance{TB: t, bin: bin, dir: filepath.Join(dir, "data"), as: underling()}
	if s.password, err = pgtest.Init(bin, dir, s.as); err != nil {
		t.Fatal(err)
	}
	s.configure(append([]string{"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", "max_connections = 100", "shared_buffers = 64MB"}, settings...)...)
	if err := errors.Join(s.start(), s.try("postgres", "CREATE DATABASE tenant")); err != nil {
		t.Fatal(err)
	}
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
func (s *instance) start() error {
	deadline := time.Now().Add(time.Minute)
	for {
		if err := s.launch(); err != nil {
			return err
		}
		for {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			conn, err := pgx.Connect(ctx, s.uri("postgres", s.address()))
			if err == nil {
				_ = conn.Close(ctx)
			}
			cancel()
			if err == nil {
				return nil
			}
			if time.Now().After(deadline) {
				said, _ := os.ReadFile(s.dir + ".log")
				return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, said[max(0, len(said)-2000):])
			}
			if !s.alive() {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *instance) launch() error {
	log, err := os.OpenFile(s.dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.dir)
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = s.as, s.dir, log, log
	if err := cmd.Start(); err != nil {
		return err
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
	return nil
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

// try runs a statement as the superuser.
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
	b := &instance{TB: s.TB, bin: s.bin, dir: filepath.Join(dir, "data"), password: s.password, as: underling()}
	if err := pgtest.Own(b.as, dir); err != nil {
		s.Fatal(err)
	}
	host, port, _ := strings.Cut(address, ":")
	backup := exec.Command(filepath.Join(s.bin, "pg_basebackup"), "-D", b.dir, "-R", "-X", "stream", "-c", "fast", "-h", host, "-p", port, "-U", "postgres")
	backup.SysProcAttr, backup.Dir, backup.Env = b.as, dir, append(os.Environ(), "PGPASSWORD="+s.password)
	if out, err := backup.CombinedOutput(); err != nil {
		s.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	b.configure()
	if err := b.start(); err != nil {
		s.Fatal(err)
	}
	return b
}
