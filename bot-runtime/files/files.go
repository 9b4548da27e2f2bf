// Package files reads a folder or a file of YAML as an API server would take it: strict, with defaults. The author's commands and
// `dev` work on what it gives; it judges nothing beyond admission.
package files

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/api/admission"
	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// maxFileBytes bounds a file; a bundle is at most as large.
const maxFileBytes = bundle.MaxBytes

// Problem is one reason why a file would be refused.
type Problem struct {
	// File is the path as given, Line where it is.
	File string
	Line int
	// Object is kind/name, as dialogflow/kontak157, or empty when it cannot be told.
	Object string
	// Path within the object, or empty.
	Path    string
	Message string
}

// String is one line, as lint prints it.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		fmt.Fprintf(&b, "%s:%d  ", p.File, max(1, p.Line))
	}
	if p.Object != "" {
		b.WriteString(p.Object + "  ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	return b.String() + p.Message
}

// Secrets are the keys of each Secret by its name.
type Secrets map[string]map[string][]byte

// Folder is what was read.
type Folder struct {
	Objects  bundle.Objects
	Secrets  Secrets
	Problems []Problem
	// Unread are objects, as directory/institutions, that are in the files but could not be read: what names them is not wrong.
	Unread map[string]bool
	// One says that a single file was read, so that other objects may be missing.
	One    bool
	places map[string]place
}

// Load reads all YAML files of a folder (not of folders within it), or one file. Kinds that Loket does not know, such as
// Namespace, are left alone. What could be read is returned beside the problems. A folder without BotTenant gets one that
// speaks the languages of its first flow.
func Load(path string) *Folder {
	f := &Folder{Secrets: Secrets{}, Unread: map[string]bool{}, places: map[string]place{}}
	f.Objects.ConfigMaps = map[string]map[string]string{}
	l := loader{Folder: f, seen: map[string]bool{}}
	names, err := l.yamlFiles(path)
	if err != nil {
		f.Problems = []Problem{{File: path, Message: err.Error()}}
		return f
	}
	for _, name := range names {
		l.file(name)
	}
	if len(l.seen) == 0 && len(f.Problems) == 0 {
		f.Problems = append(f.Problems, Problem{File: path, Message: "no object of Loket here; give a folder or file with a DialogFlow"})
	}
	l.oneNamespace()
	l.tenant()
	return f
}

func (l *loader) yamlFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, errors.New("no such folder or file; give a folder of YAML files")
	}
	if l.One = !info.IsDir(); l.One {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("the folder cannot be read: %w", err)
	}
	var names []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		switch {
		case e.IsDir() || ext != ".yaml" && ext != ".yml":
		case strings.HasPrefix(e.Name(), "kustomization."):
			l.placed = setsNamespace(filepath.Join(path, e.Name()))
		default:
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	sort.Strings(names)
	return names, nil
}

// loader gathers what the files hold.
type loader struct {
	*Folder
	seen    map[string]bool
	tenants int
	placed  bool // a kustomization puts all objects into one namespace
	spaces  []namespaced
}

// namespaced is an object that names a namespace.
type namespaced struct{ object, namespace string }

func (l *loader) file(name string) {
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxFileBytes {
		err = fmt.Errorf("%d bytes, at most %d are read", info.Size(), maxFileBytes)
	}
	var body []byte
	if err == nil {
		body, err = os.ReadFile(name)
	}
	if err != nil {
		l.Problems = append(l.Problems, Problem{File: name, Message: err.Error()})
		return
	}
	for _, d := range documents(body) {
		l.document(name, d)
	}
}

// document is one YAML document of a file.
type document struct {
	line int
	body []byte
}

