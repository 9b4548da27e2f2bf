package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// bootFile is the boot ConfigMap, read again when it changes: keys rotate without a restart.
type bootFile struct {
	path string
	log  logr.Logger

	mu   sync.Mutex
	now  bundle.Boot
	seen time.Time // modification time of what was read
	size int64
}

// openBoot reads the file for the first time; a pod without it can do nothing.
func openBoot(path string, log logr.Logger) (*bootFile, error) {
	b := &bootFile{path: path, log: log}
	return b, b.read()
}

// Now is the file as it is. A change that cannot be read keeps what was read before.
func (b *bootFile) Now() bundle.Boot {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.read(); err != nil {
		b.log.Error(err, "the boot file changed and cannot be read; its last content stays in force")
	}
	return b.now
}

func (b *bootFile) read() error {
	info, err := os.Stat(b.path)
	if err != nil {
		return fmt.Errorf("reading the boot file: %w", err)
	}
	if info.ModTime().Equal(b.seen) && info.Size() == b.size {
		return nil
	}
	body, err := os.ReadFile(b.path)
	if err != nil {
		return fmt.Errorf("reading the boot file: %w", err)
	}
	b.seen, b.size = info.ModTime(), info.Size() // also when it is broken: said once, not at every look
	var next bundle.Boot
	if err := json.Unmarshal(body, &next); err != nil {
		return fmt.Errorf("boot file %s: not JSON: %w", b.path, err)
	}
	if next.TenantUID == "" {
		return fmt.Errorf("boot file %s: tenantUID is empty", b.path)
	}
	b.now = next
	return nil
}
