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

// Authorization is the value of the header of that name which a mounted Secret lets go to a URL: its key authorization, if its key
// hosts names the URL's host, as host or host:port, and the URL is https. dir has a folder for each Secret, with a file a key; it is
// read anew each time. The error is for people, and holds nothing of the Secret.
func Authorization(dir, secret string, u *url.URL) (string, error) {
	key := func(name string) string {
		body, err := os.ReadFile(filepath.Join(dir, filepath.Base(secret), name))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(body))
	}
	hosts := strings.FieldsFunc(strings.ToLower(key("hosts")), func(r rune) bool { return r == '\n' || r == ',' || r == ' ' || r == '\r' })
	value := key("authorization")
	switch {
	case value == "":
		return "", fmt.Errorf("Secret %q has no key authorization, or is not there; create it, or leave secretName out", secret)
	case !slices.Contains(hosts, strings.ToLower(u.Hostname())) && !slices.Contains(hosts, strings.ToLower(u.Host)):
		return "", fmt.Errorf("Secret %q may not go to %s: its key hosts does not name it", secret, u.Host)
	case u.Scheme != "https":
		return "", errors.New("a Secret is sent over https alone; correct the url")
	case strings.ContainsAny(value, "\r\n"):
		return "", fmt.Errorf("key authorization of Secret %q has several lines; one is the header's value", secret)
	}
	return value, nil
}
