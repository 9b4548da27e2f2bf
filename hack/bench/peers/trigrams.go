package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

type trigrams struct {
	conn *pgx.Conn
	gist bool
}

// newTrigrams fills a table of names in a server and indexes it, by GiST for the nearest or by GIN for those near enough.
func newTrigrams(ctx context.Context, uri string, gist bool, entries []entry) (searcher, error) {
	if uri == "" {
		return nil, errors.New("PEERS_POSTGRES names no server")
	}
	conn, err := pgx.Connect(ctx, uri)
	if err != nil {
		return nil, err
	}
	index := `CREATE INDEX ON peer_names USING gin (name gin_trgm_ops)`
	if gist {
		index = `CREATE INDEX ON peer_names USING gist (name gist_trgm_ops)`
	}
	for _, statement := range []string{`CREATE EXTENSION IF NOT EXISTS pg_trgm`, `DROP TABLE IF EXISTS peer_names`, `CREATE UNLOGGED TABLE peer_names (id text, name text)`} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	var rows [][]any
	for _, e := range entries {
		rows = append(rows, []any{e.ID, folded(e.Name)})
		for _, a := range e.Aliases {
			rows = append(rows, []any{e.ID, folded(a)})
		}
	}
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{"peer_names"}, []string{"id", "name"}, pgx.CopyFromRows(rows)); err != nil {
		return nil, err
	}
	for _, statement := range []string{index, `ANALYZE peer_names`} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	return &trigrams{conn, gist}, nil
}

func (t *trigrams) search(ctx context.Context, text string) (id string, score float64, err error) {
	q := `SELECT id, similarity(name, $1) FROM peer_names WHERE name % $1 ORDER BY 2 DESC, length(name) LIMIT 1`
	if t.gist {
		q = `SELECT id, similarity(name, $1) FROM peer_names ORDER BY name <-> $1 LIMIT 1`
	}
	err = t.conn.QueryRow(ctx, q, text).Scan(&id, &score)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", 0, nil
	}
	return id, score, err
}

func (t *trigrams) close() error {
	_, err := t.conn.Exec(context.Background(), `DROP TABLE peer_names`)
	return errors.Join(err, t.conn.Close(context.Background()))
}
