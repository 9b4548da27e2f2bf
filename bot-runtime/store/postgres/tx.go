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

// run sends one statement, prepared once a connection where statements is not nil.
func run(ctx context.Context, conn *pgx.Conn, statements map[string]string, query string, args []any) (*pgconn.ResultReader, error) {
	query, args = text(query, args), flat(args)
	values, types, formats := make([][]byte, len(args)), make([]uint32, len(args)), make([]int16, len(args))
	for i, arg := range args {
		types[i], formats[i] = oid(arg), pgtype.BinaryFormatCode
		var err error
		if values[i], err = conn.TypeMap().Encode(types[i], pgtype.BinaryFormatCode, arg, make([]byte, 0, 8)); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	if statements == nil {
		return conn.PgConn().ExecParams(ctx, query, values, types, formats, nil), nil
	}
	name := statements[query]
	if name == "" {
		// Named by its text: should a pooler hide behind this connection after all, no other statement can bear the name.
		sum := sha256.Sum256([]byte(query))
		name = "loket_" + hex.EncodeToString(sum[:12])
		if _, err := conn.PgConn().Prepare(ctx, name, query, types); err != nil {
			return nil, err
		}
		statements[query] = name
	}
	return conn.PgConn().ExecPrepared(ctx, name, values, formats, nil), nil
}

type writing struct {
	ctx        context.Context
	conn       *pgx.Conn
	statements map[string]string
}

func (w *writing) Exec(query string, args ...any) (int64, error) {
	reader, err := run(w.ctx, w.conn, w.statements, query, args)
	if err != nil {
		return 0, err
	}
	tag, err := reader.Close()
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == lockTimeout {
		err = fmt.Errorf("%w: %w", acts.ErrLocked, err)
	}
	return tag.RowsAffected(), err
}

func (w *writing) Query(query string, args ...any) (acts.Rows, error) {
	return rowsOf(w.ctx, w.conn, w.statements, query, args)
}

func rowsOf(ctx context.Context, conn *pgx.Conn, statements map[string]string, query string, args []any) (acts.Rows, error) {
	reader, err := run(ctx, conn, statements, query, args)
	if err != nil {
		return nil, err
	}
	return pgx.RowsFromResultReader(conn.TypeMap(), reader), nil
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
	reader, err := run(w.ctx, w.conn, w.statements, `SELECT nextval('row_id') FROM generate_series(1, $1)`, []any{int64(n)})
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(pgx.RowsFromResultReader(w.conn.TypeMap(), reader), pgx.RowTo[int64])
	slices.Sort(ids)
	return ids, err
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

func (r *reading) Query(query string, args ...any) (acts.Rows, error) {
	return rowsOf(r.ctx, r.conn, r.statements, query, args)
}

func (r *reading) Savepoint(try func() error) error { return try() }

func (r *reading) Draw(int) ([]int64, error) { return nil, errors.New("a read draws no ids") }
