// Package process starts, finds and ends the programs of a cluster.
//
// There are no pid files. A program is known by its command line, which names the state folder, so the
// kernel's process table is the only record: nothing can be stale after a kill -9 or a reboot, a number
// that was given to another process is never taken for ours, and a program whose starter was killed in
// between is found all the same.
package process

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticks is USER_HZ, the unit of times in /proc; it is 100 on every architecture that Linux has kept.
const ticks = 100

// Running is one live process.
type Running struct {
	PID   int
	PPID  int
	Start uint64 // in ticks since boot; with PID it identifies a process for good
	Argv  []string
}

// Table lists the live processes below root, which is /proc outside of tests. Zombies have no command
// line and are left out: they have ended.
func Table(root string) ([]Running, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var all []Running
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if r, ok := read(root, pid); ok {
			all = append(all, r)
		}
	}
	return all, nil
}

func read(root string, pid int) (Running, bool) {
	dir := filepath.Join(root, strconv.Itoa(pid))
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || len(line) == 0 {
		return Running{}, false // ended meanwhile, a zombie, or a kernel thread
	}
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return Running{}, false
	}
	ppid, start, err := parseStat(string(stat))
	if err != nil {
		return Running{}, false
	}
	argv := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
	return Running{PID: pid, PPID: ppid, Start: start, Argv: argv}, true
}

// parseStat takes parent and start from a line of /proc/PID/stat. The name in parentheses may itself
// hold spaces and parentheses, "((sd-pam) x)", so fields are counted from the last one.
func parseStat(line string) (ppid int, start uint64, err error) {
	_, rest, ok := cutLast(line, ")")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return 0, 0, errors.New("not a line of /proc/PID/stat")
	}
	if ppid, err = strconv.Atoi(fields[1]); err != nil {
		return 0, 0, err
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return ppid, start, err
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Alive reports whether the very same process still runs.
func (r Running) Alive() bool {
	now, ok := read("/proc", r.PID)
	return ok && now.Start == r.Start
}

// Since is when the process began.
func (r Running) Since() time.Time {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(stat)) {
		if rest, ok := strings.CutPrefix(line, "btime "); ok {
			boot, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			if err != nil {
				return time.Time{}
			}
			return time.Unix(boot, 0).Add(time.Duration(r.Start) * time.Second / ticks)
		}
	}
	return time.Time{}
}

// Memory is what the process has resident and swapped out, in bytes. Pages of the program file count
// for every program of the one binary, so the sum over all is more than what they take together.
func (r Running) Memory() int64 {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(r.PID), "status"))
	if err != nil {
		return 0
	}
	return parseMemory(string(status))
}

func parseMemory(status string) int64 {
	var sum int64
	for line := range strings.Lines(status) {
		for _, field := range []string{"VmRSS:", "VmSwap:"} {
			if rest, ok := strings.CutPrefix(line, field); ok {
				n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				sum += n * 1024
			}
		}
	}
	return sum
}

// Executable is the file that the process runs, "" where that may not be read.
func (r Running) Executable() string {
	path, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(r.PID), "exe"))
	if err != nil {
		return ""
	}
	return path
}

// InNamespace reports whether the process is in the network namespace at path.
func (r Running) InNamespace(path string) bool {
	a, errA := os.Stat(filepath.Join("/proc", strconv.Itoa(r.PID), "ns", "net"))
	b, errB := os.Stat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
