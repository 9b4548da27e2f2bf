package postgres

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Credentials are the parts of a database address. They are parts and never a DSN, so that a Secret cannot make the pod read
// its own files (passfile, sslrootcert, service) or speak to a socket in them.
type Credentials struct {
	Host     string
	Port     int
	Database string
	User     string
	Password string
	// SSLMode is disable, prefer (the default), require, verify-ca or verify-full.
	SSLMode string
	// CA is a PEM bundle for verify-ca and verify-full; empty means the system's.
	CA string
}

var sslModes = map[string]bool{"disable": true, "prefer": true, "require": true, "verify-ca": true, "verify-full": true}

// hostName is a DNS name or an address: no folder, no list, no space.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9.])?$`)

// FromDir reads a mounted Secret: one file a key, as FromSecret takes them.
func FromDir(dir string) (Credentials, error) {
	keys := map[string]string{}
	for _, key := range []string{"uri", "host", "port", "dbname", "username", "user", "password", "sslmode", "ca.crt"} {
		b, err := os.ReadFile(filepath.Join(dir, key))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Credentials{}, fmt.Errorf("database secret: %w", err)
		}
		keys[key] = strings.TrimRight(string(b), "\r\n")
	}
	if len(keys) == 0 {
		return Credentials{}, fmt.Errorf("database secret: %s has neither uri nor host; name the Secret that CloudNativePG wrote in storage.postgres.secretName", dir)
	}
	return FromSecret(keys)
}

// FromSecret takes the keys of a Secret in the shape that CloudNativePG writes: uri, or host, port, dbname, username (or
// user) and password; besides, sslmode and ca.crt. No error tells the password.
func FromSecret(keys map[string]string) (Credentials, error) {
	c := Credentials{Host: keys["host"], Database: keys["dbname"], User: keys["username"], Password: keys["password"],
		SSLMode: keys["sslmode"], CA: keys["ca.crt"]}
	if c.User == "" {
		c.User = keys["user"]
	}
	port := keys["port"]
	if keys["uri"] != "" {
		u, err := parseURI(keys["uri"])
		if err != nil {
			return Credentials{}, err
		}
		password, _ := u.User.Password()
		c.Host, port, c.Database, c.User, c.Password = u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), u.User.Username(), password
		if mode := u.Query().Get("sslmode"); mode != "" {
			c.SSLMode = mode
		}
	}
	if port == "" {
		port = "5432"
	}
	var err error
	if c.Port, err = strconv.Atoi(port); err != nil || c.Port < 1 || c.Port > 65535 {
		return Credentials{}, errors.New("database secret: port is not a number from 1 to 65535")
	}
	if c.SSLMode == "" {
		c.SSLMode = "prefer"
	}
	return c, c.check()
}

// parseURI takes a URI apart without a word of it in any error: it holds the password.
func parseURI(uri string) (*url.URL, error) {
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Opaque != "" || u.User == nil || u.Fragment != "" {
		return nil, errors.New("database secret: uri is not of the form postgresql://user:password@host:port/dbname")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("database secret: the query of uri cannot be read")
	}
	for key, values := range query {
		if key != "sslmode" || len(values) != 1 {
			return nil, errors.New("database secret: uri may set sslmode once and nothing else; use the keys host, port, dbname, username, password")
		}
	}
	return u, nil
}

func (c Credentials) check() error {
	switch {
	case !hostName.MatchString(c.Host) && net.ParseIP(c.Host) == nil:
		return errors.New("database secret: host is neither a DNS name nor an address")
	case c.Database == "" || strings.ContainsAny(c.Database, "\x00/"):
		return errors.New("database secret: dbname is missing or has a slash in it")
	case c.User == "" || strings.ContainsRune(c.User, 0) || strings.ContainsRune(c.Password, 0):
		return errors.New("database secret: username is missing, or username or password cannot be sent")
	case !sslModes[c.SSLMode]:
		return errors.New("database secret: sslmode is not one of disable, prefer, require, verify-ca, verify-full")
	case c.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CA)):
		return errors.New("database secret: ca.crt holds no PEM certificate")
	}
	return nil
}

// pool is the connection settings. Every key that libpq would otherwise look for in files or the environment is given.
func (c Credentials) pool() (*pgxpool.Config, error) {
	mode := c.SSLMode
	if mode == "require" && c.CA != "" { // as libpq: a known CA is there to be checked
		mode = "verify-ca"
	}
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var dsn strings.Builder
	for _, kv := range [][2]string{
		{"host", c.Host}, {"port", strconv.Itoa(c.Port)}, {"dbname", c.Database}, {"user", c.User}, {"password", c.Password},
		{"sslmode", mode}, {"sslrootcert", ""}, {"sslcert", ""}, {"sslkey", ""}, {"passfile", "/dev/null"},
		{"connect_timeout", "5"}, {"application_name", "loket"},
	} {
		fmt.Fprintf(&dsn, "%s='%s' ", kv[0], quote.Replace(kv[1]))
	}
	config, err := pgxpool.ParseConfig(dsn.String())
	if err != nil { // its text may hold the settings
		return nil, errors.New("database secret: the settings cannot be used; check PG* variables of the pod")
	}
	if c.CA == "" {
		return config, nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(c.CA))
	if config.ConnConfig.TLSConfig != nil {
		config.ConnConfig.TLSConfig.RootCAs = roots
	}
	for _, f := range config.ConnConfig.Fallbacks {
		if f.TLSConfig != nil {
			f.TLSConfig.RootCAs = roots
		}
	}
	return config, nil
}
