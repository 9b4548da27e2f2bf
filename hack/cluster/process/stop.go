package process

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Stop asks all of the processes to end at once, gives them the grace, and kills what is left. It
// returns when all have ended; killed names those that had to be.
//
// Signals go through pidfds that are checked after opening, so that a number the kernel gave to another
// process in between is never hit.
func Stop(grace time.Duration, all ...Running) (killed []Running, err error) {
	return StopWith(unix.SIGTERM, grace, all...)
}

// StopWith is Stop for programs that another signal asks to end: PostgreSQL takes SIGTERM for "when the
// last client has left".
func StopWith(signal unix.Signal, grace time.Duration, all ...Running) (killed []Running, err error) {
	type open struct {
		Running
		fd int
	}
	var live []open
	for _, r := range all {
		fd, err := unix.PidfdOpen(r.PID, 0)
		if err != nil {
			continue // it has ended
		}
		defer func() { _ = unix.Close(fd) }()
		if r.Alive() {
			live = append(live, open{r, fd})
		}
	}
	if grace > 0 {
		for _, p := range live {
			_ = unix.PidfdSendSignal(p.fd, signal, nil, 0)
		}
		deadline := time.Now().Add(grace)
		var left []open
		for _, p := range live {
			if !waitEnd(p.fd, time.Until(deadline)) {
				left = append(left, p)
			}
		}
		live = left
	}
	for _, p := range live {
		_ = unix.PidfdSendSignal(p.fd, unix.SIGKILL, nil, 0)
		killed = append(killed, p.Running)
	}
	deadline := time.Now().Add(10 * time.Second)
	for _, p := range live {
		if !waitEnd(p.fd, time.Until(deadline)) {
			err = errors.Join(err, fmt.Errorf("process %d (%s) does not end even when killed; it may be waiting for a device", p.PID, p.Argv[0]))
		}
	}
	return killed, err
}

// waitEnd waits for a pidfd to become readable, which it does when the process ends.
func waitEnd(fd int, most time.Duration) bool {
	deadline := time.Now().Add(most)
	for {
		left := max(0, time.Until(deadline))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if n > 0 {
			return true
		}
		if !errors.Is(err, unix.EINTR) {
			return false
		}
	}
}
