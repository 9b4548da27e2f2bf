// Package signing holds the keys by which the operator proves to runtimes that it is the operator.
//
// The keys are files of a mounted Secret, the same for all replicas: <kid>.key, PEM PKCS8 Ed25519, and `current`, which
// names the key to sign with. Public halves reach pods through boot ConfigMaps (package render). Nothing here makes keys.
package signing

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// PublishedFor is how long a new key's public half must have been in a boot ConfigMap before the key signs: kubelets bring
// a changed ConfigMap to running pods up to a minute late, and twice that under load.
const PublishedFor = 5 * time.Minute

// reread is how often the folder is looked at: kubelets swap a Secret's files as a whole.
const reread = 10 * time.Second

var keyID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// Ring is the keys in a folder. It is safe for concurrent use.
type Ring struct {
	dir     string
	changed chan struct{}

	mu      sync.RWMutex
	current string
	keys    map[string]ed25519.PrivateKey
}

// Open reads the keys in a folder.
func Open(dir string) (*Ring, error) {
	r := &Ring{dir: dir, changed: make(chan struct{}, 1)}
	if _, err := r.load(); err != nil {
		return nil, err
	}
	return r, nil
}

// Public is the public halves of all keys, by key id.
func (r *Ring) Public() map[string][]byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make(map[string][]byte, len(r.keys))
	for id, key := range r.keys {
		out[id] = []byte(key.Public().(ed25519.PublicKey))
	}
	return out
}

// Signer is the key to sign with towards a tenant whose boot ConfigMap holds keys since the given times: the current one,
// or, while that is younger than PublishedFor, the one that is published longest. Keys that came with the ConfigMap itself
// are known to every pod and sign at once.
func (r *Ring) Signer(published map[string]time.Time, now time.Time) (string, ed25519.PrivateKey) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	oldest := r.current
	for _, id := range slices.Sorted(maps.Keys(published)) {
		if _, ok := r.keys[id]; !ok {
			continue
		}
		if since, ok := published[oldest]; !ok || published[id].Before(since) {
			oldest = id
		}
	}
	since, ok := published[r.current]
	if ok && (now.Sub(since) >= PublishedFor || since.Equal(published[oldest])) {
		return r.current, r.keys[r.current]
	}
	return oldest, r.keys[oldest]
}

// Changed says, once for any number of changes, that the folder holds other keys than before.
func (r *Ring) Changed() <-chan struct{} { return r.changed }

// Reread looks at the folder at once: a replica that becomes leader may have waited for days, and must publish no old keys.
// Whoever calls it goes by what it finds, so that Changed says nothing of it.
func (r *Ring) Reread() error {
	_, err := r.load()
	return err
}

// Start looks at the folder now and then until the context ends; a folder that cannot be read leaves the keys as they are.
func (r *Ring) Start(ctx context.Context, complain func(error)) {
	tick := time.NewTicker(reread)
	defer tick.Stop()
	for {
		changed, err := r.load()
		if err != nil {
			complain(err)
		}
		if changed {
			select {
			case r.changed <- struct{}{}:
			default:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *Ring) load() (changed bool, err error) {
	keys, err := readKeys(r.dir)
	if err != nil {
		return false, err
	}
	name, err := os.ReadFile(filepath.Join(r.dir, "current"))
	if err != nil {
		return false, fmt.Errorf("signing keys: the file current, which names the key to sign with, cannot be read: %w", err)
	}
	current := strings.TrimSpace(string(name))
	if _, ok := keys[current]; !ok {
		return false, fmt.Errorf("signing keys: current names %q, but there is no file %s.key in %s", current, current, r.dir)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	changed = current != r.current || !maps.EqualFunc(keys, r.keys, func(a, b ed25519.PrivateKey) bool { return a.Equal(b) })
	r.current, r.keys = current, keys
	return changed, nil
}

func readKeys(dir string) (map[string]ed25519.PrivateKey, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil {
		return nil, fmt.Errorf("signing keys: looking into %s: %w", dir, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("signing keys: no <kid>.key in %s; mount the Secret with the operator's signing keys there", dir)
	}
	keys := make(map[string]ed25519.PrivateKey, len(files))
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".key")
		if !keyID.MatchString(id) {
			return nil, fmt.Errorf("signing keys: %s: a key id is letters, digits, - and _, at most 63", filepath.Base(file))
		}
		key, err := readKey(file)
		if err != nil {
			return nil, fmt.Errorf("signing keys: %s: %w", filepath.Base(file), err)
		}
		keys[id] = key
	}
	return keys, nil
}

// readKey never says anything of a file's content, which is a secret even when it is not a good one.
func readKey(file string) (ed25519.PrivateKey, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	block, _ := pem.Decode(body)
	if block == nil {
		return nil, fmt.Errorf("not PEM; make one with openssl genpkey -algorithm ed25519")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("not a PKCS8 private key; make one with openssl genpkey -algorithm ed25519")
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("not an Ed25519 key; make one with openssl genpkey -algorithm ed25519")
	}
	return key, nil
}
