package whatsapp

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/channel"
)

// Keys of the channel's Secret.
const (
	keyAccessToken       = "accessToken"
	keyAppSecret         = "appSecret"
	keyAppSecretPrevious = "appSecretPrevious" // during a rotation only
	keyVerifyToken       = "verifyToken"
)

// maxSecret bounds a credential's file.
const maxSecret = 16 << 10

// credentials reads a mounted Secret. Each use looks whether the file is still the one that was read, so that a changed
// Secret works without a restart: the kubelet swaps a symbolic link, which no watch on the file itself would see.
type credentials struct {
	dir  string
	mu   sync.Mutex
	read map[string]credential
}

type credential struct {
	file os.FileInfo
	// value is behind a pointer because fmt, which cannot call a method of an unexported field, would print it in the clear.
	value *channel.Secret
}

func newCredentials(dir string) *credentials {
	return &credentials{dir: dir, read: map[string]credential{}}
}

// get returns a key's value without surrounding space; empty when it is not there.
func (c *credentials) get(key string) channel.Secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := filepath.Join(c.dir, key)
	now, err := os.Stat(path)
	if err != nil {
		delete(c.read, key)
		return ""
	}
	known, ok := c.read[key]
	// A file that changed within the clock's grain of being read could look unchanged: then it is read again.
	if ok && os.SameFile(known.file, now) && known.file.ModTime().Equal(now.ModTime()) && known.file.Size() == now.Size() &&
		time.Since(now.ModTime()) > 2*time.Second {
		return *known.value
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return ""
	}
	value := channel.Secret(strings.TrimSpace(string(b)))
	c.read[key] = credential{file: now, value: &value}
	return value
}

// missing names the first required key that is not there; empty when all are.
func (c *credentials) missing() string {
	for _, key := range []string{keyAccessToken, keyAppSecret, keyVerifyToken} {
		if c.get(key) == "" {
			return key
		}
	}
	return ""
}
