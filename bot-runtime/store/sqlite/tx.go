package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// spell replaces the words that package acts leaves to the engine. Rows need no locks: there is one writer. SQLite takes
// $1 for a name and ?1 for a place.
var spell = strings.NewReplacer(
	"{now}", "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
	"{lock}", "", "{skiplocked}", "", "{lineage}", "here", "$", "?",
)

// spelt is a statement as SQLite reads it, with a placeholder for each value of its lists: the first of a list's has the
// list's number, the others come after all arguments.
func spelt(query string, args []any) (string, []any) {
	query = spell.Replace(query)
	if !strings.Contains(query, "{") {
		return query, args
	}
	flat := slices.Clone(args)
	place := func(out *strings.Builder, n, at, i int, l *acts.List) {
		if at > 0 || i > 0 {
			flat = append(flat, nil)
			n = len(flat)
		}
		flat[n-1] = value(l.Columns[i], at)
		out.WriteByte('?')
		out.WriteString(strconv.Itoa(n))
	}
	query = acts.Spell(query, args, func(n int, l *acts.List) string {
		var out strings.Builder
		for at := range l.Len() {
			separator := ",("
			if at == 0 {
				separator = "VALUES ("
			}
			for i := range l.Columns {
				out.WriteString(separator)
				place(&out, n, at, i, l)
				separator = ","
			}
			out.WriteByte(')')
		}
		return out.String()
	}, func(n int, l *acts.List) string {
		var out strings.Builder
		out.WriteString("IN (")
		for at := range l.Len() {
			if at > 0 {
				out.WriteByte(',')
			}
			place(&out, n, at, 0, l)
		}
		out.WriteByte(')')
		return out.String()
	})
	for i, arg := range flat {
		if _, empty := arg.(*acts.List); empty {
			flat[i] = nil
		}
	}
	return query, flat
}

func value(column any, at int) any {
	switch c := column.(type) {
	case []int64:
		return c[at]
	case []string:
		return c[at]
	case [][]byte:
		return c[at]
	case []bool:
		return c[at]
	}
	panic(fmt.Sprintf("a list has a column of %T", column))
}

// writing is a transaction of the writer.
type writing struct{ w *writer }

// try runs an act in a savepoint. undone is the reason why the whole transaction is gone.
func (t *writing) try(act func(acts.Tx) error) (failed, undone error) {
	if err := t.w.exec("SAVEPOINT act"); err != nil {
		return err, err
	}
	failed = recovered(func() error { return act(t) })
	if failed == nil {
		if err := t.w.exec("RELEASE act"); err != nil {
			return err, err
		}
		return nil, nil
	}
	if err := errors.Join(t.w.exec("ROLLBACK TO act"), t.w.exec("RELEASE act")); err != nil {
		return classify(failed), classify(failed)
	}
	return classify(failed), nil
}

func recovered(act func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the act panicked: %v", r)
		}
	}()
	return act()
}

func (t *writing) Exec(query string, args ...any) (int64, error) {
	query, args = spelt(query, args)
	result, err := t.w.statement(query, func(s *sql.Stmt) (sql.Result, error) { return s.Exec(args...) })
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Later does it now: there is no way to save.
func (t *writing) Later(query string, args ...any) error {
	_, err := t.Exec(query, args...)
	return err
}

func (t *writing) Expect(rows int64, what, query string, args ...any) error {
	n, err := t.Exec(query, args...)
	if err != nil {
		return err
	}
	return acts.Counted(what, n, rows)
}

func (t *writing) Query(query string, args ...any) (acts.Rows, error) {
	query, args = spelt(query, args)
	s, err := t.w.prepare(query)
	if err != nil {
		return nil, err
	}
	return wrap(s.Query(args...))
}

func (t *writing) Ask(row acts.Row, query string, args ...any) error {
	rows, err := t.Query(query, args...)
	if err != nil {
		return err
	}
	return row.Each(rows)
}

func (t *writing) Savepoint(try func() error) error {
	failed, undone := t.try(func(acts.Tx) error { return try() })
	return errors.Join(failed, undone)
}

func (t *writing) Draw(n int) (ids []int64, now int64, err error) {
	rows, err := t.Query(`UPDATE sequence SET value = value + $1 WHERE name = 'row' RETURNING value, {now}`, int64(n))
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	last := int64(0)
	for rows.Next() {
		if err := rows.Scan(&last, &now); err != nil {
			return nil, 0, err
		}
	}
	ids = make([]int64, n)
	for i := range ids {
		ids[i] = last - int64(n-1-i)
	}
	return ids, now, rows.Err()
}

// reading runs statements on the connections that cannot write.
type reading struct {
	ctx context.Context
	db  *sql.DB
}

func (r *reading) Exec(string, ...any) (int64, error) {
	return 0, errors.New("a read changes nothing")
}

func (r *reading) Later(string, ...any) error { return errors.New("a read changes nothing") }

func (r *reading) Query(query string, args ...any) (acts.Rows, error) {
	query, args = spelt(query, args)
	rows, err := wrap(r.db.QueryContext(r.ctx, query, args...))
	return rows, classify(err)
}

func (r *reading) Ask(row acts.Row, query string, args ...any) error {
	rows, err := r.Query(query, args...)
	if err != nil {
		return err
	}
	return row.Each(rows)
}

func (r *reading) Savepoint(try func() error) error { return try() }

func (r *reading) Expect(int64, string, string, ...any) error {
	return errors.New("a read changes nothing")
}

func (r *reading) Draw(int) ([]int64, int64, error) {
	return nil, 0, errors.New("a read draws no ids")
}

type rows struct{ *sql.Rows }

func (r rows) Close() { _ = r.Rows.Close() }

func wrap(r *sql.Rows, err error) (acts.Rows, error) {
	if err != nil {
		return nil, err
	}
	return rows{r}, nil
}
