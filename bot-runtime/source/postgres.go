package source

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/outbound"
)

// readTime is how long the database may take for the rows.
const readTime = 60 * time.Second

// fromPostgres copies the mapped columns out as CSV, in a transaction that only reads. The rows come in an order of their own
// content, so that the same content has the same hash.
func (f *Fetcher) fromPostgres(ctx context.Context, s v1alpha1.PostgresSource, mapping v1alpha1.DirectoryMapping) (Fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	most := mostBytes(s.Fetching)
	config, err := connectionOf(outbound.MountedSecret(f.SecretsDir, string(s.SecretName)), string(s.SecretName))
	if err != nil {
		return Fetched{}, err
	}
	config.DialFunc = f.Client(most, Timeout).Dial
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return Fetched{}, postgresTrouble(err, s, config)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	rows := &bounded{most: int(most)}
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d", readTime.Milliseconds())); err != nil {
			return err
		}
		columns, err := columnsOf(ctx, tx, s.Relation, mapping)
		if err != nil {
			return err
		}
		_, err = conn.PgConn().CopyTo(ctx, rows, "COPY ("+selecting(s.Relation, columns)+") TO STDOUT WITH (FORMAT csv, HEADER true, ENCODING 'UTF8')")
		return err
	})
	switch {
	case rows.full:
		return Fetched{}, fmt.Errorf("the list is larger than %d MB; raise source.postgres.maxMegabytes", most>>20)
	case err != nil:
		return Fetched{}, postgresTrouble(err, s, config)
	}
	return Fetched{Rows: rows.String()}, nil
}

// connectionOf reads a Secret's uri. What it does not say is on the safe side: TLS, with the server's name checked.
func connectionOf(secret outbound.Secret, name string) (*pgx.ConnConfig, error) {
	uri := secret.Key("uri")
	if uri == "" {
		return nil, fmt.Errorf("Secret %q has no key uri, or is not there; create it", name)
	}
	wrong := fmt.Errorf("key uri of Secret %q must be such as postgres://user:password@host:5432/database", name)
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Hostname() == "" {
		return nil, wrong
	}
	q := u.Query()
	q.Del("sslrootcert") // a path in the pod: the Secret brings the authority itself
	authority := secret.Key("ca.crt")
	if q.Get("sslmode") == "" {
		q.Set("sslmode", "verify-full")
	}
	u.RawQuery = q.Encode()
	config, err := pgx.ParseConfig(u.String())
	if err != nil || config.Host == "" {
		return nil, wrong
	}
	if err := secret.MayGoTo(config.Host, net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))); err != nil {
		return nil, err
	}
	for _, other := range config.Fallbacks {
		if other.Host != config.Host || other.Port != config.Port {
			return nil, fmt.Errorf("key uri of Secret %q names several hosts; name one", name)
		}
	}
	if authority != "" {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(authority)) {
			return nil, fmt.Errorf("key ca.crt of Secret %q is no certificate in PEM", name)
		}
		if config.TLSConfig != nil {
			config.TLSConfig.RootCAs = roots
		}
	}
	config.ConnectTimeout = 10 * time.Second
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // works through a pooler as well
	return config, nil
}

// column is one that is read.
type column struct {
	name  string
	array bool
}

// columnsOf are those of the relation that the mapping names.
func columnsOf(ctx context.Context, tx pgx.Tx, relation string, m v1alpha1.DirectoryMapping) ([]column, error) {
	wanted := []string{}
	for _, c := range []v1alpha1.Column{m.Name, m.Aliases, m.Licence, m.Type, m.Status, m.Sites, m.Phones, m.Emails} {
		if c != "" {
			wanted = append(wanted, string(c))
		}
	}
	found, err := tx.Query(ctx, `SELECT a.attname, t.typcategory = 'A' FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`, quoted(relation))
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (column, error) {
		var c column
		err := row.Scan(&c.name, &c.array)
		return c, err
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, noRelation
	}
	all = slices.DeleteFunc(all, func(c column) bool { return !slices.Contains(wanted, c.name) })
	if len(all) == 0 {
		return nil, noColumn
	}
	return all, nil
}

var (
	noRelation = errors.New("no such relation")
	noColumn   = errors.New("no such column")
)

func selecting(relation string, columns []column) string {
	var selected, order []string
	for i, c := range columns {
		name := pgx.Identifier{c.name}.Sanitize()
		if c.array {
			name = "array_to_string(" + name + ", ';') AS " + name
		}
		selected, order = append(selected, name), append(order, strconv.Itoa(i+1))
	}
	return "SELECT " + strings.Join(selected, ", ") + " FROM " + quoted(relation) + " ORDER BY " + strings.Join(order, ", ")
}

func quoted(relation string) string { return pgx.Identifier(strings.Split(relation, ".")).Sanitize() }

// postgresTrouble says what went wrong, in words for people and with nothing of the Secret but its name: what the driver and the server say
// may hold the user, the address and values.
func postgresTrouble(err error, s v1alpha1.PostgresSource, c *pgx.ConnConfig) error {
	var (
		told    *pgconn.PgError
		blocked *outbound.Blocked
	)
	switch {
	case errors.Is(err, noRelation):
		return fmt.Errorf("there is no relation %s, or not for this user; correct source.postgres.relation", s.Relation)
	case errors.Is(err, noColumn):
		return fmt.Errorf("relation %s has none of the mapped columns; correct mapping", s.Relation)
	case errors.As(err, &blocked):
		return blocked
	case errors.As(err, &told):
		switch {
		case strings.HasPrefix(told.Code, "28"):
			return fmt.Errorf("the database refuses the sign-in of Secret %q", s.SecretName)
		case told.Code == "42501":
			return fmt.Errorf("the user of Secret %q may not read %s; GRANT SELECT ON it", s.SecretName, s.Relation)
		case told.Code == "57014":
			return fmt.Errorf("reading %s took longer than %s", s.Relation, readTime)
		case told.Code == "3D000":
			return fmt.Errorf("the database that Secret %q names is not there", s.SecretName)
		}
		return fmt.Errorf("the database failed with SQLSTATE %s", told.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer in time", c.Host)
	}
	var certificate x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &certificate), errors.As(err, &name):
		return fmt.Errorf("the certificate of %s is not to be trusted; put its authority into key ca.crt of Secret %q", c.Host, s.SecretName)
	case strings.Contains(err.Error(), "server refused TLS"):
		return fmt.Errorf("%s speaks no TLS; let it, or write sslmode=disable into the uri of Secret %q", c.Host, s.SecretName)
	}
	return fmt.Errorf("%s cannot be reached, or broke off", c.Host)
}

// bounded is a buffer that refuses what is too much.
type bounded struct {
	bytes.Buffer
	most int
	full bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		b.full = true
		return 0, errors.New("too much")
	}
	return b.Buffer.Write(p)
}
