package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// logLimit is the size at which a log is set aside when its program starts again.
const logLimit = 32 << 20

// Spec is a program that is to run in the background until it is ended.
type Spec struct {
	Name string // for people
	Path string // the executable
	// Argv0 is what the process table shows first and what the program is found by; Path when empty.
	Argv0 string
	Args  []string
	// Mark is an argument that must be there too, for programs whose Argv0 is not theirs alone.
	Mark      string
	Env       []string
	Dir       string
	Log       string
	Namespace string              // path of a network namespace; empty for the caller's own
	User      *syscall.Credential // nil for the caller's own
}

func (s Spec) argv0() string {
	if s.Argv0 != "" {
		return s.Argv0
	}
	return s.Path
}

// Is reports whether a process is this program, whatever its other arguments.
func (s Spec) Is(r Running) bool {
	return r.Argv[0] == s.argv0() && (s.Mark == "" || slices.Contains(r.Argv, s.Mark))
}

// Find looks the program up among the running ones.
func (s Spec) Find() (Running, bool) {
	all, err := Table("/proc")
	if err != nil {
		return Running{}, false
	}
	return s.FindIn(all)
}

// FindIn looks the program up in a table that was read before. Of a program and the children that it
// forked and that have not become another program yet, the parent is the one.
func (s Spec) FindIn(all []Running) (Running, bool) {
	var found Running
	for _, r := range all {
		if s.Is(r) && (found.PID == 0 || r.Start < found.Start || found.PPID == r.PID) {
			found = r
		}
	}
	return found, found.PID != 0
}

// Current says why a running process is not what the Spec asks for, "" when it is.
func (s Spec) Current(r Running) string {
	switch exe := r.Executable(); {
	case !slices.Equal(r.Argv[1:], s.Args):
		return "its arguments or configuration changed"
	case exe != "" && exe != s.realPath():
		return "its program was built anew"
	case s.Namespace != "" && !r.InNamespace(s.Namespace):
		return "its network namespace is gone"
	}
	return ""
}

func (s Spec) realPath() string {
	if p, err := filepath.EvalSymlinks(s.Path); err == nil {
		return p
	}
	return s.Path
}

// Started is a process that this command began; Done is closed when it ended.
type Started struct {
	Running
	Done chan struct{}
	Err  error // set before Done is closed
	spec Spec
}

// Ended is the error of a program that was expected to go on, with the end of its log.
func (s *Started) Ended() error {
	return fmt.Errorf("%s ended at once (%v); the last lines of %s:\n%s", s.spec.Name, s.Err, s.spec.Log, Tail(s.spec.Log, 12))
}

// Start runs the program in a session of its own, so that it outlives this command and its terminal.
func (s Spec) Start() (*Started, error) {
	if err := setAside(s.Log); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := &exec.Cmd{
		Path: s.Path, Args: append([]string{s.argv0()}, s.Args...), Env: s.Env, Dir: s.Dir, Stdout: log, Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Credential: s.User},
	}
	if err := startIn(s.Namespace, cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	started := &Started{Done: make(chan struct{}), spec: s}
	go func() { // reaps it, should it end while we run; otherwise init does
		started.Err = cmd.Wait()
		close(started.Done)
	}()
	// Right after it began, a program shows no command line for a moment. Who looked then would take it
	// for one that has ended.
	for {
		if r, ok := read("/proc", cmd.Process.Pid); ok && s.Is(r) {
			started.Running = r
			return started, nil
		}
		select {
		case <-started.Done:
			return nil, started.Ended()
		case <-time.After(time.Millisecond):
		}
	}
}

// HasEnded reports whether the program ended since it was started.
func (s *Started) HasEnded() bool {
	select {
	case <-s.Done:
		return true
	default:
		return false
	}
}

// startIn starts the command from a thread that has entered the namespace: a child inherits it. This is
// `nsenter --net`, and deliberately not `ip netns exec`, which hides the mounts of the control groups.
func startIn(namespace string, cmd *exec.Cmd) error {
	if namespace == "" {
		return cmd.Start()
	}
	ns, err := os.Open(namespace)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is in the other namespace and must end with us
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter %s: %w", namespace, err)
			return
		}
		result <- cmd.Start()
	}()
	return <-result
}

func setAside(log string) error {
	if err := os.MkdirAll(filepath.Dir(log), 0o711); err != nil {
		return err
	}
	if info, err := os.Stat(log); err == nil && info.Size() > logLimit {
		return os.Rename(log, log+".1")
	}
	return nil
}

// Tail is the last lines of a file, for an error message.
func Tail(file string, lines int) string {
	f, err := os.Open(file)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	const most = 16 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, 2)
	}
	buf := make([]byte, most)
	n, _ := f.Read(buf)
	all := strings.Split(strings.TrimRight(string(buf[:n]), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
