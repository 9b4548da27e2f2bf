//go:build chaos

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
	"github.com/loket-dev/loket/hack/sim/check"
	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/platform"
	"github.com/loket-dev/loket/hack/sim/scenario"
)

// scenarios are those of the catalogue that need a machine only: pods are processes, the store is a PostgreSQL of their own or a
// file. Run one with make chaos SCENARIO=name.
var scenarios = map[string]func(t *testing.T){
	"bots-killed":              botsKilled,
	"postmaster-killed":        postmasterKilled,
	"backends-terminated":      backendsTerminated,
	"commit-replies-swallowed": commitRepliesSwallowed,
	"database-silent":          databaseSilent,
	"snapshot-held":            snapshotHeld,
	"sender-stopped":           senderStopped,
	"failover-lost-tail":       failoverLostTail,
	"pgbouncer":                throughPgbouncer,
	"old-and-new":              oldAndNew,
	"disk-full-sqlite":         diskFullSQLite,
	"disk-full-postgres":       diskFullPostgres,
	"blind-cuts":               blindCuts,
	"one-hangs":                oneHangs,
}

// make test-go runs this one, too.
func TestTheScenariosOfAMachineAreThoseOfTheCatalogue(t *testing.T) {
	if err := scenario.Match(scenario.Machine, scenarios); err != nil {
		t.Error(err)
	}
}

func TestChaos(t *testing.T) {
	for name, run := range scenarios {
		t.Run(name, run)
	}
}

// furtherNumbers beside the sample's one: each may send 80 messages a second.
const furtherNumbers = 3

// everything goes wrong with the platform, a little, in all scenarios.
var everything = platform.Faults{Redeliver: 0.2, Shuffle: 0.2, Refuse: 0.02, Cut: 0.02, Forge: 0.1}

// plan is about as long as its scenario needs: 4 numbers send 320 messages a second at most.
func plan(citizens, messages int) load.Plan {
	return load.Plan{Citizens: citizens, Messages: messages, Ahead: 5, Patience: 2 * time.Minute}
}

// crew is a town with two bots on one database.
type crew struct {
	*town
	bots []*child
}

// patient is engine.DefaultTiming in small. The wait must be longer than any echo takes to be recorded on a machine that is busy
// with other things, and than a stopped sender sleeps beyond its lease: else a double is not the engine's fault, but that of the
// timing (test/protocol/lease.pml, conditions a and c).
var patient = engine.Timing{Lease: 4 * time.Second, Call: 2 * time.Second, UnknownWait: 20 * time.Second, UnknownQuiet: 40 * time.Second}

// newCrew starts two bots on the database at a URI.
func newCrew(t *testing.T, uri string) *crew {
	t.Helper()
	return crewIn(newChaosTown(t), uri)
}

func newChaosTown(t *testing.T) *town {
	t.Helper()
	w := newTownWith(t, platform.Faults{}, furtherNumbers, 20*time.Millisecond)
	w.timing = patient
	return w
}

// keepJournal keeps the evidence of a run that went wrong, which is in a folder that goes with the test.
func (w *town) keepJournal(wrong bool) {
	if !wrong {
		return
	}
	kept, err := os.CreateTemp("", "loket-chaos-*.jsonl")
	if err != nil {
		w.Log(err)
		return
	}
	defer kept.Close()
	body, err := os.ReadFile(filepath.Join(w.dir, "journal.jsonl"))
	if err == nil {
		_, err = kept.Write(body)
	}
	w.Log("the journal is kept: ", kept.Name(), err)
}

// crewIn starts two bots on the database at a URI, or one on SQLite.
func crewIn(w *town, uri string) *crew {
	w.Helper()
	w.database = uri
	c := &crew{town: w, bots: []*child{w.child("bot-0", freeAddress(w), w.internal)}}
	if uri != "" {
		c.bots = append(c.bots, w.child("bot-1", freeAddress(w), freeAddress(w)))
	}
	w.balance(c.bots...)
	objects := w.countingOn(furtherNumbers)
	for _, b := range c.bots {
		b.start()
		w.Cleanup(func() { b.kill() })
	}
	w.apply(objects)
	w.until("all bots run the bundle", func() bool { return w.status().PodsOnApplied == len(c.bots) })
	return c
}

// run is a scenario of this crew. The store is read directly, whatever stands before it.
func (c *crew) run(p load.Plan, direct string, fault scenario.Fault) scenario.Run {
	c.Helper()
	c.Cleanup(func() { c.keepJournal(c.Failed()) })
	run := c.rig(p)
	if direct != "" {
		run.Store = direct
	}
	var internal []string
	for _, b := range c.bots {
		internal = append(internal, b.Internal)
	}
	run.Faults, run.Fault, run.Figures, run.Quiet, run.Every = everything, fault, figuresOf(internal...), time.Minute, 5*time.Second
	run.Terms = check.Terms{Rate: 80, Air: 64 * (len(c.bots) + 1)} // what a bot had on the wire arrives after it was killed
	return run
}

