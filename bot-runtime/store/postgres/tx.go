package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// spell replaces the words that package acts leaves to the engine. The clock is the statement's: it moves within a
// transaction, and an index can be searched by it.
var spell = strings.NewReplacer(
	"{now}", "(extract(epoch from statement_timestamp()) * 1000000)::bigint",
	"{lock}", "FOR UPDATE", "{skiplocked}", "FOR UPDATE SKIP LOCKED", "{lineage}", "loket_lineage()",
)

// texts are the statements of package acts as PostgreSQL reads them. There is one for each, whatever its lists hold, since
// each column of a list is one array.
var texts sync.Map

func text(query string, args []any) string {
	if t, ok := texts.Load(query); ok {
		return t.(string) //nolint:forcetypeassert // only texts are kept
	}
	next := len(args)
	column := func(n, i int, l *acts.List) string {
		if i > 0 {
			next++
			n = next
		}
		return "$" + strconv.Itoa(n) + "::" + arrays[oid(l.Columns[i])]
	}
	t := acts.Spell(spell.Replace(query), args,
		func(n int, l *acts.List) string {
			var of, names []string
			for i := range l.Columns {
				of = append(of, column(n, i, l))
				names = append(names, "column"+strconv.Itoa(i+1))
			}
			return "SELECT * FROM unnest(" + strings.Join(of, ", ") + ") AS u(" + strings.Join(names, ", ") + ")"
		},
		func(n int, l *acts.List) string { return "= ANY (" + column(n, 0, l) + ")" })
	texts.Store(query, t)
	return t
}

var arrays = map[uint32]string{pgtype.Int8ArrayOID: "bigint[]", pgtype.TextArrayOID: "text[]", pgtype.ByteaArrayOID: "bytea[]", pgtype.BoolArrayOID: "boolean[]"}

// oid is the type of an argument, or of a list's column.
func oid(value any) uint32 {
	switch value.(type) {
	case int64:
		return pgtype.Int8OID
	case string:
		return pgtype.TextOID
	case []byte:
		return pgtype.ByteaOID
	case bool:
		return pgtype.BoolOID
	case []int64:
		return pgtype.Int8ArrayOID
	case []string:
		return pgtype.TextArrayOID
	case [][]byte:
		return pgtype.ByteaArrayOID
	case []bool:
		return pgtype.BoolArrayOID
	}
	panic(fmt.Sprintf("acts pass int64, string, []byte, bool and lists of them, not %T", value))
}

// flat has the columns of lists where text numbers them.
func flat(args []any) []any {
	out := slices.Clone(args)
	for i, arg := range args {
		if l, ok := arg.(*acts.List); ok {
			out[i] = l.Columns[0]
			out = append(out, l.Columns[1:]...)
		}
	}
	return out
}

// statement is one as it goes over the wire: by its name where it is prepared, else by its text.
type statement struct {
	name, text string
	types      []uint32
	values     [][]byte
	formats    []int16
}