// documents parts a file at lines of three dashes; empty ones fall away.
func documents(body []byte) []document {
	var out []document
	line, start := 1, 1
	var current [][]byte
	end := func() {
		joined := bytes.Join(current, []byte("\n"))
		if hasContent(joined) {
			out = append(out, document{start, joined})
		}
		current = nil
	}
	for row := range bytes.SplitSeq(body, []byte("\n")) {
		row = bytes.TrimSuffix(row, []byte("\r"))
		if bytes.Equal(bytes.TrimRight(row, " \t"), []byte("---")) {
			end()
			start = line + 1
		} else {
			current = append(current, row)
		}
		line++
	}
	end()
	return out
}

// hasContent: more than blanks and comments.
func hasContent(b []byte) bool {
	for row := range bytes.SplitSeq(b, []byte("\n")) {
		if row = bytes.TrimSpace(row); len(row) > 0 && row[0] != '#' {
			return true
		}
	}
	return false
}

func (l *loader) document(file string, d document) {
	root, mistakes := parse(d.body)
	head := headOf(root)
	if root == nil {
		head = headOfText(d.body)
	}
	name := strings.ToLower(head.kind) + "/" + head.name
	if head.kind == "" {
		name = ""
	}
	for _, m := range mistakes {
		l.Problems = append(l.Problems, Problem{File: file, Line: d.line - 1 + m.line, Object: name, Message: m.message})
	}
	if len(mistakes) > 0 {
		l.Unread[name] = true
		return
	}
	at := place{file, d.line, root}
	add := func(path, message string) {
		l.Problems = append(l.Problems, Problem{File: file, Line: at.line(path), Object: name, Path: path, Message: message})
	}
	if head.apiVersion == "" || head.kind == "" {
		add("", "is no object of Kubernetes: apiVersion and kind are missing")
		return
	}
	if l.seen[name] {
		add("", "stands twice in these files; remove one")
		return
	}
	if head.apiVersion == "v1" && head.kind == "Namespace" {
		l.places[name] = at
		l.spaces = append(l.spaces, namespaced{name, head.name})
		return
	}
	core := head.apiVersion == "v1" && (head.kind == "Secret" || head.kind == "ConfigMap")
	if ours := strings.HasPrefix(head.apiVersion, v1alpha1.GroupVersion.Group+"/"); !core && !ours {
		return
	}
	l.places[name] = at
	if head.namespace != "" {
		l.spaces = append(l.spaces, namespaced{name, head.namespace})
	}
	if core {
		if err := l.core(head, d.body); err != nil {
			add("", err.Error())
		}
		return
	}
	l.seen[name] = true
	object, problems := admission.Check(d.body)
	for _, p := range problems {
		add(strings.TrimPrefix(p.Path, "spec."), p.Message)
	}
	if object == nil {
		l.Unread[name] = true
		return
	}
	l.keep(object)
}

// head is what every object has.
type head struct{ apiVersion, kind, name, namespace string }

func headOf(root *yaml.Node) head {
	if root == nil {
		return head{}
	}
	text := func(path ...string) string {
		n := root
		for _, field := range path {
			if _, n = entry(n, field); n == nil {
				return ""
			}
		}
		return n.Value
	}
	return head{text("apiVersion"), text("kind"), text("metadata", "name"), text("metadata", "namespace")}
}

// headOfText guesses at the head of a document that cannot be read, so that those who name it are not blamed.
func headOfText(body []byte) head {
	var h head
	if m := kindLine.FindSubmatch(body); m != nil {
		h.kind = string(m[1])
	}
	if m := nameLine.FindSubmatch(body); m != nil {
		h.name = string(m[1])
	}
	return h
}

var (
	kindLine = regexp.MustCompile(`(?m)^kind:\s*"?([A-Za-z]+)`)
	nameLine = regexp.MustCompile(`(?m)^metadata:[^\n]*(?:\n[^\n]*){0,3}?\bname:\s*"?([a-z0-9-]+)`)
)

