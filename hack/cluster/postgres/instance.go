// Package postgres runs Debian's PostgreSQL as a server of our own: its own folder, its own address, never
// the machine's service. Beside the cluster it stands in for a managed database; tests that need nothing
// but PostgreSQL use it without any cluster, and without root.
package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loket-dev/loket/hack/cluster/paths"
	"github.com/loket-dev/loket/hack/cluster/process"
	"github.com/loket-dev/loket/hack/cluster/progress"
)

// The instances that commands know by themselves.
const (
	Cluster = "cluster" // on the machine's end of the cluster's link, for pods
	Local   = "local"   // on the loopback, for tests
)

// account is whom the server runs as when root starts it: it refuses to be root.
const account = "postgres"

// elsewhere holds the data of state folders that the account cannot reach, as below /root.
const elsewhere = "/var/lib/loket-cluster"

// Instance is one server.
type Instance struct {
	Layout paths.Layout
	Name   string
	Out    *progress.Printer
	// Allow are the address ranges that may connect, beside the loopback.
	Allow []netip.Prefix
}

var nameRule = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// New describes an instance; it changes nothing.
func New(layout paths.Layout, name string, out *progress.Printer) (*Instance, error) {
	if !nameRule.MatchString(name) {
		return nil, fmt.Errorf("instance %q: a name is lower-case letters, digits and dashes, at most 31", name)
	}
	return &Instance{Layout: layout, Name: name, Out: out}, nil
}

// dir holds what the caller keeps of the instance: passwords and the address. The data may lie elsewhere.
func (i *Instance) dir(parts ...string) string {
	return i.Layout.In(append([]string{"postgres", i.Name}, parts...)...)
}

// base is where the data is, as a folder of which everything belongs to who runs the server.
func (i *Instance) base() string {
	if os.Getuid() != 0 || reachable(i.Layout.State) {
		return i.dir("server")
	}
	return filepath.Join(elsewhere, key(i.Layout.State), i.Name)
}

func key(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:])[:8]
}

// reachable reports whether every user may pass through the folder and all above it.
func reachable(dir string) bool {
	for ; dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // to be made by us, passable
		}
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
	}
	return true
}

// endpoint is where the server listens; it is kept so that the next start answers at the same place.
type endpoint struct {
	Listen string `json:"listen"`
	Port   int    `json:"port"`
}

func (e endpoint) String() string { return net.JoinHostPort(e.Listen, strconv.Itoa(e.Port)) }

func (i *Instance) endpoint() (endpoint, error) {
	var e endpoint
	text, err := os.ReadFile(i.dir("endpoint.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return e, fmt.Errorf("PostgreSQL %s was never started here; start it with `%s`", i.Name, i.howToStart())
	}
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(text, &e)
}

func (i *Instance) howToStart() string {
	if i.Name == Cluster {
		return "up --postgres"
	}
	return "postgres up --instance " + i.Name
}

// Up makes the server when there is none, and starts it when it does not run. With port 0 it keeps the
// port that it had, or takes a free one; another port it takes as it is said, or the next free one after
// it when search is set.
func (i *Instance) Up(ctx context.Context, listen string, port int, search bool) error {
	if err := i.Layout.Claim(); err != nil {
		return err
	}
	unlock, err := i.lock()
	if err != nil {
		return err
	}
	defer unlock()
	version, err := i.version()
	if err != nil {
		return err
	}
	owner, err := runAs()
	if err != nil {
		return err
	}
	if err := i.initialise(ctx, version, owner); err != nil {
		return fmt.Errorf("make PostgreSQL %s: %w", i.Name, err)
	}
	had, _ := i.endpoint()
	running, ok := i.Running()
	if ok && had.Listen == listen && (port == 0 || search || had.Port == port) {
		return nil
	}
	if ok {
		i.Out.Say("PostgreSQL is started anew: it is to listen at another address")
		if _, err := process.StopWith(unix.SIGINT, stopGrace, running); err != nil {
			return err
		}
	}
	if had.Listen == listen && (port == 0 || search) && free(had) {
		port = had.Port
	}
	at, err := choose(listen, port, search)
	if err != nil {
		return err
	}
	return i.start(ctx, version, owner, at)
}

// choose finds the port to listen on.
func choose(listen string, port int, search bool) (endpoint, error) {
	if port == 0 {
		l, err := net.Listen("tcp", net.JoinHostPort(listen, "0"))
		if err != nil {
			return endpoint{}, err
		}
		defer func() { _ = l.Close() }()
		return endpoint{listen, l.Addr().(*net.TCPAddr).Port}, nil
	}
	for p := port; p < port+100; p++ {
		if free(endpoint{listen, p}) {
			return endpoint{listen, p}, nil
		}
		if !search {
			break
		}
	}
	return endpoint{}, fmt.Errorf("%s is taken by another program (or is no address of this machine); choose another with --port, or --port 0 for any", endpoint{listen, port})
}

func free(e endpoint) bool {
	l, err := net.Listen("tcp", e.String())
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// version picks the release: the one that the data was made with, else 15, else the newest that is there.
func (i *Instance) version() (string, error) {
	var found []string
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	for _, d := range dirs {
		found = append(found, filepath.Base(filepath.Dir(filepath.Dir(d))))
	}
	return pick(found, func(v string) bool {
		_, err := os.Stat(filepath.Join(i.base(), "data-"+v))
		return err == nil
	})
}

func pick(found []string, hasData func(string) bool) (string, error) {
	best, number := "", 0
	for _, v := range found {
		if hasData(v) {
			return v, nil
		}
		n, err := strconv.Atoi(v)
		if err == nil && (v == "15" || best != "15" && n > number) {
			best, number = v, n
		}
	}
	if best == "" {
		return "", errors.New("no PostgreSQL below /usr/lib/postgresql; get it with `deps --install`")
	}
	return best, nil
}

// owner is who runs the server.
type owner struct {
	credential *syscall.Credential // nil for the caller
	home       string
}

func runAs() (owner, error) {
	if os.Getuid() != 0 {
		return owner{home: os.Getenv("HOME")}, nil
	}
	u, err := user.Lookup(account)
	if err != nil {
		return owner{}, fmt.Errorf("no user %s to run the server as: %w; the package postgresql makes it (`deps --install`)", account, err)
	}
	uid, errU := strconv.ParseUint(u.Uid, 10, 32)
	gid, errG := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errU, errG); err != nil {
		return owner{}, err
	}
	return owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, u.HomeDir}, nil
}

