package controllers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Alerts and scripts go by the reasons of conditions and events, so that each is a constant of package v1alpha1: a loose string
// is one that nobody documents, and that is misspelt once.
func TestNoReasonIsALooseString(t *testing.T) {
	seen := 0
	loose := func(files *token.FileSet, e ast.Expr) {
		seen++
		if literal, ok := e.(*ast.BasicLit); ok && literal.Value != `""` {
			t.Errorf("%s: %s is to be a constant of package v1alpha1", files.Position(literal.Pos()), literal.Value)
		}
	}
	look := func(files *token.FileSet) func(ast.Node) bool {
		return func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				switch name := called(n); {
				case (name == "yes" || name == "no" || name == "unknown") && len(n.Args) == 3: // type, reason, message
					loose(files, n.Args[0])
					loose(files, n.Args[1])
				case name == "sick" && len(n.Args) == 2: // a channel's health
					loose(files, n.Args[0])
				case name == "Eventf" && len(n.Args) > 3:
					loose(files, n.Args[3])
				}
			case *ast.CompositeLit:
				if name := typeName(n.Type); name != "Condition" && name != "Health" && name != "refusal" {
					return true
				}
				for i, e := range n.Elts {
					pair, keyed := e.(*ast.KeyValueExpr)
					switch {
					case keyed && (pair.Key.(*ast.Ident).Name == "Reason" || pair.Key.(*ast.Ident).Name == "Type"):
						loose(files, pair.Value)
					case !keyed && i == 0:
						loose(files, e)
					}
				}
			}
			return true
		}
	}
	for _, dir := range []string{".", "../bot-runtime/channel", "../bot-runtime/engine", "../bot-runtime/internalapi"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, 0)
			if err == nil {
				ast.Inspect(file, look(files))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 40 {
		t.Errorf("only %d reasons seen: the walk does not walk", seen)
	}
}

func called(c *ast.CallExpr) string { return typeName(c.Fun) }

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
