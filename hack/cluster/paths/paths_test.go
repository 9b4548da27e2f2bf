package paths

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhereThingsAreKept(t *testing.T) {
	for name, tc := range map[string]struct {
		cache, state string
		env          map[string]string
		want         Layout
		problem      string
	}{
		"by default below the home folder": {env: map[string]string{"HOME": "/home/sari"},
			want: Layout{"/home/sari/.cache/loket", "/home/sari/.cache/loket/cluster"}},
		"where the desktop says caches are": {env: map[string]string{"HOME": "/home/sari", "XDG_CACHE_HOME": "/data/cache"},
			want: Layout{"/data/cache/loket", "/data/cache/loket/cluster"}},
		"our own variables win over that": {env: map[string]string{"XDG_CACHE_HOME": "/x", "LOKET_CACHE": "/c", "LOKET_STATE": "/var/s"},
			want: Layout{"/c", "/var/s"}},
		"flags win over everything": {cache: "/f/c", state: "/f/s", env: map[string]string{"LOKET_CACHE": "/c", "LOKET_STATE": "/s/t"},
			want: Layout{"/f/c", "/f/s"}},
		"nowhere":              {problem: "set LOKET_CACHE"},
		"too long for sockets": {state: "/" + strings.Repeat("x", 70) + "/y", env: map[string]string{"HOME": "/h"}, problem: "sockets"},
		"the root":             {state: "/", env: map[string]string{"HOME": "/h"}, problem: "too near the root"},
		"with a space":         {state: "/a b/c", env: map[string]string{"HOME": "/h"}, problem: "spaces"},
	} {
		got, err := Find(tc.cache, tc.state, func(k string) string { return tc.env[k] })
		if tc.problem != "" {
			if err == nil || !strings.Contains(err.Error(), tc.problem) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestOnlyAFolderOfOursIsRemoved(t *testing.T) {
	l := Layout{State: filepath.Join(t.TempDir(), "state")}
	photo := l.In("photo.jpg")
	if err := os.MkdirAll(l.State, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(photo, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if l.Claim() == nil {
		t.Error("a folder with somebody's photo was claimed")
	}
	if err := l.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(photo); err != nil {
		t.Fatal("the photo is gone")
	}
	if err := os.Remove(photo); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Claim(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.State); err == nil {
		t.Error("the state folder is still there")
	}
}

func TestTheSecondWaitsForTheFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(file, func() { t.Error("nobody held it") })
	if err != nil {
		t.Fatal(err)
	}
	waiting, held := make(chan bool), make(chan error)
	go func() {
		second, err := Lock(file, func() { close(waiting) })
		if err == nil {
			defer second()
		}
		held <- err
	}()
	<-waiting
	select {
	case <-held:
		t.Fatal("both held it")
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	if err := <-held; err != nil {
		t.Error(err)
	}
}
