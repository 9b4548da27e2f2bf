// Package docs holds the documents to the code: what they say of packages and tests is true.
package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/loket-dev/loket/"

var quoted = regexp.MustCompile("`([^`]+)`")

// rows are those of the architecture's tables whose cells are so many.
func rows(t *testing.T, cells int) [][]string {
	t.Helper()
	body, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(body)) {
		if row := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"); strings.HasPrefix(line, "|") && len(row) == cells {
			out = append(out, row)
		}
	}
	return out
}

func names(cell string) []string {
	var out []string
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		out = append(out, m[1])
	}
	return out
}

func TestAPackageImportsNoMoreThanTheArchitectureSays(t *testing.T) {
	seen := 0
	for _, row := range rows(t, 3) {
		pkg := names(row[0])
		if len(pkg) != 1 {
			continue // another table
		}
		seen++
		files, err := filepath.Glob("../" + pkg[0] + "/*.go")
		if err != nil || len(files) == 0 {
			t.Errorf("no package %s", pkg[0])
		}
		allowed := names(row[2])
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range parsed.Imports {
				if used, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module); ok && !slices.Contains(allowed, used) {
					t.Errorf("%s imports %s beyond what docs/architecture.md says", file, used)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d packages are in the table", seen)
	}
}

func TestTheTestsThatTheArchitectureNamesAreThere(t *testing.T) {
	all := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		body, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(body), -1) {
			all[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, row := range rows(t, 3) {
		for _, name := range names(row[2]) {
			if strings.HasPrefix(name, "Test") {
				if named++; !all[name] {
					t.Errorf("no test %s", name)
				}
			}
		}
	}
	if named == 0 {
		t.Error("the architecture names no tests")
	}
}
