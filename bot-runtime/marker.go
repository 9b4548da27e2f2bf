package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// The marker is a file that a pod leaves behind when it has drained, on a volume that outlives the process but not the pod.
// Its absence says that the last process may have been killed by a lane: the engine is then careful for a minute.

const marker = "ended-well"

// takeMarker says whether the last process here ended in good order, and takes the sign away.
func (p *pod) takeMarker() bool {
	if p.memory == "" {
		return false
	}
	err := os.Remove(filepath.Join(p.memory, marker))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.log.Error(err, "the marker of a clean end cannot be read; this start counts as after a crash")
	}
	return err == nil
}

func (p *pod) leaveMarker() {
	if p.memory == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(p.memory, marker), nil, 0o600); err != nil {
		p.log.Error(err, "the marker of a clean end cannot be written; the next start counts as after a crash")
	}
}
