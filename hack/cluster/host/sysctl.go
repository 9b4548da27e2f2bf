package host

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// kubeletChanges are the settings of the whole machine that a kubelet overwrites when it starts.
var kubeletChanges = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

// Sysctls remembers kernel settings in a file, to put them back.
type Sysctls struct {
	Root string // /proc/sys
	File string
}

type remembered struct {
	Boot     string            `json:"boot"` // values of an earlier boot are not to be put back
	Settings map[string]string `json:"settings"`
}

// Remember writes down the settings as they are, unless they were written down since the last boot:
// a second start must not take what the first kubelet set for what the machine had.
func (s Sysctls) Remember() error {
	if old, err := s.load(); err == nil && old.Boot == s.boot() {
		return nil
	}
	now := remembered{Boot: s.boot(), Settings: map[string]string{}}
	for _, key := range kubeletChanges {
		value, err := os.ReadFile(filepath.Join(s.Root, key))
		if err != nil {
			continue // kernels differ in what they have
		}
		now.Settings[key] = strings.TrimSpace(string(value))
	}
	text, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.File+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(s.File+".new", s.File)
}

// Restore puts the settings back and forgets them.
func (s Sysctls) Restore() error {
	old, err := s.load()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && old.Boot == s.boot() {
		for key, value := range old.Settings {
			file := filepath.Join(s.Root, key)
			if now, readErr := os.ReadFile(file); readErr == nil && strings.TrimSpace(string(now)) == value {
				continue
			}
			err = errors.Join(err, os.WriteFile(file, []byte(value), 0o644))
		}
	}
	return errors.Join(err, os.Remove(s.File))
}

func (s Sysctls) load() (remembered, error) {
	var r remembered
	text, err := os.ReadFile(s.File)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

func (s Sysctls) boot() string {
	id, _ := os.ReadFile(filepath.Join(s.Root, "kernel/random/boot_id"))
	return strings.TrimSpace(string(id))
}
