package author

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestABuildServerReadsTheResults(t *testing.T) {
	for name, dir := range map[string]string{
		"junit-bad.xml":     edited(t, "dialogflow.yaml", "AWAS, mirip! Nama atau", "Perusahaan itu berizin. Nama atau"),
		"junit-refused.xml": edited(t, "dialogflow.yaml", "next: surveyEnd", "next: surveyEnds"),
	} {
		golden(t, name, func(out io.Writer) {
			file := filepath.Join(t.TempDir(), "results.xml")
			if passed, err := Test(io.Discard, dir, file, now); passed || err != nil {
				t.Error(passed, err)
			}
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = out.Write(body)
		})
	}
	// what a citizen types in a test may hold anything
	odd := edited(t, "dialogflow.yaml", "citizen: bunga\n    - bot: {contains: lebih lengkap, node: more", "citizen: \"bunga ]]> \\u0007 <b>\"\n    - bot: {contains: lebih lengkaap, node: more")
	file := filepath.Join(t.TempDir(), "results.xml")
	if passed, err := Test(io.Discard, odd, file, now); passed || err != nil {
		t.Error(passed, err)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var read junitSuites
	if err := xml.Unmarshal(body, &read); err != nil || read.Failures != 1 || !strings.Contains(string(body), "bunga ]]") {
		t.Errorf("%v\n%s", err, body)
	}
	if _, err := Test(io.Discard, sample, filepath.Join(t.TempDir(), "nowhere", "results.xml"), now); err == nil || !strings.Contains(err.Error(), "--junit cannot be written; name a file in a folder") {
		t.Error(err)
	}
}
