package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const secretWord = "s3cr3t'\\pw"

func TestASecretAsCloudNativePGWritesItIsUnderstood(t *testing.T) {
	want := Credentials{Host: "ojk-db-rw", Port: 5432, Database: "app", User: "app", Password: "pw", SSLMode: "prefer"}
	for name, keys := range map[string]map[string]string{
		"all keys, the uri decides":        {"uri": "postgresql://app:pw@ojk-db-rw:5432/app", "jdbc-uri": "jdbc:postgresql://x", "host": "other", "username": "app", "password": "pw"},
		"parts with username":              {"host": "ojk-db-rw", "port": "5432", "dbname": "app", "username": "app", "password": "pw"},
		"parts with user and without port": {"host": "ojk-db-rw", "dbname": "app", "user": "app", "password": "pw"},
	} {
		got, err := FromSecret(keys)
		if err != nil || got != want {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	got, err := FromSecret(map[string]string{"uri": "postgres://app:p%40w@[::1]:6432/app?sslmode=verify-full"})
	if err != nil || got.Host != "::1" || got.Port != 6432 || got.Password != "p@w" || got.SSLMode != "verify-full" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestASecretCannotMakeThePodReadItsOwnFiles(t *testing.T) {
	base := func(change func(map[string]string)) map[string]string {
		keys := map[string]string{"host": "db", "port": "5432", "dbname": "app", "username": "app", "password": secretWord}
		change(keys)
		return keys
	}
	uri := func(rest string) map[string]string {
		return map[string]string{"uri": "postgresql://app:" + "s3cr3t" + rest}
	}
	for name, keys := range map[string]map[string]string{
		"a pass file":                 uri("@db/app?passfile=/etc/shadow"),
		"a root certificate":          uri("@db/app?sslrootcert=/var/run/secrets/token"),
		"a service":                   uri("@db/app?service=other"),
		"a service file":              uri("@db/app?servicefile=/tmp/x"),
		"a socket in the query":       uri("@db/app?host=/var/run"),
		"a socket in the authority":   uri("@%2Fvar%2Frun/app"),
		"two modes":                   uri("@db/app?sslmode=require&sslmode=disable"),
		"an unknown mode":             uri("@db/app?sslmode=allow"),
		"options of the server":       uri("@db/app?options=-csearch_path%3Dx"),
		"several hosts":               uri("@db,other/app"),
		"no user":                     {"uri": "postgresql://db/app"},
		"another scheme":              {"uri": "file:///etc/passwd"},
		"no uri at all":               {"uri": "host=db password=" + secretWord},
		"a broken uri":                {"uri": "postgresql://app:s3cr3t@db:port%/app"},
		"a socket as host":            base(func(k map[string]string) { k["host"] = "/var/run/postgresql" }),
		"a setting behind the host":   base(func(k map[string]string) { k["host"] = "db passfile=/etc/shadow" }),
		"a list of hosts":             base(func(k map[string]string) { k["host"] = "db,/var/run" }),
		"an abstract socket":          base(func(k map[string]string) { k["host"] = "@socket" }),
		"no host":                     base(func(k map[string]string) { delete(k, "host") }),
		"a port that is none":         base(func(k map[string]string) { k["port"] = "5432 service=x" }),
		"a port too high":             base(func(k map[string]string) { k["port"] = "65536" }),
		"no database":                 base(func(k map[string]string) { delete(k, "dbname") }),
		"a DSN as database":           base(func(k map[string]string) { k["dbname"] = "postgres://other/db" }),
		"a mode that is none":         base(func(k map[string]string) { k["sslmode"] = "require sslrootcert=/x" }),
		"a certificate that is none":  base(func(k map[string]string) { k["ca.crt"] = "/var/run/secrets/ca.crt" }),
		"a password with a NUL in it": base(func(k map[string]string) { k["password"] = "a\x00b" }),
		"nothing":                     {},
	} {
		c, err := FromSecret(keys)
		if err == nil {
			t.Errorf("%s: taken as %s:%d/%s", name, c.Host, c.Port, c.Database)
			continue
		}
		if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
}

func TestOddNamesStayWhatTheyAre(t *testing.T) {
	c := Credentials{Host: "db", Port: 5432, Database: `app' passfile='/etc/shadow`, User: `o'hara \ sslmode=disable`, Password: secretWord, SSLMode: "require"}
	if err := c.check(); err == nil {
		t.Error("a database with a slash in it was taken")
	}
	c.Database = `app' service='x`
	config, err := c.pool()
	if err != nil {
		t.Fatal(err)
	}
	got := config.ConnConfig
	if got.Database != c.Database || got.User != c.User || got.Password != c.Password || got.Host != "db" || got.TLSConfig == nil || len(got.Fallbacks) != 0 {
		t.Errorf("%q %q %q", got.Database, got.User, got.Host)
	}
}

func TestAMountedSecretIsReadFileByFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := FromDir(dir); err == nil || !strings.Contains(err.Error(), "storage.postgres.secretName") {
		t.Errorf("an empty folder: %v", err)
	}
	for key, value := range map[string]string{"host": "db\n", "dbname": "app", "username": "app", "password": "pw\n"} {
		if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := FromDir(dir)
	if err != nil || c.Host != "db" || c.Password != "pw" || c.Port != 5432 {
		t.Errorf("%+v %v", c, err)
	}
}

func FuzzASecretIsPartsOrRefused(f *testing.F) {
	f.Add("postgresql://app:pw@db:5432/app?sslmode=require", "db", "5432", "app", "app", "pw", "")
	f.Add("", "db", "5432", "a'b", "u\\", "p' passfile=/x", "verify-ca")
	f.Add("postgresql://app:pw@%2Fvar%2Frun/app", "", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, uri, host, port, database, user, password, mode string) {
		c, err := FromSecret(map[string]string{"uri": uri, "host": host, "port": port, "dbname": database, "username": user, "password": password, "sslmode": mode})
		if err != nil {
			return
		}
		config, err := c.pool()
		if err != nil {
			t.Fatalf("accepted, and then of no use: %v", err)
		}
		got := config.ConnConfig
		if got.Host != c.Host || int(got.Port) != c.Port || got.Database != c.Database || got.User != c.User || got.Password != c.Password {
			t.Fatalf("became another address: %q %d %q %q", got.Host, got.Port, got.Database, got.User)
		}
	})
}