// prepare makes a statement of a query, prepared once a connection where statements is not nil.
func prepare(ctx context.Context, conn *pgx.Conn, statements map[string]string, query string, args []any) (statement, error) {
	query, args = text(query, args), flat(args)
	st := statement{text: query, types: make([]uint32, len(args)), values: make([][]byte, len(args)), formats: make([]int16, len(args))}
	for i, arg := range args {
		st.types[i], st.formats[i] = oid(arg), pgtype.BinaryFormatCode
		var err error
		if st.values[i], err = conn.TypeMap().Encode(st.types[i], pgtype.BinaryFormatCode, arg, make([]byte, 0, 8)); err != nil {
			return st, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	if statements == nil {
		return st, nil
	}
	if st.name = statements[query]; st.name == "" {
		// Named by its text: should a pooler hide behind this connection after all, no other statement can bear the name.
		sum := sha256.Sum256([]byte(query))
		st.name = "loket_" + hex.EncodeToString(sum[:12])
		if _, err := conn.PgConn().Prepare(ctx, st.name, query, st.types); err != nil {
			return st, err
		}
		statements[query] = st.name
	}
	return st, nil
}

// run sends one statement by itself.
func (st statement) run(ctx context.Context, conn *pgx.Conn) *pgconn.ResultReader {
	if st.name == "" {
		return conn.PgConn().ExecParams(ctx, st.text, st.values, st.types, st.formats, nil)
	}
	return conn.PgConn().ExecPrepared(ctx, st.name, st.values, st.formats, nil)
}

// join has it sent with others.
func (st statement) join(batch *pgconn.Batch) {
	if st.name == "" {
		batch.ExecParams(st.text, st.values, st.types, st.formats, nil)
	} else {
		batch.ExecPrepared(st.name, st.values, st.formats, nil)
	}
}

// writing is a transaction. Its BEGIN goes to the server with the first statement, and what may be done later with the one after it:
// a round trip costs more than a statement of the message path.
type writing struct {
	ctx        context.Context
	conn       *pgx.Conn
	statements map[string]string
	waiting    []later
	begun      bool // something was sent
}

// later is a statement that waits to be sent with another, and what is done with its result.
type later struct {
	statement
	rows int64 // it must change so many of what; below 0 any number
	what string
	row  acts.Row // reads it, where it is a query that is asked for
}

// take does that. refused is an error of what the result says.
func (l later) take(conn *pgx.Conn, reader *pgconn.ResultReader) (refused, err error) {
	if l.row != nil {
		rows := pgx.RowsFromResultReader(conn.TypeMap(), reader)
		refused = l.row.Each(rows)
		return refused, rows.Err()
	}
	tag, err := reader.Close()
	if err == nil && l.rows >= 0 {
		refused = acts.Counted(l.what, tag.RowsAffected(), l.rows)
	}
	return refused, err
}

// begin starts a transaction.
func begin(ctx context.Context, conn *pgx.Conn, statements map[string]string) *writing {
	return &writing{ctx: ctx, conn: conn, statements: statements, waiting: []later{{statement: statement{text: "begin isolation level read committed read write"}, rows: -1}}}
}

// send sends what waits with one more statement, and returns the results of the last.
func (w *writing) send(last statement) (*pgconn.ResultReader, *pgconn.MultiResultReader, error) {
	waiting := w.waiting
	w.waiting, w.begun = nil, true
	if len(waiting) == 0 {
		return last.run(w.ctx, w.conn), nil, nil
	}
	batch := &pgconn.Batch{}
	for _, st := range waiting {
		st.join(batch)
	}
	last.join(batch)
	all := w.conn.PgConn().ExecBatch(w.ctx, batch)
	var refused error
	for _, l := range waiting {
		if !all.NextResult() {
			return nil, nil, ended(all)
		}
		no, err := l.take(w.conn, all.ResultReader())
		if err != nil {
			return nil, nil, ended(all)
		}
		if refused == nil {
			refused = no
		}
	}
	if !all.NextResult() {
		return nil, nil, ended(all)
	}
	if refused != nil {
		return nil, nil, errors.Join(refused, all.Close())
	}
	return all.ResultReader(), all, nil
}

// ended is why there are fewer results than statements.
func ended(all *pgconn.MultiResultReader) error {
	if err := all.Close(); err != nil {
		return locked(err)
	}
	return errors.New("the server answered fewer statements than it was sent")
}

func (w *writing) Later(query string, args ...any) error {
	return w.wait(later{rows: -1}, query, args)
}

func (w *writing) Expect(rows int64, what, query string, args ...any) error {
	return w.wait(later{rows: rows, what: what}, query, args)
}

func (w *writing) Ask(row acts.Row, query string, args ...any) error {
	return w.wait(later{row: row}, query, args)
}

func (w *writing) wait(l later, query string, args []any) (err error) {
	l.statement, err = prepare(w.ctx, w.conn, w.statements, query, args)
	w.waiting = append(w.waiting, l)
	return err
}

func (w *writing) Exec(query string, args ...any) (int64, error) {
	st, err := prepare(w.ctx, w.conn, w.statements, query, args)
	if err != nil {
		return 0, err
	}
	reader, all, err := w.send(st)
	if err != nil {
		return 0, err
	}
	tag, err := reader.Close()
	if all != nil {
		err = errors.Join(err, all.Close())
	}
	return tag.RowsAffected(), locked(err)
}

func (w *writing) Query(query string, args ...any) (acts.Rows, error) {
	st, err := prepare(w.ctx, w.conn, w.statements, query, args)
	if err != nil {
		return nil, err
	}
	reader, all, err := w.send(st)
	if err != nil {
		return nil, err
	}
	rows := pgx.RowsFromResultReader(w.conn.TypeMap(), reader)
	if all != nil {
		return &lastRows{Rows: rows, all: all}, nil
	}
	return rows, nil
}

// lastRows are the rows of the last of several statements: its end is the end of all.
type lastRows struct {
	pgx.Rows
	all *pgconn.MultiResultReader
	err error
}

func (r *lastRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *lastRows) Err() error { return errors.Join(r.Rows.Err(), r.err) }

func (r *lastRows) Close() {
	r.Rows.Close()
	r.err = r.all.Close()
}

// commit ends the transaction, of which nothing is left to do where nothing was sent. What waits goes with COMMIT, where its result
// cannot prevent that.
func (w *writing) commit() error {
	if !w.begun && len(w.waiting) == 1 {
		return nil
	}
	if slices.ContainsFunc(w.waiting, func(l later) bool { return l.rows >= 0 }) {
		if err := w.flush(); err != nil {
			return &beforeCommit{err}
		}
	}
	if len(w.waiting) == 0 {
		results, err := w.conn.PgConn().Exec(w.ctx, "commit").ReadAll()
		if err == nil && len(results) == 1 && results[0].CommandTag.String() == rolledBack {
			err = pgx.ErrTxCommitRollback
		}
		return err
	}
	reader, all, err := w.send(statement{text: "commit"})
	if err != nil {
		// The server has refused a statement, and read no further. An answer that is missing says nothing.
		if pg := new(pgconn.PgError); errors.As(err, &pg) {
			err = &beforeCommit{err}
		}
		return err
	}
	tag, err := reader.Close()
	if err = errors.Join(err, all.Close()); err == nil && tag.String() == rolledBack {
		err = pgx.ErrTxCommitRollback
	}
	return err
}

// rolledBack is what the server answers to the COMMIT of a transaction that had failed.
const rolledBack = "ROLLBACK"

// flush sends what waits.
func (w *writing) flush() error {
	last := w.waiting[len(w.waiting)-1]
	w.waiting = w.waiting[:len(w.waiting)-1]
	reader, all, err := w.send(last.statement)
	if err != nil {
		return err
	}
	refused, err := last.take(w.conn, reader)
	if all != nil {
		err = errors.Join(err, all.Close())
	}
	return locked(errors.Join(err, refused))
}

// beforeCommit is an error of a statement that was sent only when the transaction was to end: COMMIT was not.
type beforeCommit struct{ error }

func (b *beforeCommit) Unwrap() error { return b.error }

// rollback undoes what was sent. A connection on which that fails is given up when it is released.
func (w *writing) rollback() {
	if w.begun && !w.conn.IsClosed() {
		_, _ = w.conn.PgConn().Exec(w.ctx, "rollback").ReadAll()
	}
}

// locked names the error of a statement that waited for a row in vain.
func locked(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == lockTimeout {
		return fmt.Errorf("%w: %w", acts.ErrLocked, err)
	}
	return err
}

func (w *writing) Savepoint(try func() error) error {
	if _, err := w.Exec("SAVEPOINT act"); err != nil {
		return err
	}
	failed := try()
	if failed == nil {
		if _, failed = w.Exec("RELEASE SAVEPOINT act"); failed == nil {
			return nil
		}
	}
	w.waiting = nil                            // what was not sent is undone already
	if judged, again := judge(failed); again { // the transaction is to be run again, or its connection is gone
		return judged
	}
	if _, err := w.Exec("ROLLBACK TO SAVEPOINT act"); err != nil {
		return errors.Join(failed, err)
	}
	return failed
}

// Draw takes the numbers of the sequence in one statement. A number is drawn before its transaction commits, so all of a
// transaction that began after this one's commit are higher.
func (w *writing) Draw(n int) (ids []int64, now int64, err error) {
	rows, err := w.Query(`SELECT nextval('row_id'), {now} FROM generate_series(1, $1)`, int64(n))
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	ids = make([]int64, 0, n)
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id, &now); err != nil {
			return nil, 0, err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, now, rows.Err()
}

// reading runs each statement by itself.
type reading struct {
	ctx        context.Context
	conn       *pgx.Conn
	statements map[string]string
}

func (r *reading) Exec(string, ...any) (int64, error) {
	return 0, errors.New("a read changes nothing")
}

func (r *reading) Later(string, ...any) error { return errors.New("a read changes nothing") }

func (r *reading) Query(query string, args ...any) (acts.Rows, error) {
	st, err := prepare(r.ctx, r.conn, r.statements, query, args)
	if err != nil {
		return nil, err
	}
	return pgx.RowsFromResultReader(r.conn.TypeMap(), st.run(r.ctx, r.conn)), nil
}

func (r *reading) Savepoint(try func() error) error { return try() }

func (r *reading) Expect(int64, string, string, ...any) error {
	return errors.New("a read changes nothing")
}

func (r *reading) Ask(row acts.Row, query string, args ...any) error {
	rows, err := r.Query(query, args...)
	if err != nil {
		return err
	}
	return row.Each(rows)
}

func (r *reading) Draw(int) ([]int64, int64, error) { return nil, 0, errors.New("a read draws no ids") }
