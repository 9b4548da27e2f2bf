package signing

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func folder(t *testing.T, current string, ids ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, id := range ids {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		put(t, dir, id+".key", key)
	}
	write(t, dir, "current", []byte(current+"\n"))
	return dir
}

func put(t *testing.T, dir, name string, key any) {
	t.Helper()
	body, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: body}))
}

func write(t *testing.T, dir, name string, body []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWhichKeySigns(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	for name, c := range map[string]struct {
		published map[string]time.Time
		signs     string
	}{
		"a new tenant's pods know every key from the start":   {map[string]time.Time{"old": at(0), "new": at(0)}, "new"},
		"a key of four minutes waits":                         {map[string]time.Time{"old": at(900), "new": at(4)}, "old"},
		"a key of five minutes signs":                         {map[string]time.Time{"old": at(900), "new": at(5)}, "new"},
		"a key that is not published yet waits":               {map[string]time.Time{"old": at(900)}, "old"},
		"without anything published the current key is tried": {nil, "new"},
		"a key that is gone cannot sign":                      {map[string]time.Time{"gone": at(999), "old": at(900), "new": at(1)}, "old"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(folder(t, "new", "old", "new"))
			if err != nil {
				t.Fatal(err)
			}
			id, key := r.Signer(c.published, now)
			if id != c.signs || key == nil {
				t.Errorf("%q signs, not %q", id, c.signs)
			}
			if public := r.Public()[id]; !key.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(public)) {
				t.Errorf("the published half of %s is another key's", id)
			}
		})
	}
}

func TestAFolderThatCannotSignSaysWhatIsWrong(t *testing.T) {
	weak, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir  func(t *testing.T) string
		says string
	}{
		"no key":             {func(t *testing.T) string { return folder(t, "k1") }, "no <kid>.key"},
		"current names none": {func(t *testing.T) string { return folder(t, "k2", "k1") }, `current names "k2"`},
		"no current": {func(t *testing.T) string {
			d := folder(t, "k1", "k1")
			_ = os.Remove(filepath.Join(d, "current"))
			return d
		}, "the file current"},
		"not a key": {func(t *testing.T) string {
			d := folder(t, "k1", "k1")
			write(t, d, "k1.key", []byte("canary-secret"))
			return d
		}, "not PEM"},
		"a key of other kind": {func(t *testing.T) string { d := folder(t, "k1"); put(t, d, "k1.key", weak); return d }, "not an Ed25519 key"},
		"a strange name":      {func(t *testing.T) string { return folder(t, "a b", "a b") }, "a key id is"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(c.dir(t))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("it says %v, not %q", err, c.says)
			}
			if strings.Contains(err.Error(), "canary-secret") {
				t.Fatalf("it tells the file's content: %v", err)
			}
		})
	}
}

func TestANewKeyInTheFolderIsNoticed(t *testing.T) {
	dir := folder(t, "k1", "k1")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "k2.key", key)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Start(ctx, func(err error) { t.Error(err) }) }()
	<-r.Changed()
	if len(r.Public()) != 2 {
		t.Errorf("%d keys", len(r.Public()))
	}
	cancel()
	<-done
}

// A replica that becomes leader may have waited for days: the keys that it publishes first must be those of today.
func TestRereadBringsTheKeysOfNow(t *testing.T) {
	dir := folder(t, "k1", "k1")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "k2.key", key)
	write(t, dir, "current", []byte("k2"))
	if err := r.Reread(); err != nil {
		t.Fatal(err)
	}
	if id, _ := r.Signer(nil, time.Now()); id != "k2" || len(r.Public()) != 2 {
		t.Errorf("%s signs, of %d keys", id, len(r.Public()))
	}
}
