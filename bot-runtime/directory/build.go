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
	// MaxShownBytes is what is kept of a value that is shown.
	MaxShownBytes = 500
)

// Reasons of findings, stable for scripts.
const (
	reasonHeader = "Header"
	// ReasonRow is that of a row that is left out.
	ReasonRow       = "RowRejected"
	reasonDuplicate = "DuplicateRow"
	reasonEmpty     = "NoEntries"
	reasonCut       = "ValueCut"
)

// Build reads CSV with a header line and makes the index. Rows that will not do are rejected one by one, each an advice finding
// with its line; the findings that are no advice (no header, a column that is missing, no entry left) refuse the whole, and the
// index is nil. Rejected is the number of rejected rows, also of those beyond the first hundred findings.
//
// Nothing is taken for licensed that does not say so: a register without a status column, a row without a status and a row
// whose fields have slipped by a comma would else turn a warning list into a register.
func Build(rows string, mapping v1alpha1.DirectoryMapping) (index *Index, rejected int, findings []bundle.Finding) {
	r := reader{fields: fieldsOf(mapping), facts: factsOf(mapping), seen: map[string]int{}, cut: map[string]bool{}}
	var b Builder
	b.Show(r.facts)
	r.read(rows, &b)
	if b.Len() == 0 && !r.refused {
		r.refuse(reasonEmpty, "no entry is left; add rows under the header line")
	}
	if r.refused {
		return nil, r.rejected, r.findings
	}
	return b.Build(), r.rejected, r.findings
}

// field of an entry, and the column that it is in.
type field struct {
	name   string // its own, and of its column by default
	column v1alpha1.Column
	needed bool
	at     string // where the mapping names it
}

// ownPrefix tells the name of what is shown from the fields that are looked up: both may be called alike.
const ownPrefix = "shown."

func fieldsOf(m v1alpha1.DirectoryMapping) []field {
	fields := []field{{name: "name", column: m.Name, needed: true}, {name: "status", column: m.Status, needed: true}, {name: "aliases", column: m.Aliases},
		{name: "licence", column: m.Licence}, {name: "type", column: m.Type}, {name: "sites", column: m.Sites}, {name: "phones", column: m.Phones}, {name: "emails", column: m.Emails}}
	for i := range fields {
		if fields[i].column == "" {
			fields[i].column = v1alpha1.Column(fields[i].name)
		}
		fields[i].at = fields[i].name
	}
	for _, s := range m.Shown {
		fields = append(fields, field{name: ownPrefix + string(s.Name), column: s.Of(), at: "shown[" + string(s.Name) + "].column"})
	}
	return fields
}

func factsOf(m v1alpha1.DirectoryMapping) []Fact {
	facts := make([]Fact, len(m.Shown))
	for i, s := range m.Shown {
		facts[i].Name = string(s.Name)
		for language, label := range s.Label {
			if facts[i].Label == nil {
				facts[i].Label = map[string]string{}
			}
			facts[i].Label[language] = string(label)
		}
	}
	return facts
}

// reader turns lines into entries and counts what it rejects.
type reader struct {
	fields   []field
	facts    []Fact
	columns  int            // of the header
	column   map[string]int // by the field's name
	seen     map[string]int // line of a name with its licence and status
	findings []bundle.Finding
	rejected int
	refused  bool
	cut      map[string]bool // names of what is shown of which a value was too long
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

func (r *reader) read(rows string, into *Builder) {
	c := csv.NewReader(strings.NewReader(strings.TrimPrefix(rows, "\uFEFF")))
	c.FieldsPerRecord = -1
	c.LazyQuotes = true
	c.TrimLeadingSpace = true
	c.ReuseRecord = true
	if !r.header(c) {
		return
	}
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			var p *csv.ParseError
			if errors.As(err, &p) {
				r.reject(p.StartLine, ReasonRow, "not CSV: %v; quote fields that hold commas or quotes", p.Err)
				continue
			}
			r.refuse(ReasonRow, "the rows cannot be read: %v", err)
			return
		}
		line, _ := c.FieldPos(0)
		if e, ok := r.entry(record, line); ok {
			if into.Len() == maxEntries {
				r.refuse(ReasonRow, "more than %d rows; split the data set", maxEntries)
				return
			}
			e.ID = strconv.Itoa(line)
			into.Add(e)
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
	r.columns = len(record)
	at := map[string]int{}
	var have []string
	for i, h := range record {
		h = strings.TrimSpace(h)
		have = append(have, h)
		if _, twice := at[strings.ToLower(h)]; twice && h != "" {
			r.refuse(reasonHeader, "two columns are named %q; rename one", h)
			return false
		}
		at[strings.ToLower(h)] = i
	}
	r.column = map[string]int{}
	for _, f := range r.fields {
		i, there := at[strings.ToLower(strings.TrimSpace(string(f.column)))]
		switch {
		case there:
			r.column[f.name] = i
		case f.needed && f.name == "status":
			r.refuse(reasonHeader, "no column %q that says licensed or illegal; the header line has %s: add it, or set mapping.status", f.column, strings.Join(have, ", "))
			return false
		case f.needed || string(f.column) != f.name:
			r.refuse(reasonHeader, "no column %q for the %s; the header line has %s: set mapping.%s", f.column, strings.TrimPrefix(f.name, ownPrefix), strings.Join(have, ", "), f.at)
			return false
		}
	}
	return true
}

func (r *reader) entry(record []string, line int) (Entry, bool) {
	get := func(name string) string {
		if i, ok := r.column[name]; ok && i < len(record) {
			return strings.TrimSpace(strings.ToValidUTF8(record[i], ""))
		}
		return ""
	}
	e := Entry{
		Name: strings.Clone(get("name")), Aliases: values(get("aliases")), Licence: strings.Clone(get("licence")), Type: strings.Clone(get("type")),
		Status: strings.ToLower(get("status")), Sites: values(get("sites")), Phones: values(get("phones")), Emails: values(get("emails")),
	}
	for _, f := range r.facts {
		value := get(ownPrefix + f.Name)
		if len(value) > MaxShownBytes {
			value = strings.ToValidUTF8(value[:MaxShownBytes-len("…")], "") + "…"
			if !r.cut[f.Name] {
				r.cut[f.Name] = true
				r.findings = append(r.findings, bundle.Finding{Path: "mapping.shown[" + f.Name + "]", Reason: reasonCut, Advice: true,
					Message: fmt.Sprintf("line %d has more than %d bytes, and maybe others; the rest is left out: shorten it", line, MaxShownBytes)})
			}
		}
		if value != "" {
			f.Value = value
			e.Shown = append(e.Shown, f)
		}
	}
	key := strings.Join(words.Name(e.Name), " ")
	switch {
	case e.Name == "" && strings.Join(record, "") == "":
		return e, false // an empty line
	case len(record) != r.columns:
		r.reject(line, ReasonRow, "%d fields, the header line has %d; quote fields that hold commas", len(record), r.columns)
	case e.Name == "":
		r.reject(line, ReasonRow, "no name; every row needs one")
	case len(e.Name) > maxNameBytes:
		r.reject(line, ReasonRow, "a name of %d bytes, at most %d; shorten it", len(e.Name), maxNameBytes)
	case key == "":
		r.reject(line, ReasonRow, "%q has no letter or digit; no one could ask for it", e.Name)
	case e.Status != StatusLicensed && e.Status != StatusIllegal:
		r.reject(line, ReasonRow, "%q has the status %q and is left out; write licensed or illegal", e.Name, e.Status)
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
