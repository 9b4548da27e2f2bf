package directory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// The two statuses of an entry.
const (
	StatusLicensed = "licensed"
	StatusIllegal  = "illegal"
)

// Bounds of a data set.
const (
	maxEntries   = 2_000_000
	maxNameBytes = 512
	maxValues    = 64 // of one field of a row
)

// Reasons of findings, stable for scripts.
const (
	reasonHeader    = "Header"
	reasonRow       = "RowRejected"
	reasonDuplicate = "DuplicateRow"
	reasonEmpty     = "NoEntries"
)

// Build reads CSV with a header line and makes the index. Rows that will not do are rejected one by one, each an advice finding
// with its line; the findings that are no advice (no header, no column for names, no entry left) refuse the whole, and the
// index is nil. Rejected is the number of rejected rows, also of those beyond the first hundred findings.
func Build(rows string, mapping v1alpha1.DirectoryMapping) (index *Index, rejected int, findings []bundle.Finding) {
	r := reader{mapping: withDefaults(mapping), seen: map[string]int{}}
	entries := r.read(rows)
	if len(entries) == 0 && !r.refused {
		r.refuse(reasonEmpty, "no entry is left; add rows under the header line")
	}
	if r.refused {
		return nil, r.rejected, r.findings
	}
	return newIndex(entries), r.rejected, r.findings
}

// FromEntries makes the index of entries that were read elsewhere.
func FromEntries(entries []Entry) *Index { return newIndex(entries) }

func withDefaults(m v1alpha1.DirectoryMapping) v1alpha1.DirectoryMapping {
	for _, f := range []struct {
		column *v1alpha1.Column
		name   v1alpha1.Column
	}{{&m.Name, "name"}, {&m.Aliases, "aliases"}, {&m.Licence, "licence"}, {&m.Type, "type"}, {&m.Status, "status"},
		{&m.Sites, "sites"}, {&m.Phones, "phones"}, {&m.Emails, "emails"}} {
		if *f.column == "" {
			*f.column = f.name
		}
	}
	return m
}

// reader turns lines into entries and counts what it rejects.
type reader struct {
	mapping  v1alpha1.DirectoryMapping
	column   map[v1alpha1.Column]int
	seen     map[string]int // line of a name with its licence and status
	findings []bundle.Finding
	rejected int
	refused  bool
}

const maxRowFindings = 100

func (r *reader) refuse(reason, format string, args ...any) {
	r.refused = true
	r.findings = append(r.findings, bundle.Finding{Path: "source", Reason: reason, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) reject(line int, reason, format string, args ...any) {
	r.rejected++
	if len(r.findings) < maxRowFindings {
		r.findings = append(r.findings, bundle.Finding{Path: "source.rows[line " + strconv.Itoa(line) + "]", Reason: reason, Message: fmt.Sprintf(format, args...), Advice: true})
	}
}

func (r *reader) read(rows string) []Entry {
	c := csv.NewReader(strings.NewReader(strings.TrimPrefix(rows, "\uFEFF")))
	c.FieldsPerRecord = -1
	c.LazyQuotes = true
	c.TrimLeadingSpace = true
	c.ReuseRecord = true
	if !r.header(c) {
		return nil
	}
	var entries []Entry
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			var p *csv.ParseError
			if errors.As(err, &p) {
				r.reject(p.StartLine, reasonRow, "not CSV: %v; quote fields that hold commas or quotes", p.Err)
				continue
			}
			r.refuse(reasonRow, "the rows cannot be read: %v", err)
			return nil
		}
		line, _ := c.FieldPos(0)
		if e, ok := r.entry(record, line); ok {
			if len(entries) == maxEntries {
				r.refuse(reasonRow, "more than %d rows; split the data set", maxEntries)
				return nil
			}
			e.ID = strconv.Itoa(line)
			entries = append(entries, e)
		}
	}
}

// header finds the columns; unknown ones are left alone.
func (r *reader) header(c *csv.Reader) bool {
	record, err := c.Read()
	if err != nil {
		r.refuse(reasonHeader, "no header line; the first line names the columns, such as name,licence,status")
		return false
	}
	r.column = map[v1alpha1.Column]int{}
	var have []string
	for i, h := range record {
		h = strings.TrimSpace(h)
		have = append(have, h)
		if _, twice := r.column[v1alpha1.Column(h)]; twice {
			r.refuse(reasonHeader, "two columns are named %q; rename one", h)
			return false
		}
		r.column[v1alpha1.Column(h)] = i
	}
	if _, ok := r.column[r.mapping.Name]; !ok {
		r.refuse(reasonHeader, "no column %q for the name; the header line has %s: set mapping.name", r.mapping.Name, strings.Join(have, ", "))
		return false
	}
	return true
}

func (r *reader) entry(record []string, line int) (Entry, bool) {
	get := func(c v1alpha1.Column) string {
		if i, ok := r.column[c]; ok && i < len(record) {
			return strings.TrimSpace(strings.ToValidUTF8(record[i], ""))
		}
		return ""
	}
	e := Entry{
		Name: strings.Clone(get(r.mapping.Name)), Aliases: values(get(r.mapping.Aliases)), Licence: strings.Clone(get(r.mapping.Licence)), Type: strings.Clone(get(r.mapping.Type)),
		Status: strings.ToLower(get(r.mapping.Status)), Sites: values(get(r.mapping.Sites)), Phones: values(get(r.mapping.Phones)), Emails: values(get(r.mapping.Emails)),
	}
	if e.Status == "" {
		e.Status = StatusLicensed
	}
	key := strings.Join(words.Name(e.Name), " ")
	switch {
	case e.Name == "" && strings.Join(record, "") == "":
		return e, false // an empty line
	case e.Name == "":
		r.reject(line, reasonRow, "no name; every row needs one")
	case len(e.Name) > maxNameBytes:
		r.reject(line, reasonRow, "a name of %d bytes, at most %d; shorten it", len(e.Name), maxNameBytes)
	case key == "":
		r.reject(line, reasonRow, "%q has no letter or digit; no one could ask for it", e.Name)
	case e.Status != StatusLicensed && e.Status != StatusIllegal:
		r.reject(line, reasonRow, "status %q; write licensed or illegal", e.Status)
	case r.seen[key+"\x00"+e.Licence+"\x00"+e.Status] != 0:
		r.reject(line, reasonDuplicate, "%q stands at line %d already; remove one", e.Name, r.seen[key+"\x00"+e.Licence+"\x00"+e.Status])
	default:
		r.seen[key+"\x00"+e.Licence+"\x00"+e.Status] = line
		return e, true
	}
	return e, false
}

// values parts a field at semicolons.
func values(field string) []string {
	if field == "" {
		return nil
	}
	var out []string
	for v := range strings.SplitSeq(field, ";") {
		if v = strings.TrimSpace(v); v != "" && len(out) < maxValues {
			out = append(out, strings.Clone(v))
		}
	}
	return out
}
