package acts

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// List is an argument that stands for many values: the rows of a table, or the values that one may be among. How it is
// spelt is the engine's: PostgreSQL takes each column as an array, so that a statement's text does not depend on how many
// rows there are and can be prepared; SQLite takes a placeholder a value.
type List struct {
	// Columns are []int64, []string, [][]byte or []bool, all of the same length.
	Columns []any
	rows    int
}

// Len is the number of rows.
func (l *List) Len() int { return l.rows }

// put appends a value to a column, which it begins when it is the first.
func (l *List) put(column int, value any) {
	if column == len(l.Columns) {
		l.Columns = append(l.Columns, nil)
	}
	switch v := value.(type) {
	case int64:
		l.Columns[column] = grown(l.Columns[column], v)
	case string:
		l.Columns[column] = grown(l.Columns[column], v)
	case []byte:
		l.Columns[column] = grown(l.Columns[column], v)
	case bool:
		l.Columns[column] = grown(l.Columns[column], v)
	default:
		panic(fmt.Sprintf("lists hold int64, string, []byte and bool, not %T", value))
	}
}

func grown[T any](column any, v T) []T {
	if column == nil {
		return []T{v}
	}
	return append(column.([]T), v) //nolint:forcetypeassert // a column of two types is a mistake of this package
}

// list is a List under construction, with the arguments of its statement.
type list struct {
	List
	args []any
}

// after starts a list behind arguments that the statement names itself.
func after(args ...any) *list {
	l := &list{}
	l.args = append(args, &l.List)
	return l
}

// add appends one row.
func (l *list) add(values ...any) {
	l.rows++
	for i, v := range values {
		l.put(i, v)
	}
}

// String is the list in a statement: a query of its rows, whose columns are column1, column2 and so on.
func (l *list) String() string { return "{rows:" + strconv.Itoa(len(l.args)) + "}" }

// among is what follows IN, behind arguments already there.
func among[T int64 | string](values []T, before ...any) (string, []any) {
	l := &List{Columns: []any{values}, rows: len(values)}
	args := append(slices.Clone(before), l)
	return "{list:" + strconv.Itoa(len(args)) + "}", args
}

// Spell writes the lists of a statement: rows is called with the number of the argument and its list for a query of rows,
// and in for what one may be among, with the word IN before it.
func Spell(query string, args []any, rows, in func(n int, l *List) string) string {
	var out strings.Builder
	for {
		at := tokens.FindStringSubmatchIndex(query)
		if at == nil {
			out.WriteString(query)
			return out.String()
		}
		n, err := strconv.Atoi(query[at[4]:at[5]])
		if err != nil || n < 1 || n > len(args) {
			panic("a statement has " + query[at[0]:at[1]] + ", and no such argument")
		}
		l := args[n-1].(*List) //nolint:forcetypeassert // as above
		if query[at[2]:at[3]] == "rows" {
			out.WriteString(query[:at[0]])
			out.WriteString(rows(n, l))
		} else {
			out.WriteString(strings.TrimSuffix(query[:at[0]], "IN "))
			out.WriteString(in(n, l))
		}
		query = query[at[1]:]
	}
}

var tokens = regexp.MustCompile(`\{(rows|list):([0-9]+)\}`)

// each calls row for every row of the result.
func each(tx Tx, row Row, query string, args ...any) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	return row.Each(rows)
}

// Each reads a result to its end.
func (row Row) Each(rows Rows) error {
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
