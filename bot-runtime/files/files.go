// Package files reads a folder or a file of YAML as an API server would take it: strict, with defaults. The author's commands and
// `dev` work on what it gives; it judges nothing beyond admission.
package files

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/api/admission"
	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// maxFileBytes bounds a file; a bundle is at most as large.
const maxFileBytes = bundle.MaxBytes

// Problem is one reason why a file would be refused.
type Problem struct {
	// File is the path as given, Line where the document begins.
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
	where := p.Object
	if where == "" {
		where = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if p.Path != "" {
		return where + "  " + p.Path + ": " + p.Message
	}
	return where + "  " + p.Message
}

// Secrets are the keys of each Secret by its name.
type Secrets map[string]map[string][]byte

// Load reads all YAML files of a folder (not of folders within it), or one file. Kinds that Loket does not know, such as
// Namespace, are left alone. What could be read is returned beside the problems. A folder without BotTenant gets one that
// speaks the languages of its first flow.
func Load(path string) (bundle.Objects, Secrets, []Problem) {
	l := loader{secrets: Secrets{}, seen: map[string]bool{}}
	l.objects.ConfigMaps = map[string]map[string]string{}
	names, err := yamlFiles(path)
	if err != nil {
		return l.objects, l.secrets, []Problem{{File: path, Line: 1, Message: err.Error()}}
	}
	for _, name := range names {
		l.file(name)
	}
	if len(l.seen) == 0 && len(l.problems) == 0 {
		l.problems = append(l.problems, Problem{File: path, Line: 1, Message: "no object of Loket here; give a folder or file with a DialogFlow"})
	}
	l.tenant()
	return l.objects, l.secrets, l.problems
}

func yamlFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("no such folder or file; give -f FOLDER")
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("the folder cannot be read: %w", err)
	}
	var names []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(e.Name(), "kustomization.") {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	sort.Strings(names)
	return names, nil
}

// loader gathers what the files hold.
type loader struct {
	objects  bundle.Objects
	secrets  Secrets
	problems []Problem
	seen     map[string]bool
	tenants  int
}

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
		l.problems = append(l.problems, Problem{File: name, Line: 1, Message: err.Error()})
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
	add := func(object, path, message string) {
		l.problems = append(l.problems, Problem{File: file, Line: d.line, Object: object, Path: path, Message: message})
	}
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := yaml.Unmarshal(d.body, &head); err != nil {
		add("", "", fmt.Sprintf("is no YAML document of an object: %v", strings.ReplaceAll(err.Error(), "\n", " ")))
		return
	}
	name := strings.ToLower(head.Kind) + "/" + head.Metadata.Name
	switch {
	case head.APIVersion == "v1" && head.Kind == "Secret":
		if err := l.secret(d.body); err != nil {
			add(name, "", err.Error())
		}
		return
	case head.APIVersion == "v1" && head.Kind == "ConfigMap":
		var m corev1.ConfigMap
		if err := yaml.UnmarshalStrict(d.body, &m); err != nil {
			add(name, "", strings.ReplaceAll(err.Error(), "\n", " "))
			return
		}
		l.objects.ConfigMaps[m.Name] = m.Data
		return
	}
	object, problems := admission.Check(d.body)
	for _, p := range problems {
		add(name, strings.TrimPrefix(p.Path, "spec."), p.Message)
	}
	if object == nil {
		return
	}
	if l.seen[name] {
		add(name, "", "stands twice in these files; remove one")
		return
	}
	l.seen[name] = true
	l.keep(object)
}

func (l *loader) keep(object admission.Object) {
	switch o := object.(type) {
	case *v1alpha1.BotTenant:
		if l.tenants++; l.tenants == 1 {
			l.objects.Tenant = *o
		} else {
			l.problems = append(l.problems, Problem{Object: "bottenant/" + o.Name, Message: "a namespace has one tenant; remove one"})
		}
	case *v1alpha1.Channel:
		l.objects.Channels = append(l.objects.Channels, *o)
	case *v1alpha1.DialogFlow:
		l.objects.Flows = append(l.objects.Flows, *o)
	case *v1alpha1.Directory:
		l.objects.Directories = append(l.objects.Directories, *o)
	case *v1alpha1.Knowledge:
		l.objects.Knowledge = append(l.objects.Knowledge, *o)
	case *v1alpha1.AgentPool:
		l.objects.Pools = append(l.objects.Pools, *o)
	}
}

// secret keeps a Secret's keys; an error never quotes them.
func (l *loader) secret(body []byte) error {
	var raw struct {
		Metadata   metav1.ObjectMeta `json:"metadata"`
		Data       map[string]string `json:"data"`
		StringData map[string]string `json:"stringData"`
	}
	if err := yaml.Unmarshal(body, &raw); err != nil {
		return fmt.Errorf("is no Secret: data and stringData map keys to strings")
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
	l.secrets[raw.Metadata.Name] = keys
	return nil
}

// tenant makes one where the files have none, so that a flow can be tried alone.
func (l *loader) tenant() {
	if l.tenants > 0 {
		return
	}
	t := &l.objects.Tenant
	t.Name = "local"
	t.Spec.TimeZone = "Asia/Jakarta"
	for _, f := range l.objects.Flows {
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
