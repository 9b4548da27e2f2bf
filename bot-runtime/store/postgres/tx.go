package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// spell replaces the words that package acts leaves to the engine. The clock is the statement's: it moves within a
// transaction, and an index can be searched by it.
var spell = strings.NewReplacer(
	"{now}", "(extract(epoch from statement_timestamp()) * 1000000)::bigint",
	"{lock}", "FOR UPDATE", "{skiplocked}", "FOR UPDATE SKIP LOCKED",
)

// run sends one statement in one round trip, without a prepared statement, and with the type of each argument. pgx's own
// mode for this leaves the types to the server, which takes every column of a VALUES list for text.
func run(ctx context.Context, conn *pgx.Conn, query string, args []any) *pgconn.ResultReader {
	values, types, formats := make([][]byte, len(args)), make([]uint32, len(args)), make([]int16, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case int64:
			values[i], types[i] = strconv.AppendInt(nil, v, 10), pgtype.Int8OID
		case string:
			values[i], types[i] = []byte(v), pgtype.TextOID
		case []byte:
			values[i], types[i], formats[i] = v, pgtype.ByteaOID, pgtype.BinaryFormatCode
		case bool:
			values[i], types[i] = strconv.AppendBool(nil, v), pgtype.BoolOID
		default:
			panic(fmt.Sprintf("acts pass int64, string, []byte and bool, not %T", arg))
		}
	}
	return conn.PgConn().ExecParams(ctx, spell.Replace(query), values, types, formats, nil)
}

type writing struct {
	ctx  context.Context
	conn *pgx.Conn
}

func (w *writing) Exec(query string, args ...any) (int64, error) {
	tag, err := run(w.ctx, w.conn, query, args).Close()
	return tag.RowsAffected(), err
}

func (w *writing) Query(query string, args ...any) (acts.Rows, error) {
	return pgx.RowsFromResultReader(w.conn.TypeMap(), run(w.ctx, w.conn, query, args)), nil
}

func (w *writing) Savepoint(try func() error) error {
	if _, err := w.Exec("SAVEPOINT act"); err != nil {
		return err
	}
	failed := try()
	if failed == nil {
		_, err := w.Exec("RELEASE SAVEPOINT act")
		return err
	}
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
func (w *writing) Draw(n int) ([]int64, error) {
	rows := pgx.RowsFromResultReader(w.conn.TypeMap(), run(w.ctx, w.conn, `SELECT nextval('row_id') FROM generate_series(1, $1)`, []any{int64(n)}))
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	slices.Sort(ids)
	return ids, err
}

// reading runs each statement by itself.
type reading struct {
	ctx  context.Context
	conn *pgx.Conn
}

func (r *reading) Exec(string, ...any) (int64, error) {
	return 0, errors.New("a read changes nothing")
}

func (r *reading) Query(query string, args ...any) (acts.Rows, error) {
	return pgx.RowsFromResultReader(r.conn.TypeMap(), run(r.ctx, r.conn, query, args)), nil
}

func (r *reading) Savepoint(try func() error) error { return try() }

func (r *reading) Draw(int) ([]int64, error) { return nil, errors.New("a read draws no ids") }
