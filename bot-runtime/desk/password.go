package desk

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"

	"golang.org/x/crypto/argon2"
)

// HashPassword makes what the agents' Secret holds: an argon2id hash in PHC form, with the cost that OWASP names for it.
func HashPassword(password string) (string, error) {
	if password == "" || len(password) > maxPassword {
		return "", fmt.Errorf("a password has 1 to %d bytes", maxPassword)
	}
	h := passwordHash{memory: 19 << 10, passes: 2, lanes: 1, salt: make([]byte, 16)}
	if _, err := rand.Read(h.salt); err != nil {
		return "", fmt.Errorf("drawing a salt: %w", err)
	}
	h.sum = make([]byte, 32)
	h.sum = h.of(password)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.lanes, b64(h.salt), b64(h.sum)), nil
}

const (
	maxPassword = 256
	maxHashText = 512
	// Bounds of a hash's cost: an author who writes more would let one sign-in take the pod's memory or a core for seconds.
	maxMemory = 64 << 10 // KiB
	maxPasses = 10
	maxLanes  = 4
	maxWork   = 256 << 10 // KiB × passes, about half a second
)

// passwordHash is a parsed argon2id hash. memory is in KiB.
type passwordHash struct {
	memory, passes uint32
	lanes          uint8
	salt, sum      []byte
}

// nobody is whom a stranger is compared with where a pool has no agents; no password has this sum.
var nobody = passwordHash{memory: 19 << 10, passes: 2, lanes: 1, salt: make([]byte, 16), sum: make([]byte, 32)}

var phc = regexp.MustCompile(`^\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,3}),p=([0-9]{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$`)

// parseHash reads a hash in PHC form. The error says what is wrong, never the hash.
func parseHash(text string) (passwordHash, error) {
	m := phc.FindStringSubmatch(text)
	if m == nil || len(text) > maxHashText {
		return passwordHash{}, fmt.Errorf("not of the form $argon2id$v=19$m=..,t=..,p=..$salt$hash")
	}
	memory, passes, lanes := number(m[1]), number(m[2]), number(m[3])
	salt, saltErr := base64.RawStdEncoding.DecodeString(m[4])
	sum, sumErr := base64.RawStdEncoding.DecodeString(m[5])
	switch {
	case lanes < 1 || lanes > maxLanes || passes < 1 || passes > maxPasses:
		return passwordHash{}, fmt.Errorf("t must be 1 to %d and p 1 to %d", maxPasses, maxLanes)
	case memory < 8*lanes || memory > maxMemory || memory*passes > maxWork:
		return passwordHash{}, fmt.Errorf("m must be at most %d, m times t at most %d", maxMemory, maxWork)
	case saltErr != nil || sumErr != nil || len(salt) < 8 || len(salt) > 64 || len(sum) < 16 || len(sum) > 64:
		return passwordHash{}, fmt.Errorf("salt must be 8 to 64 bytes and hash 16 to 64, in base64 without padding")
	}
	return passwordHash{memory: memory, passes: passes, lanes: uint8(lanes), salt: salt, sum: sum}, nil
}

// number reads at most seven digits.
func number(digits string) uint32 {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		panic(err) // the pattern lets only digits through
	}
	return uint32(n)
}

func (h passwordHash) of(password string) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.sum)))
}

func (h passwordHash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.of(password), h.sum) == 1
}
