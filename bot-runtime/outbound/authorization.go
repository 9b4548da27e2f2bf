package outbound

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Secret is a mounted one that may be sent to the hosts which its own key hosts names, and to nobody else. Its files are read anew
// each time.
type Secret struct{ dir, name string }

// MountedSecret is the Secret of that name below dir, which has a folder for each Secret, with a file a key.
func MountedSecret(dir, name string) Secret {
	return Secret{filepath.Join(dir, filepath.Base(name)), name}
}

// Key is the content of a key without blanks around it; "" where there is none.
func (s Secret) Key(name string) string {
	body, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(body))
}

// MayGoTo is nil when the key hosts names the host, alone or with its port. The error is for people, and holds nothing of the Secret.
func (s Secret) MayGoTo(host, hostPort string) error {
	hosts := strings.FieldsFunc(strings.ToLower(s.Key("hosts")), func(r rune) bool { return r == '\n' || r == ',' || r == ' ' || r == '\r' })
	if !slices.Contains(hosts, strings.ToLower(host)) && !slices.Contains(hosts, strings.ToLower(hostPort)) {
		return fmt.Errorf("Secret %q may not go to %s: its key hosts does not name it", s.name, hostPort)
	}
	return nil
}

// Authorization is the value of the header of that name which a mounted Secret lets go to a URL: its key authorization, if its key
// hosts names the URL's host, as host or host:port, and the URL is https. The error is for people, and holds nothing of the Secret.
func Authorization(dir, secret string, u *url.URL) (string, error) {
	s := MountedSecret(dir, secret)
	value := s.Key("authorization")
	if value == "" {
		return "", fmt.Errorf("Secret %q has no key authorization, or is not there; create it, or leave secretName out", secret)
	}
	if err := s.MayGoTo(u.Hostname(), u.Host); err != nil {
		return "", err
	}
	switch {
	case u.Scheme != "https":
		return "", errors.New("a Secret is sent over https alone; correct the url")
	case strings.ContainsAny(value, "\r\n"):
		return "", fmt.Errorf("key authorization of Secret %q has several lines; one is the header's value", secret)
	}
	return value, nil
}
