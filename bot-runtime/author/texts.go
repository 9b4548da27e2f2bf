package author

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/files"
)

// textKey is where a text stands.
type textKey struct{ flow, key, language string }

func (k textKey) String() string {
	return fmt.Sprintf("dialogflow/%s  %s.%s", k.flow, k.key, k.language)
}

// texts are the texts of all flows of a folder, a row each for every language that its flow speaks or the text has, in the order
// of the flows.
func (j judged) texts() []textRow {
	var out []textRow
	for i := range j.Objects.Flows {
		f := &j.Objects.Flows[i]
		spoken := f.Spec.Languages
		if len(spoken) == 0 {
			spoken = j.Objects.Tenant.Spec.Languages
		}
		fields(reflect.ValueOf(&f.Spec), "", func(at field) {
			text, ok := at.value.Interface().(v1alpha1.Text)
			if !ok || len(text) == 0 {
				return
			}
			languages := []string{}
			for _, l := range spoken {
				languages = append(languages, string(l))
			}
			for _, l := range slices.Sorted(maps.Keys(text)) {
				if !slices.Contains(languages, l) {
					languages = append(languages, l)
				}
			}
			for _, l := range languages {
				r := textRow{Flow: f.Name, Key: at.path, Language: l, Text: string(text[l]), State: stateDraft}
				if r.Text == "" {
					r.State = stateMissing
				}
				r.Exported = markOf(r.Text)
				out = append(out, r)
			}
		})
	}
	return out
}

// markOf a text tells whether it is still the one that was exported.
func markOf(text string) string {
	sum := sha256.Sum256([]byte(newlines.Replace(text)))
	return fmt.Sprintf("h%x", sum[:4])
}

func (r textRow) at() textKey { return textKey{r.Flow, r.Key, r.Language} }

// ExportTexts writes the texts of all flows of a folder or file into a table, CSV or XLSX by its name. A table that is there
// keeps the states of texts that are still the same; one that holds texts which were not imported yet is left alone.
func ExportTexts(out io.Writer, path, table string, now time.Time) error {
	if err := tableName(table); err != nil {
		return err
	}
	j := load(path, now, false)
	if len(j.Problems) > 0 {
		return fmt.Errorf("the folder cannot be read: %s", j.Problems[0])
	}
	rows := j.texts()
	if len(rows) == 0 {
		return errors.New("no DialogFlow with texts here; give a folder that has one")
	}
	before, _, err := readTable(table)
	if err != nil {
		return err
	}
	known, kept := map[textKey]textRow{}, 0
	for _, r := range before {
		known[r.at()] = r
		kept++
	}
	for i := range rows {
		r := &rows[i]
		old, ok := known[r.at()]
		if !ok {
			continue
		}
		kept--
		switch {
		case old.Text == newlines.Replace(r.Text):
			if slices.Contains(states, old.State) && old.State != stateMissing {
				r.State = old.State
			}
		case old.Text != "" && old.Exported != markOf(old.Text): // it was changed in the table
			return fmt.Errorf("%s: line %d: the text of %s was changed there and never imported; import it first, or export to a new file", table, old.line, r.at())
		}
	}
	if err := writeTable(table, rows); err != nil {
		return fmt.Errorf("the table cannot be written: %w", err)
	}
	p := printer{out: out}
	p.line("%s in %s: %s", count(len(rows), "text"), table, tally(rows))
	if kept > 0 {
		p.line("%s left out that the flows no longer have", count(kept, "row"))
	}
	return p.err
}

