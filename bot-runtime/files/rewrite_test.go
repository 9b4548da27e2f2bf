package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// styles has a text in each of the styles that YAML has.
const styles = `# above
apiVersion: v1
kind: Namespace
metadata: {name: other} # another document
---
apiVersion: loket.dev/v1alpha1
kind: DialogFlow # of all styles
metadata: {name: styles}
spec:
  languages: [en]
  start: a
  nodes:
  # the first
  - {name: a, say: {text: {en: plain text, id: 'it''s quoted'}}, next: b} # and the rest
  - name: b
    say:
      text:
        en: plain over
          two lines # why
        id: "double \"quoted\" {{ x }}"   # kept
    next: c
  - name: c
    say:
      text:
        id: |
          literal

          text
        en: >-
          folded
          text

    # between
    next: d
  - {name: d, end: {}}
`

func rewritten(t rapidOrTest, text string, changes ...Change) (string, error) {
	dir, err := os.MkdirTemp("", "rewrite-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "flow.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := Load(dir).Rewrite(changes)
	return string(out[file]), err
}

type rapidOrTest interface{ Fatal(args ...any) }

func change(node, language, text string) Change {
	return Change{"dialogflow/styles", "nodes[" + node + "].say.text", language, text}
}

func TestATextIsWrittenWhereItStoodAndNothingElseChanges(t *testing.T) {
	for name, c := range map[string]struct {
		change   Change
		old, new string
	}{
		"plain stays plain":                  {change("a", "en", "another text"), "en: plain text,", "en: another text,"},
		"what needs quotes gets them":        {change("a", "en", "yes, and: no # {x}"), "en: plain text,", `en: "yes, and: no # {x}",`},
		"a word that kubectl takes for no":   {change("a", "en", "no"), "en: plain text,", `en: "no",`},
		"single quotes stay":                 {change("a", "id", "that's it"), "'it''s quoted'", "'that''s it'"},
		"commas need quotes in braces":       {change("a", "en", "a, b"), "en: plain text,", `en: "a, b",`},
		"but not on a line of their own":     {change("b", "en", "a, b"), "plain over\n          two lines # why", "a, b # why"},
		"a text over two lines is one again": {change("b", "en", "one line"), "plain over\n          two lines # why", "one line # why"},
		"double quotes stay":                 {change("b", "id", "a \"b\"\nc"), `"double \"quoted\" {{ x }}"   # kept`, `"a \"b\"\nc"   # kept`},
		"a block stays a block":              {change("c", "id", "one\n\ntwo\n"), "          literal\n\n          text\n", "          one\n\n          two\n"},
		"and folded stays folded":            {change("c", "en", "all in one"), "folded\n          text\n", "all in one\n"},
		"a language more, in braces":         {change("a", "jv", "sugeng"), "'it''s quoted'}", "'it''s quoted', jv: sugeng}"},
		"a language more, after a comment":   {change("b", "jv", "sugeng"), "# kept\n", "# kept\n        jv: sugeng\n"},
		"a language more, after a block":     {change("c", "jv", "sugeng"), "          text\n\n    # between", "          text\n        jv: sugeng\n\n    # between"},
	} {
		want := strings.Replace(styles, c.old, c.new, 1)
		if want == styles {
			t.Fatalf("%s: nothing to replace", name)
		}
		got, err := rewritten(t, styles, c.change)
		if err != nil || got != want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		windows, err := rewritten(t, strings.ReplaceAll(styles, "\n", "\r\n"), c.change)
		if err != nil || windows != strings.ReplaceAll(want, "\n", "\r\n") {
			t.Errorf("%s, with lines that end as on Windows: %v\n%q", name, err, windows)
		}
	}
}

func TestWhatCannotBeWrittenInPlaceIsRefused(t *testing.T) {
	anchored := strings.Replace(strings.Replace(styles, "{en: plain text, id", "{en: &words plain text, id", 1), "en: plain over\n          two lines", "en: *words", 1)
	for name, c := range map[string]struct {
		text   string
		change Change
		says   string
	}{
		"an anchor":              {anchored, change("a", "en", "x"), "dialogflow/styles  nodes[a].say.text.en: is written with a YAML anchor, alias or tag; write it out as a text"},
		"an alias":               {anchored, change("b", "en", "x"), "write it out as a text"},
		"a place that is none":   {styles, change("z", "en", "x"), "write it by hand"},
		"an object that is none": {styles, Change{"dialogflow/other", "nodes[a].say.text", "en", "x"}, "no object dialogflow/other in these files"},
	} {
		if got, err := rewritten(t, c.text, c.change); err == nil || !strings.Contains(err.Error(), c.says) || got != "" {
			t.Errorf("%s: %v %s", name, err, got)
		}
	}
}

// Whatever is written is read again, beside comments that are still there; or it is refused.
func TestAnyTextIsReadAsItWasWritten(t *testing.T) {
	texts := rapid.OneOf(rapid.StringN(1, 60, -1), rapid.StringMatching(`[ a-z:#{}'"|>\-\n\\,&*!%@]{1,40}`))
	rapid.Check(t, func(t *rapid.T) {
		var changes []Change
		seen := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			c := change(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "node"), rapid.SampledFrom([]string{"en", "id", "jv", "no"}).Draw(t, "language"), texts.Draw(t, "text"))
			if !seen[c.Path+c.Key] {
				seen[c.Path+c.Key] = true
				changes = append(changes, c)
			}
		}
		got, err := rewritten(t, styles, changes...)
		if err != nil {
			for _, c := range changes {
				if !printable(strings.ReplaceAll(c.Value, "\n", "")) {
					return // refused: no YAML holds it
				}
			}
			t.Fatalf("%v\n%+v", err, changes)
		}
		for _, comment := range []string{"# above", "# another document", "# of all styles", "# the first", "# and the rest", "# why", "# kept", "# between"} {
			if !strings.Contains(got, comment) {
				t.Fatalf("%s is gone from\n%s", comment, got)
			}
		}
		for _, d := range documents([]byte(got)) {
			root, mistakes := parse(d.body)
			if len(mistakes) > 0 {
				t.Fatalf("%+v in\n%s", mistakes, got)
			}
			if headOf(root).name != "styles" {
				continue
			}
			for _, c := range changes {
				if _, value := entry(find(root, c.Path), c.Key); value == nil || value.Value != c.Value {
					t.Fatalf("%+v is %+v in\n%s", c, value, got)
				}
			}
		}
	})
}
