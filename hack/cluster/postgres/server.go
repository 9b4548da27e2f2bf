package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loket-dev/loket/hack/cluster/process"
)

// stopGrace is how long a fast shutdown, which writes a checkpoint, may take.
const stopGrace = 30 * time.Second

// spec is the server's process. Settings are on the command line: there is then no file whose half could
// be written, and a later `ALTER SYSTEM` for everything else is kept.
func (i *Instance) spec(version string, o owner, at endpoint) process.Spec {
	data := i.data(version)
	s := process.Spec{
		Name: "PostgreSQL " + i.Name, Path: filepath.Join(bin(version), "postgres"), Mark: data,
		Args: []string{"-D", data}, Env: o.env(), Dir: "/", User: o.credential, Log: i.dir("server.log"),
	}
	for _, setting := range []string{
		"listen_addresses=" + at.Listen, "port=" + strconv.Itoa(at.Port),
		"unix_socket_directories=", // reached by TCP only, like a managed database
		"hba_file=" + filepath.Join(i.base(), "hba.conf"),
		"max_connections=300", "fsync=on", "timezone=UTC", "log_timezone=UTC",
		"log_line_prefix=%m [%p] %q%u@%d ",
	} {
		s.Args = append(s.Args, "-c", setting)
	}
	return s
}

// Running is the server's process, whatever address it was started with.
func (i *Instance) Running() (process.Running, bool) {
	version, err := i.version()
	if err != nil {
		return process.Running{}, false
	}
	return i.spec(version, owner{}, endpoint{}).Find()
}

func (i *Instance) start(ctx context.Context, version string, o owner, at endpoint) error {
	data := i.data(version)
	if err := orphans(data); err != nil {
		return err
	}
	if err := i.writeHBA(o); err != nil {
		return err
	}
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(i.dir("endpoint.json.new"), text, 0o644), os.Rename(i.dir("endpoint.json.new"), i.dir("endpoint.json"))); err != nil {
		return err
	}
	server, err := i.spec(version, o, at).Start()
	if err != nil {
		return err
	}
	deadline := time.NewTimer(startPatience)
	defer deadline.Stop()
	for !ready(data, server.PID) {
		select {
		case <-server.Done:
			return server.Ended()
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("PostgreSQL %s is not ready within %s; see %s", i.Name, startPatience, i.dir("server.log"))
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := i.lockDown(ctx); err != nil {
		return err
	}
	i.Out.Say("PostgreSQL %s ready at %s", version, at)
	return nil
}

// ready reads what the server writes in the eighth line of its lock file.
func ready(data string, pid int) bool {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) >= 8 && lines[0] == strconv.Itoa(pid) && strings.TrimSpace(lines[7]) == "ready"
}

// orphans ends the children of a server that was killed: they see it within moments by themselves, and
// a new server refuses to start before. The lock file is then stale whatever number stands in it; left
// there, it would stop the server whenever that number was given to another of the account's processes.
func orphans(data string) error {
	deadline := time.Now().Add(5 * time.Second)
	for {
		all, err := process.Table("/proc")
		if err != nil {
			return err
		}
		var left []process.Running
		for _, r := range all {
			if cwd, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(r.PID), "cwd")); err == nil && cwd == data {
				left = append(left, r)
			}
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			if _, err := process.Stop(0, left...); err != nil {
				return err
			}
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeHBA says who may connect: with a password, from the loopback and the ranges of the cluster.
func (i *Instance) writeHBA(o owner) error {
	rules := "host all all 127.0.0.0/8 scram-sha-256\nhost all all ::1/128 scram-sha-256\n"
	for _, p := range i.Allow {
		rules += "host all all " + p.Masked().String() + " scram-sha-256\n"
	}
	file := filepath.Join(i.base(), "hba.conf")
	return errors.Join(os.WriteFile(file+".new", []byte(rules), 0o600), o.give(file+".new"), os.Rename(file+".new", file))
}

// Down ends the server; clients are cut off. Its data stays.
func (i *Instance) Down() error {
	running, ok := i.Running()
	if !ok {
		return nil
	}
	killed, err := process.StopWith(unix.SIGINT, stopGrace, running)
	if len(killed) > 0 {
		i.Out.Say("PostgreSQL %s did not end within %s and was killed", i.Name, stopGrace)
	}
	if err == nil {
		i.Out.Say("PostgreSQL %s ended", i.Name)
	}
	return err
}

// Remove ends the server and removes its data.
func (i *Instance) Remove() error {
	if err := i.Down(); err != nil {
		return err
	}
	if version, err := i.version(); err == nil {
		if err := orphans(i.data(version)); err != nil {
			return err
		}
	}
	if err := errors.Join(os.RemoveAll(i.base()), os.RemoveAll(i.dir())); err != nil {
		return err
	}
	for dir := filepath.Dir(i.base()); strings.HasPrefix(dir, elsewhere); dir = filepath.Dir(dir) {
		_ = os.Remove(dir) // when empty
	}
	return nil
}

// Instances are the names of those that the state folder has.
func Instances(stateIn func(...string) string) []string {
	entries, err := os.ReadDir(stateIn("postgres"))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && nameRule.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}