// onServer is a crew with a server of its own.
func onServer(t *testing.T) (*instance, *crew) {
	t.Helper()
	s := newServer(t, folder(t))
	return s, newCrew(t, s.uri("tenant", s.address()))
}

// onLine is a crew with a line between it and its server.
func onLine(t *testing.T) (*instance, *line, *crew) {
	t.Helper()
	s := newServer(t, folder(t))
	l := newLine(t, s.address())
	return s, l, newCrew(t, s.uri("tenant", l.address()))
}

// each does something at these shares of the load.
func each(do func(ctx context.Context, n int) error, shares ...float64) scenario.Fault {
	return func(ctx context.Context, load scenario.Progress) error {
		for n, share := range shares {
			if err := load.Wait(ctx, share); err != nil {
				return err
			}
			if err := do(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}
}

// rest waits, whatever becomes of the load: what goes wrong is to go wrong for that long.
func rest(d time.Duration) { <-time.After(d) }

func botsKilled(t *testing.T) {
	_, c := onServer(t)
	do(t, c.run(plan(100, 40), "", each(func(_ context.Context, n int) error {
		c.bots[n%2].kill()
		return c.bots[n%2].launch()
	}, .05, .1, .15, .2, .25, .3, .35, .4, .45, .5, .55, .6, .65, .7, .75, .8, .85, .9)))
}

func postmasterKilled(t *testing.T) {
	s, c := onServer(t)
	do(t, c.run(plan(100, 40), "", each(func(context.Context, int) error {
		s.kill()
		return s.start()
	}, .1, .3, .5, .7, .9)))
}

func backendsTerminated(t *testing.T) {
	s, c := onServer(t)
	n := 0
	do(t, c.run(plan(100, 60), "", func(ctx context.Context, _ scenario.Progress) error {
		for ctx.Err() == nil {
			if err := s.try("postgres", `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
				WHERE datname = 'tenant' AND application_name = 'loket' ORDER BY random() LIMIT 1) AS one`); err != nil {
				return err
			}
			n++
			rest(200 * time.Millisecond)
		}
		return nil
	}))
	if n < 20 {
		t.Errorf("only %d backends were terminated", n)
	}
	t.Logf("%d backends terminated", n)
}

func commitRepliesSwallowed(t *testing.T) {
	s, l, c := onLine(t)
	l.swallow.Store(20)
	do(t, c.run(plan(100, 40), s.uri("tenant", s.address()), func(ctx context.Context, _ scenario.Progress) error {
		<-ctx.Done()
		l.swallow.Store(0)
		return nil
	}))
	if l.lost.Load() < 20 {
		t.Errorf("only %d answers were lost", l.lost.Load())
	}
	t.Logf("%d answers to COMMIT lost", l.lost.Load())
}

func databaseSilent(t *testing.T) {
	s, l, c := onLine(t)
	do(t, c.run(plan(100, 40), s.uri("tenant", s.address()), each(func(context.Context, int) error {
		l.silent.Store(true)
		rest(8 * time.Second)
		l.silent.Store(false)
		return nil
	}, .2, .6)))
}

func snapshotHeld(t *testing.T) {
	s, c := onServer(t)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.uri("tenant", s.address()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, q := range []string{"SET idle_in_transaction_session_timeout = 0", "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM message"} {
		if _, err := conn.Exec(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	do(t, c.run(plan(300, 40), "", nil))
	if _, err := conn.Exec(ctx, "COMMIT"); err != nil {
		t.Errorf("the snapshot was not held to the end: %v", err)
	}
}

func senderStopped(t *testing.T) {
	_, c := onServer(t)
	do(t, c.run(plan(100, 40), "", each(func(_ context.Context, n int) error {
		bot := c.bots[n%2].cmd.Process
		if err := bot.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		rest(7 * time.Second) // beyond the lease of 4 s
		return bot.Signal(syscall.SIGCONT)
	}, .15, .4, .65)))
}

func failoverLostTail(t *testing.T) {
	s := newServer(t, folder(t))
	toStandby := newLine(t, s.address()) // the standby hears of the primary by it
	l := newLine(t, s.address())
	standby := s.standby(toStandby.address())
	c := newCrew(t, s.uri("tenant", l.address()))
	few := plan(100, 40)
	few.Patience = 45 * time.Second // those whose answer was lost wait in vain
	run := c.run(few, standby.uri("tenant", standby.address()), nil)
	run.Faults.Redeliver, run.Figures = 0, nil // a message that was lost may come again, out of order
	run.Fault = each(func(context.Context, int) error {
		run.Terms.LostFrom = time.Now().Add(-3 * time.Second) // what was sent before may have been settled after
		toStandby.silent.Store(true)
		rest(time.Second)
		s.kill()
		toStandby.reset()
		toStandby.silent.Store(false)
		if err := standby.try("postgres", "SELECT pg_promote()"); err != nil {
			return err
		}
		run.Terms.LostTo = time.Now()
		l.lead(standby.address())
		l.reset()
		return nil
	}, .4)
	report, err := doWith(t, &run)
	if err != nil {
		t.Fatal(err)
	}
	if report.Lost == 0 {
		t.Errorf("nothing was lost with the failover: it proves nothing; %s", report)
	}
}

// doWith is do for a run whose terms are known only once the fault has happened.
func doWith(t *testing.T, run *scenario.Run) (check.Report, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	run.Late = func(terms *check.Terms) { terms.LostFrom, terms.LostTo = run.Terms.LostFrom, run.Terms.LostTo }
	report, err := run.Do(ctx)
	if err == nil && !report.OK() {
		t.Error(report)
	}
	t.Log(report)
	return report, err
}

func throughPgbouncer(t *testing.T) {
	s := newServer(t, folder(t))
	b := newBouncer(t, s)
	c := newCrew(t, s.uri("tenant", b.address))
	do(t, c.run(plan(100, 40), s.uri("tenant", s.address()), each(func(context.Context, int) error {
		b.kill()
		rest(500 * time.Millisecond)
		return b.start()
	}, .3, .6)))
}

// bouncer is pgbouncer in transaction mode before a server.
type bouncer struct {
	address, ini string
	as           *syscall.SysProcAttr
	cmd          *exec.Cmd
}

func newBouncer(t *testing.T, s *instance) *bouncer {
	t.Helper()
	dir := folder(t)
	b := &bouncer{address: freeAddress(t), as: underling(), ini: filepath.Join(dir, "pgbouncer.ini")}
	_, port, _ := strings.Cut(b.address, ":")
	ini := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d user=postgres password=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\n"+
		"unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 8\nlogfile = %s/log\n", s.port, s.password, port, dir)
	if err := os.WriteFile(b.ini, []byte(ini), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pgtest.Own(b.as, dir), b.start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.kill)
	return b
}

func (b *bouncer) start() error {
	b.cmd = exec.Command("/usr/sbin/pgbouncer", "-q", b.ini)
	b.cmd.SysProcAttr = b.as
	if err := b.cmd.Start(); err != nil {
		return fmt.Errorf("this test needs a real pgbouncer (apt-get install -y pgbouncer): %w", err)
	}
	return nil
}

func (b *bouncer) kill() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}

// oldAndNew starts with an older binary, has both at work, then the new one alone, and rolls back.
func oldAndNew(t *testing.T) {
	old := oldBinary(t)
	s := newServer(t, folder(t))
	w := newChaosTown(t)
	w.database = s.uri("tenant", s.address())
	c := &crew{town: w, bots: []*child{w.child("bot-0", freeAddress(w), w.internal), w.child("bot-1", freeAddress(w), freeAddress(w))}}
	w.balance(c.bots...)
	objects := w.countingOn(furtherNumbers)
	for _, b := range c.bots {
		b.program = old
		b.start()
		w.Cleanup(func() { b.kill() })
	}
	w.apply(objects)
	replace := func(n int, program string) error {
		_ = c.bots[n].cmd.Process.Signal(syscall.SIGTERM)
		rest(time.Second)
		c.bots[n].kill()
		c.bots[n].program = program
		return c.bots[n].launch()
	}
	run := c.run(plan(100, 60), "", each(func(_ context.Context, n int) error {
		return []func() error{
			func() error { return replace(0, "") }, // the schema is the new one's from here on
			func() error { return replace(1, "") },
			func() error { return replace(0, old) },
			func() error { return replace(1, old) },
		}[n]()
	}, .15, .4, .55, .75))
	do(t, run)
	w.until("the old bots are ready on the newer schema", func() bool { return w.ready() == http.StatusOK })
}

// oldBinary builds this package's test of an older version: OLD, else the last tag, else some commits back.
func oldBinary(t *testing.T) string {
	t.Helper()
	git := func(args ...string) (string, error) {
		out, err := exec.Command("git", args...).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	ref := os.Getenv("OLD")
	if ref == "" {
		var err error
		if ref, err = git("describe", "--tags", "--abbrev=0"); err != nil {
			ref = "HEAD~25"
		}
	}
	dir := filepath.Join(folder(t), "old")
	if out, err := git("worktree", "add", "--detach", dir, ref); err != nil {
		t.Fatalf("OLD=%s: %s", ref, out)
	}
	t.Cleanup(func() { _, _ = git("worktree", "remove", "--force", dir) })
	binary := filepath.Join(filepath.Dir(dir), "old.test")
	build := exec.Command("go", "test", "-c", "-o", binary, "./bot-runtime")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", ref, err, out)
	}
	t.Logf("the older binary is of %s", ref)
	return binary
}

// volume is a small file system of its own, and fills up on demand.
func volume(t *testing.T, size string) (dir string, fill, free func()) {
	t.Helper()
	dir = folder(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("this test mounts a small volume, and must be root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	fill = func() {
		f, err := os.Create(filler)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		for size := 1 << 20; size >= 1; {
			if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
				size /= 2
			} else if err != nil {
				t.Error(err)
				return
			}
		}
	}
	return dir, fill, func() { _ = os.Remove(filler) }
}

func diskFullSQLite(t *testing.T) {
	dir, fill, free := volume(t, "48m")
	w := newChaosTown(t)
	w.data = dir
	c := crewIn(w, "")
	do(t, c.run(plan(60, 30), "", each(func(context.Context, int) error {
		fill()
		rest(4 * time.Second)
		free()
		return nil
	}, .2, .6)))
}

func diskFullPostgres(t *testing.T) {
	dir, fill, free := volume(t, "320m")
	s := newServer(t, dir, "max_wal_size = 64MB", "min_wal_size = 32MB")
	c := newCrew(t, s.uri("tenant", s.address()))
	do(t, c.run(plan(100, 40), "", each(func(context.Context, int) error {
		fill()
		rest(6 * time.Second)
		free()
		if !s.alive() { // it panics where its log does not fit, and a crash recovery may not fit either
			t.Log("PostgreSQL had ended")
			return s.start()
		}
		return nil
	}, .2, .6)))
}

func blindCuts(t *testing.T) {
	s := newServer(t, folder(t))
	w := newTownWith(t, platform.Faults{}, furtherNumbers, 20*time.Millisecond) // impatient, since each blind cut waits it out
	c := crewIn(w, s.uri("tenant", s.address()))
	run := c.run(plan(100, 20), "", nil)
	run.Faults.Blind = 0.02
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	report, err := run.Do(ctx)
	if err != nil || !report.OK() {
		t.Fatal(report, err)
	}
	if report.DoubledBlind == 0 {
		t.Error("nothing was cut blindly: it proves nothing")
	}
	t.Log(report)
}

func oneHangs(t *testing.T) {
	_, c := onServer(t)
	run := c.run(load.Plan{Citizens: 60, Messages: 40, Pause: 600 * time.Millisecond, Patience: 2 * time.Minute}, "", nil)
	run.Faults = platform.Faults{}
	run.Terms.Hung = "Warga 7"
	run.Fault = func(ctx context.Context, load scenario.Progress) error {
		if err := run.Sim.Mark(ctx, check.MarkCalm); err != nil {
			return err
		}
		if err := load.Wait(ctx, .4); err != nil {
			return err
		}
		if err := run.Sim.Faults(ctx, platform.Faults{Hang: run.Terms.Hung}); err != nil {
			return err
		}
		if err := run.Sim.Mark(ctx, check.MarkHang); err != nil {
			return err
		}
		if err := load.Wait(ctx, .9); err != nil {
			return err
		}
		return errors.Join(run.Sim.Mark(ctx, check.MarkEnd), run.Sim.Faults(ctx, platform.Faults{}))
	}
	do(t, run)
}

// countingOn are countingObjects with n further channels, whose credentials are the sample's.
func (w *town) countingOn(n int) bundle.Objects {
	w.Helper()
	objects := countingObjects(w)
	var own v1alpha1.Channel
	for _, c := range objects.Channels {
		if c.Spec.WhatsApp != nil {
			own = c
		}
	}
	for i := range n {
		another := *own.DeepCopy()
		another.Name, another.Spec.WhatsApp.PhoneNumberID = hookOf(i), numberID(i)
		objects.Channels = append(objects.Channels, another)
		if err := os.CopyFS(filepath.Join(w.dir, "channels", hookOf(i)), os.DirFS(filepath.Join(w.dir, "channels", own.Name))); err != nil {
			w.Fatal(err)
		}
	}
	return objects
}

// do runs a scenario and has the test fail when a promise is broken.
func do(t testing.TB, run scenario.Run) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	report, err := run.Do(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		t.Error(report)
		return
	}
	t.Log(report)
}
