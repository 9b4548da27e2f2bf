package source

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/csv"
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
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/outbound"
)

// readTime is how long the database may take for the rows.
const readTime = 60 * time.Second

// fromPostgres reads the mapped columns as CSV, in a transaction that only reads. The rows come in an order of their own
// content, so that the same content has the same hash. What the Directory says is never SQL: names are quoted, values are parameters.
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

	var rows string
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d", readTime.Milliseconds())); err != nil {
			return err
		}
		there, err := columnsOf(ctx, tx, s.Relation)
		if err != nil {
			return err
		}
		query, args, err := selecting(s, there, mapping)
		if err != nil {
			return err
		}
		rows, err = readCSV(ctx, tx, int(most), query, args)
		return err
	})
	switch {
	case errors.Is(err, tooMuch):
		return Fetched{}, fmt.Errorf("the list is larger than %d MB; raise source.postgres.maxMegabytes", most>>20)
	case err != nil:
		return Fetched{}, postgresTrouble(err, s, config)
	}
	return Fetched{Rows: rows}, nil
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

// column of a relation.
type column struct {
	name  string
	array bool
}

// columnsOf are all of a relation, in its order.
func columnsOf(ctx context.Context, tx pgx.Tx, relation string) ([]column, error) {
	found, err := tx.Query(ctx, `SELECT a.attname, t.typcategory = 'A' FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`, quoted(relation))
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (column, error) {
		var c column
		err := row.Scan(&c.name, &c.array)
		return c, err
	})
	if err == nil && len(all) == 0 {
		err = noRelation
	}
	return all, err
}

// told is an error whose words are for people.
type told string

func (t told) Error() string { return string(t) }

var (
	noRelation = errors.New("no such relation")
	noColumn   = errors.New("no such column")
	tooMuch    = errors.New("too much")
)

// selecting is the query for the mapped columns that are there, of the rows that meet all conditions.
func selecting(s v1alpha1.PostgresSource, there []column, m v1alpha1.DirectoryMapping) (query string, args []any, err error) {
	wanted := []v1alpha1.Column{m.Name, m.Aliases, m.Licence, m.Type, m.Status, m.Sites, m.Phones, m.Emails}
	for _, shown := range m.Shown {
		wanted = append(wanted, shown.Of())
	}
	var selected, order, where []string
	for _, c := range there {
		if !slices.Contains(wanted, v1alpha1.Column(c.name)) {
			continue
		}
		name := pgx.Identifier{c.name}.Sanitize()
		if c.array {
			name = "array_to_string(" + name + ", ';') AS " + name
		} else {
			name += "::text"
		}
		selected, order = append(selected, name), append(order, strconv.Itoa(len(order)+1))
	}
	if len(selected) == 0 {
		return "", nil, noColumn
	}
	for i, condition := range s.Where {
		at := slices.IndexFunc(there, func(c column) bool { return c.name == string(condition.Column) })
		if at < 0 {
			return "", nil, told(fmt.Sprintf("relation %s has no column %q; correct source.postgres.where[%d].column", s.Relation, condition.Column, i))
		}
		args = append(args, condition.In)
		name, value := pgx.Identifier{there[at].name}.Sanitize(), "$"+strconv.Itoa(len(args))+"::text[]"
		if there[at].array {
			where = append(where, name+"::text[] && "+value)
		} else {
			where = append(where, name+"::text = ANY("+value+")")
		}
	}
	query = "SELECT " + strings.Join(selected, ", ") + " FROM " + quoted(s.Relation)
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	return query + " ORDER BY " + strings.Join(order, ", "), args, nil
}

// readCSV writes the rows of a query, all of whose columns are text, as CSV with a header line; NULL is empty. What is beyond most
// bytes is not waited for.
func readCSV(ctx context.Context, tx pgx.Tx, most int, query string, args []any) (string, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	record := make([]string, len(rows.FieldDescriptions()))
	values := make([]pgtype.Text, len(record))
	into := make([]any, len(record))
	for i, f := range rows.FieldDescriptions() {
		record[i], into[i] = f.Name, &values[i]
	}
	for {
		_ = w.Write(record) // a buffer takes everything
		w.Flush()
		if out.Len() > most {
			stop() // else closing would read the rest
			return "", tooMuch
		}
		if !rows.Next() {
			return out.String(), rows.Err()
		}
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		for i, v := range values {
			record[i] = v.String
		}
	}
}

func quoted(relation string) string { return pgx.Identifier(strings.Split(relation, ".")).Sanitize() }

// postgresTrouble says what went wrong, in words for people and with nothing of the Secret but its name: what the driver and the server say
// may hold the user, the address and values.
func postgresTrouble(err error, s v1alpha1.PostgresSource, c *pgx.ConnConfig) error {
	var (
		server  *pgconn.PgError
		plain   told
		blocked *outbound.Blocked
	)
	switch {
	case errors.Is(err, noRelation):
		return fmt.Errorf("there is no relation %s, or not for this user; correct source.postgres.relation", s.Relation)
	case errors.Is(err, noColumn):
		return fmt.Errorf("relation %s has none of the mapped columns; correct mapping", s.Relation)
	case errors.As(err, &blocked):
		return blocked
	case errors.As(err, &plain):
		return plain
	case errors.As(err, &server):
		switch {
		case strings.HasPrefix(server.Code, "28"):
			return fmt.Errorf("the database refuses the sign-in of Secret %q", s.SecretName)
		case server.Code == "42501":
			return fmt.Errorf("the user of Secret %q may not read %s; GRANT SELECT ON it", s.SecretName, s.Relation)
		case server.Code == "57014":
			return fmt.Errorf("reading %s took longer than %s", s.Relation, readTime)
		case server.Code == "3D000":
			return fmt.Errorf("the database that Secret %q names is not there", s.SecretName)
		}
		return fmt.Errorf("the database failed with SQLSTATE %s", server.Code)
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
