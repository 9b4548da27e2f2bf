package source

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// Bounds of a list of objects.
const (
	maxColumns = 200
	maxObjects = 2_000_000
)

// CSV gives rows as CSV with a header line, which is what a Directory is built of. Objects become rows with a column a key;
// values of an array are parted by semicolons, and what is nested deeper is left out.
func CSV(format v1alpha1.RowFormat, body []byte) (string, error) {
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	switch format {
	case v1alpha1.FormatCSV, "":
		if !utf8.Valid(body) {
			return "", errors.New("the list is not UTF-8; have the server send it so")
		}
		return string(body), nil
	case v1alpha1.FormatJSON, v1alpha1.FormatNDJSON:
		return objects(format, body)
	}
	return "", fmt.Errorf("no format %q; source.http.format is csv, json or ndjson", format)
}

func objects(format v1alpha1.RowFormat, body []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if format == v1alpha1.FormatJSON {
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return "", errors.New("the list is not a JSON array of objects; see source.http.format")
		}
	}
	at := map[string]int{}
	var header []string
	var rows [][]string
	for n := 1; d.More(); n++ {
		if n > maxObjects {
			return "", fmt.Errorf("more than %d objects; split the list", maxObjects)
		}
		var object map[string]any
		if err := d.Decode(&object); err != nil {
			return "", fmt.Errorf("object %d is not a JSON object: %s", n, plainly(err))
		}
		row := make([]string, len(header))
		for key, value := range object {
			i, known := at[key]
			if !known {
				if i = len(header); i == maxColumns {
					return "", fmt.Errorf("object %d has more than %d different keys with those before it", n, maxColumns)
				}
				at[key] = i
				header, row = append(header, key), append(row, "")
			}
			row[i] = text(value)
		}
		rows = append(rows, row)
	}
	if format == v1alpha1.FormatJSON {
		if _, err := d.Token(); err != nil {
			return "", errors.New("the JSON array does not end; the list was cut off")
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("something stands behind the list")
	}
	return written(header, rows)
}

// written orders columns by name, so that equal lists are equal bytes: Go's maps have no order.
func written(header []string, rows [][]string) (string, error) {
	order := make([]int, len(header))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(header[a], header[b]) })
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	record := make([]string, len(header))
	write := func(row []string) {
		for i, from := range order {
			record[i] = ""
			if from < len(row) {
				record[i] = row[from]
			}
		}
		_ = w.Write(record) // a buffer takes everything
	}
	if len(header) > 0 {
		write(header)
	}
	for _, row := range rows {
		write(row)
	}
	w.Flush()
	return out.String(), w.Error()
}

func text(value any) string {
	switch v := value.(type) {
	case string:
		return strings.ToValidUTF8(v, "")
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case []any:
		var parts []string
		for _, one := range v {
			if s := text(one); s != "" {
				parts = append(parts, strings.ReplaceAll(s, ";", ","))
			}
		}
		return strings.Join(parts, ";")
	}
	return ""
}

// plainly says what is wrong with JSON without repeating it.
func plainly(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("a mistake at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return "it is " + kind.Value
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the list was cut off"
	}
	return "it cannot be read"
}
