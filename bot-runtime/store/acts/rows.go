package acts

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// list gathers the rows of a VALUES list, and writes their placeholders.
type list struct {
	args []any
	text strings.Builder
	rows int
}

// after starts a list behind arguments that the statement names itself.
func after(args ...any) *list { return &list{args: args} }

// add appends one row.
func (l *list) add(values ...any) {
	if l.rows > 0 {
		l.text.WriteByte(',')
	}
	l.rows++
	l.text.WriteByte('(')
	for i, v := range values {
		if i > 0 {
			l.text.WriteByte(',')
		}
		l.args = append(l.args, v)
		l.text.WriteByte('$')
		l.text.WriteString(strconv.Itoa(len(l.args)))
	}
	l.text.WriteByte(')')
}

// String is the list as SQL: ($1,$2),($3,$4).
func (l *list) String() string { return l.text.String() }

// among writes "($n,$n+1,…)" for IN, behind arguments already there.
func among[T any](values []T, before ...any) (string, []any) {
	args := before
	var text strings.Builder
	text.WriteByte('(')
	for i, v := range values {
		if i > 0 {
			text.WriteByte(',')
		}
		args = append(args, v)
		text.WriteByte('$')
		text.WriteString(strconv.Itoa(len(args)))
	}
	text.WriteByte(')')
	return text.String(), args
}

// each calls row for every row of the result.
func each(tx Tx, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one scans the first row; store.ErrNotFound when there is none.
func one(tx Tx, dest []any, query string, args ...any) error {
	found := false
	err := each(tx, func(scan func(...any) error) error {
		if found {
			return nil
		}
		found = true
		return scan(dest...)
	}, query, args...)
	if err == nil && !found {
		return store.ErrNotFound
	}
	return err
}

// into is the destination of one.
func into(dest ...any) []any { return dest }

// column collects the single column of a result.
func column[T any](tx Tx, query string, args ...any) ([]T, error) {
	var out []T
	err := each(tx, func(scan func(...any) error) error {
		var v T
		if err := scan(&v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	}, query, args...)
	return out, err
}

// clean makes text storable on every engine: valid UTF-8 without NUL. Without it one odd name from a platform would refuse
// the whole batch that it came in, at each re-delivery.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// bounded is at most n bytes of b, and never nil: NULL has no type where it stands in a VALUES list.
func bounded(b []byte, n int) []byte {
	return append([]byte{}, b[:min(n, len(b))]...)
}
