package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// databaseRule keeps names to what needs no care in URIs, file names and shells.
var databaseRule = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// CreateDatabase makes a database and the role that owns it, and tells the connection URI. Said again, it
// mends what is missing and tells the same. Nobody but the owner may enter.
func (i *Instance) CreateDatabase(ctx context.Context, name string) (string, error) {
	if !databaseRule.MatchString(name) || strings.HasPrefix(name, "pg_") || name == account || name == "template0" || name == "template1" {
		return "", fmt.Errorf("database %q: a name is lower-case letters, digits, - and _, begins with a letter and is none of PostgreSQL's own", name)
	}
	if _, ok := i.Running(); !ok {
		return "", fmt.Errorf("PostgreSQL %s does not run; start it with `%s`", i.Name, i.howToStart())
	}
	unlock, err := i.lock() // two CREATE DATABASE at once disturb each other
	if err != nil {
		return "", err
	}
	defer unlock()
	password, err := secret(i.dir("databases", name))
	if err != nil {
		return "", err
	}
	// The names and the password hold nothing to be escaped.
	script := fmt.Sprintf(`
SELECT 'CREATE ROLE "%[1]s" LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%[1]s') \gexec
ALTER ROLE "%[1]s" PASSWORD '%[2]s';
SELECT 'CREATE DATABASE "%[1]s" OWNER "%[1]s"' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '%[1]s') \gexec
REVOKE ALL ON DATABASE "%[1]s" FROM PUBLIC;
\connect "%[1]s"
REVOKE ALL ON SCHEMA public FROM PUBLIC;
`, name, password)
	if err := i.psql(ctx, script); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	return i.uri(name, password, name)
}

// DropDatabase removes a database with its role and cuts its clients off. One that is not there is no
// error.
func (i *Instance) DropDatabase(ctx context.Context, name string) error {
	if !databaseRule.MatchString(name) || name == account {
		return fmt.Errorf("database %q: not one that createdb makes", name)
	}
	unlock, err := i.lock()
	if err != nil {
		return err
	}
	defer unlock()
	script := fmt.Sprintf("DROP DATABASE IF EXISTS \"%[1]s\" WITH (FORCE);\nDROP ROLE IF EXISTS \"%[1]s\";\n", name)
	if err := i.psql(ctx, script); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	if err := os.Remove(i.dir("databases", name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// AdminURI is the superuser's, for tests that make databases themselves.
func (i *Instance) AdminURI() (string, error) {
	password, err := os.ReadFile(i.dir("password"))
	if err != nil {
		return "", fmt.Errorf("PostgreSQL %s was never started here; start it with `%s`", i.Name, i.howToStart())
	}
	return i.uri(account, strings.TrimSpace(string(password)), "postgres")
}

func (i *Instance) uri(role, password, database string) (string, error) {
	at, err := i.endpoint()
	if err != nil {
		return "", err
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: at.String(), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String(), nil
}

// lockDown closes the databases that PostgreSQL makes itself to the roles of others.
func (i *Instance) lockDown(ctx context.Context) error {
	return i.psql(ctx, "REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;\n")
}

// psql runs a script as the superuser. The password goes by the environment, which other users cannot see.
func (i *Instance) psql(ctx context.Context, script string) error {
	if _, ok := i.Running(); !ok {
		return fmt.Errorf("PostgreSQL %s does not run; start it with `%s`", i.Name, i.howToStart())
	}
	at, err := i.endpoint()
	if err != nil {
		return err
	}
	password, err := os.ReadFile(i.dir("password"))
	if err != nil {
		return err
	}
	version, err := i.version()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin(version), "psql"), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
		"--set=ON_ERROR_STOP=1", "--host="+at.Listen, "--port="+strconv.Itoa(at.Port), "--username="+account, "--dbname=postgres")
	cmd.Env = []string{"PGPASSWORD=" + strings.TrimSpace(string(password)), "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "PGCONNECT_TIMEOUT=10"}
	cmd.Dir = "/"
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %s (%w)", strings.TrimSpace(string(out)), err)
	}
	return nil
}

// Ping asks the server for an answer.
func (i *Instance) Ping(ctx context.Context) error { return i.psql(ctx, "SELECT 1 \\g /dev/null\n") }

// LogFile is what the server writes to.
func (i *Instance) LogFile() string { return i.dir("server.log") }