// tally counts the texts of each state.
func tally(rows []textRow) string {
	n := map[string]int{}
	for _, r := range rows {
		n[r.State]++
	}
	var parts []string
	for _, s := range states {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

func tableName(file string) error {
	if ext := strings.ToLower(filepath.Ext(file)); ext != ".csv" && ext != ".xlsx" {
		return fmt.Errorf("%s is neither .csv nor .xlsx; name the table so", file)
	}
	return nil
}

// ImportTexts writes the texts of a table back into the YAML that they came from, where nothing else changes. Rejected texts are
// not written, nor drafts when only approved ones are wanted. It is all or nothing: a row that cannot be written, or texts with
// which a flow would be refused, change no file.
func ImportTexts(out io.Writer, path, table string, onlyApproved bool, now time.Time) error {
	if err := tableName(table); err != nil {
		return err
	}
	rows, there, err := readTable(table)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("there is no table %s; make it with bot-runtime texts export", table)
	}
	j := load(path, now, false)
	if len(j.Problems) > 0 {
		return fmt.Errorf("the folder cannot be read: %s", j.Problems[0])
	}
	changes, waiting, problems := j.changes(rows, onlyApproved)
	p := printer{out: out}
	if len(problems) > 0 {
		for _, problem := range problems {
			p.line("%s:%s", table, problem)
		}
		return errors.Join(p.err, fmt.Errorf("%s: nothing was imported", count(len(problems), "row")))
	}
	written, err := j.Rewrite(changes)
	if err != nil {
		return fmt.Errorf("nothing was imported: %w", err)
	}
	if err := j.refuses(written, path, now); err != nil {
		return fmt.Errorf("nothing was imported: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(written)) {
		if err := replace(name, written[name]); err != nil {
			return fmt.Errorf("%s cannot be written: %w", name, err)
		}
	}
	p.line("%s imported", count(len(changes), "text"))
	if waiting > 0 {
		p.line("%s not imported: not approved", count(waiting, "text"))
	}
	if len(changes) > 0 {
		p.line("export again, so that the table knows; bot-runtime test says whether a conversation has changed")
	}
	return p.err
}

var languageTag = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// changes are what a table has and the flows have not. waiting are texts that are not to be written; problems are lines that
// cannot be.
func (j judged) changes(rows []textRow, onlyApproved bool) (changes []files.Change, waiting int, problems []string) {
	now, keys := map[textKey]string{}, map[textKey]bool{}
	for _, r := range j.texts() {
		now[r.at()] = r.Text
		keys[textKey{r.Flow, r.Key, ""}] = true
	}
	seen := map[textKey]int{}
	for _, r := range rows {
		bad := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%d  ", r.line)+fmt.Sprintf(format, args...))
		}
		current := now[r.at()]
		first, twice := seen[r.at()]
		seen[r.at()] = r.line
		switch {
		case !keys[textKey{r.Flow, r.Key, ""}]:
			bad("dialogflow/%s has no text %q; export again, and take your texts over", r.Flow, r.Key)
		case twice:
			bad("%s stands on line %d, too; remove one", r.at(), first)
		case !languageTag.MatchString(r.Language):
			bad("language: %q is no language tag such as id or en", r.Language)
		case r.State != "" && !slices.Contains(states, r.State):
			bad("state: %q is none of %s", r.State, strings.Join(states, ", "))
		case r.Text == "" || r.Text == newlines.Replace(current):
		case utf8.RuneCountInString(r.Text) > maxTestWords:
			bad("text: %d characters, at most %d", utf8.RuneCountInString(r.Text), maxTestWords)
		case strings.ContainsFunc(r.Text, func(c rune) bool { return c < ' ' && c != '\n' && c != '\t' || c == 0x7F || c == utf8.RuneError }):
			bad("text: a sign that cannot be shown stands in it; type it anew")
		case r.Exported == markOf(r.Text): // untouched since, and the flow went on
		case r.Exported != "" && r.Exported != markOf(current):
			bad("%s was changed in the flow since the export, and in the table, too; export again to a new file, and take your text over", r.at())
		case r.State == stateRejected, onlyApproved && r.State != stateApproved:
			waiting++
		default:
			changes = append(changes, files.Change{Object: "dialogflow/" + r.Flow, Path: r.Key, Key: r.Language, Value: r.Text})
		}
	}
	return changes, waiting, problems
}

// refuses says what would be refused of files as they would be written, and is not now.
func (j judged) refuses(written map[string][]byte, path string, now time.Time) error {
	dir, err := os.MkdirTemp("", "loket-texts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	names := []string{path}
	if !j.One {
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		names = nil
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
				names = append(names, filepath.Join(path, e.Name()))
			}
		}
	}
	for _, name := range names {
		body, ok := written[name]
		if !ok {
			if body, err = os.ReadFile(name); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), body, 0o600); err != nil {
			return err
		}
	}
	copied := dir
	if j.One {
		copied = filepath.Join(dir, filepath.Base(path))
	}
	known := map[string]bool{}
	for _, f := range j.findings() {
		known[f.Object+f.Path+f.Message] = true
	}
	var faults []string
	for _, f := range load(copied, now, false).findings() {
		if !f.advice && !known[f.Object+f.Path+f.Message] {
			f.File = ""
			faults = append(faults, f.String())
		}
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}