func (o owner) give(path string) error {
	if o.credential == nil {
		return nil
	}
	return os.Lchown(path, int(o.credential.Uid), int(o.credential.Gid))
}

func (o owner) env() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + o.home, "LC_ALL=C.UTF-8", "TZ=UTC"}
}

// initialise makes the data folder. It is made beside its place and renamed, so a cut one is made again.
func (i *Instance) initialise(ctx context.Context, version string, o owner) error {
	if err := os.MkdirAll(i.dir("databases"), 0o711); err != nil {
		return err
	}
	// 0711 above, so that the account passes; what is in the folder itself is for it alone.
	if err := os.MkdirAll(i.base(), 0o711); err != nil {
		return err
	}
	if err := o.give(i.base()); err != nil {
		return err
	}
	data := i.data(version)
	if _, err := os.Stat(data); err == nil {
		if _, err := os.Stat(i.dir("password")); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Somebody removed the cluster's folder to begin anew, and data that lies elsewhere cannot be opened without it.
		if running, ok := i.Running(); ok {
			if _, err := process.StopWith(unix.SIGINT, stopGrace, running); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(data); err != nil {
			return err
		}
		i.Out.Say("PostgreSQL %s: data of a cluster that was removed is dropped, nobody has its password any more", version)
	}
	password, err := secret(i.dir("password"))
	if err != nil {
		return err
	}
	fresh, passwordFile := data+".new", filepath.Join(i.base(), "password.new")
	if err := errors.Join(os.RemoveAll(fresh), os.RemoveAll(passwordFile)); err != nil {
		return err
	}
	defer func() { _ = os.Remove(passwordFile) }()
	if err := errors.Join(os.WriteFile(passwordFile, []byte(password+"\n"), 0o600), o.give(passwordFile)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin(version), "initdb"), "--pgdata="+fresh, "--username=postgres",
		"--auth=scram-sha-256", "--pwfile="+passwordFile, "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", o.env(), &syscall.SysProcAttr{Credential: o.credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %s (%w)", strings.TrimSpace(string(out)), err)
	}
	if err := os.Rename(fresh, data); err != nil {
		return err
	}
	i.Out.Say("PostgreSQL %s made", version)
	return nil
}

func (i *Instance) data(version string) string { return filepath.Join(i.base(), "data-"+version) }

func bin(version string) string { return filepath.Join("/usr/lib/postgresql", version, "bin") }

// secret reads a password from a file, or makes one.
func secret(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil && len(text) > 0 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	password := rand.Text()
	if err := os.WriteFile(file+".new", []byte(password+"\n"), 0o600); err != nil {
		return "", err
	}
	return password, os.Rename(file+".new", file)
}

func (i *Instance) lock() (func(), error) {
	return paths.Lock(i.dir("lock"), func() { i.Out.Say("PostgreSQL %s: another command is at work; waiting for it", i.Name) })
}

// startPatience allows for the recovery after a kill.
const startPatience = 2 * time.Minute