// core keeps what Loket's objects name by name: Secrets and ConfigMaps.
func (l *loader) core(h head, body []byte) error {
	if h.kind == "Secret" {
		return l.secret(h.name, body)
	}
	var m corev1.ConfigMap
	if err := sigsyaml.UnmarshalStrict(body, &m); err != nil {
		return errors.New("is no ConfigMap: data maps keys to texts")
	}
	l.Objects.ConfigMaps[m.Name] = m.Data
	return nil
}

// setsNamespace says whether a kustomization puts its objects into a namespace.
func setsNamespace(file string) bool {
	body, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	var k struct {
		Namespace string `yaml:"namespace"`
	}
	return yaml.Unmarshal(body, &k) == nil && k.Namespace != ""
}

// oneNamespace tells of objects that stand in another namespace than the tenant: they would never meet.
func (l *loader) oneNamespace() {
	if l.placed || len(l.spaces) == 0 {
		return
	}
	first := l.spaces[0]
	for _, s := range l.spaces {
		if strings.HasPrefix(s.object, "bottenant/") {
			first = s
			break
		}
	}
	for _, s := range l.spaces {
		if s.namespace != first.namespace {
			file, line := l.At(s.object, "metadata.namespace")
			l.Problems = append(l.Problems, Problem{File: file, Line: line, Object: s.object, Path: "metadata.namespace",
				Message: fmt.Sprintf("%q, but %s is in %q; objects of one tenant share a namespace", s.namespace, first.object, first.namespace)})
		}
	}
}

func (l *loader) keep(object admission.Object) {
	switch o := object.(type) {
	case *v1alpha1.BotTenant:
		if l.tenants++; l.tenants == 1 {
			l.Objects.Tenant = *o
		} else {
			name := "bottenant/" + o.Name
			file, line := l.At(name, "")
			l.Problems = append(l.Problems, Problem{File: file, Line: line, Object: name, Message: "a namespace has one tenant; remove one"})
		}
	case *v1alpha1.Channel:
		l.Objects.Channels = append(l.Objects.Channels, *o)
	case *v1alpha1.DialogFlow:
		l.Objects.Flows = append(l.Objects.Flows, *o)
	case *v1alpha1.Directory:
		l.Objects.Directories = append(l.Objects.Directories, *o)
	case *v1alpha1.Knowledge:
		l.Objects.Knowledge = append(l.Objects.Knowledge, *o)
	case *v1alpha1.AgentPool:
		l.Objects.Pools = append(l.Objects.Pools, *o)
	}
}

// secret keeps a Secret's keys; an error never quotes them.
func (l *loader) secret(name string, body []byte) error {
	var raw struct {
		Data       map[string]string `json:"data"`
		StringData map[string]string `json:"stringData"`
	}
	if err := sigsyaml.Unmarshal(body, &raw); err != nil {
		return errors.New("is no Secret: data and stringData map keys to texts; quote numbers")
	}
	keys := map[string][]byte{}
	for k, v := range raw.Data {
		b, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			return fmt.Errorf("data.%s is not base64; use stringData for plain text", k)
		}
		keys[k] = b
	}
	for k, v := range raw.StringData {
		keys[k] = []byte(v)
	}
	l.Secrets[name] = keys
	return nil
}

// tenant makes one where the files have none, so that a flow can be tried alone.
func (l *loader) tenant() {
	if l.tenants > 0 {
		return
	}
	t := &l.Objects.Tenant
	t.Name = "local"
	t.Spec.TimeZone = "Asia/Jakarta"
	for _, f := range l.Objects.Flows {
		t.Spec.Languages = slices.Clone(f.Spec.Languages)
		break
	}
	if len(t.Spec.Languages) == 0 {
		t.Spec.Languages = []v1alpha1.Language{"id", "en"}
	}
	t.Spec.DisplayName = v1alpha1.Text{}
	for _, lang := range t.Spec.Languages {
		t.Spec.DisplayName[string(lang)] = "Loket"
	}
	t.Spec.Retention.Messages.Duration = 90 * 24 * 3600 * 1e9
}
