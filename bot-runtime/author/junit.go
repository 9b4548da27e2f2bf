package author

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/dialog"
)

// junitSuites is what build servers read: a suite a flow, a case a conversation. There are no times, so that equal runs write
// equal files.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string           `xml:"name,attr"`
	Tests      int              `xml:"tests,attr"`
	Failures   int              `xml:"failures,attr"`
	Errors     int              `xml:"errors,attr"`
	Properties *junitProperties `xml:"properties"`
	Cases      []junitCase      `xml:"testcase"`
}

type junitProperties struct {
	All []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string      `xml:"classname,attr"`
	Name    string      `xml:"name,attr"`
	File    string      `xml:"file,attr,omitempty"`
	Line    int         `xml:"line,attr,omitempty"`
	Failure *junitFault `xml:"failure"`
	Error   *junitFault `xml:"error"`
}

type junitFault struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",cdata"`
}

// ran adds the conversations of a flow. A failing one points at its step.
func (s *junitSuites) ran(j judged, f *v1alpha1.DialogFlow, r dialog.Report) {
	object := "dialogflow/" + f.Name
	suite := junitSuite{Name: object, Tests: r.All, Failures: len(r.Failures), Properties: &junitProperties{[]junitProperty{
		{"nodes", fmt.Sprintf("%d/%d", r.Nodes, r.AllNodes)}, {"edges", fmt.Sprintf("%d/%d", r.Edges, r.AllEdges)},
	}}}
	failed := map[int]dialog.Failure{}
	for _, f := range r.Failures {
		failed[f.Index] = f
	}
	for i := range f.Spec.Tests {
		c := junitCase{Class: object, Name: f.Spec.Tests[i].Name}
		c.File, c.Line = j.At(object, fmt.Sprintf("tests[%d]", i))
		if f, bad := failed[i]; bad {
			c.File, c.Line = j.At(object, stepPath(f))
			c.Failure = &junitFault{Type: dialog.ReasonTestFailed, Message: fmt.Sprintf("step %d: want %s", f.Step, f.Want),
				Text: strings.Map(xmlCharacter, "\n"+strings.Join(difference(f), "\n")+"\n")}
		}
		suite.Cases = append(suite.Cases, c)
	}
	s.add(suite)
}

// refused adds what kept tests from running.
func (s *junitSuites) refused(name, path string, all []finding) {
	suite := junitSuite{Name: name, Tests: 1, Errors: 1}
	c := junitCase{Class: name, Name: "would be accepted", File: path, Error: &junitFault{Type: "Refused"}}
	for _, f := range all {
		if f.advice {
			continue
		}
		if c.Error.Message == "" {
			c.Error.Message, c.File, c.Line = f.Message, f.File, f.Line
		}
		c.Error.Text += "\n" + f.String()
	}
	c.Error.Text = strings.Map(xmlCharacter, c.Error.Text+"\n")
	suite.Cases = []junitCase{c}
	s.add(suite)
}

// xmlCharacter replaces what no XML can hold: CDATA is written as it is.
func xmlCharacter(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
		return '\uFFFD'
	}
	return r
}

func (s *junitSuites) add(suite junitSuite) {
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
	s.Suites = append(s.Suites, suite)
}

func (s *junitSuites) write(file string) error {
	body, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("the JUnit file: %w", err)
	}
	if err := os.WriteFile(file, []byte(xml.Header+string(body)+"\n"), 0o644); err != nil {
		return fmt.Errorf("--junit cannot be written; name a file in a folder that is there: %w", err)
	}
	return nil
}
