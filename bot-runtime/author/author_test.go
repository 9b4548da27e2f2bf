package author

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write golden files")

var now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

const sample = "../../config/samples/kontak157"

// edited is the sample with one file changed.
func edited(t *testing.T, file string, replace ...string) string {
	t.Helper()
	dir := t.TempDir()
	names, err := filepath.Glob(sample + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(name) == file {
			changed := strings.NewReplacer(replace...).Replace(string(body))
			if changed == string(body) {
				t.Fatalf("nothing to replace in %s", file)
			}
			body = []byte(changed)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// temporary is the folder of a test, which is another one each time.
var temporary = regexp.MustCompile(`/\S*/00[0-9]/`)

// golden compares what a command prints with a file that people read.
func golden(t *testing.T, name string, command func(io.Writer)) {
	t.Helper()
	var out bytes.Buffer
	command(&out)
	path := "testdata/" + name
	printed := temporary.ReplaceAllString(out.String(), "my-agency/")
	if *update {
		if err := os.WriteFile(path, []byte(printed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if printed != string(want) {
		t.Errorf("%s differs; got\n%s", path, printed)
	}
}

func TestLintFindsNothingInTheSample(t *testing.T) {
	golden(t, "lint-good.txt", func(out io.Writer) {
		if refused, err := Lint(out, sample, now); refused || err != nil {
			t.Error(refused, err)
		}
	})
}

func TestLintTellsAllAtOnceWithTheMend(t *testing.T) {
	dir := edited(t, "dialogflow.yaml", "next: complaintPerson\n  - name: complaintPerson", "next: complaintPersn\n  - name: complaintPerson",
		"        title: {id: Jam layanan, en: Opening hours}", "        title: {id: Jam layanan}", "found.outcome in", "fund.outcome in", "directory: institutions", "directory: institution")
	golden(t, "lint-bad.txt", func(out io.Writer) {
		if refused, err := Lint(out, dir, now); !refused || err != nil {
			t.Error(refused, err)
		}
	})
}

func TestOneMistakeIsToldOnceAndItsFollowersNotAtAll(t *testing.T) {
	for name, dir := range map[string]string{
		// the flow's tests would all fail without the directory, and its look-up name nothing
		"a-directory-that-cannot-be-read": edited(t, "directory.yaml", "    inline: |", "    inline: ||"),
		// the channels would have no flow
		"a-flow-of-another-type": edited(t, "dialogflow.yaml", "retries: 1\n      otherwise: ticketUnknown", "retries: dua\n      otherwise: ticketUnknown"),
		// admission and compiler both look for the node
		"a-next-that-is-no-node":  edited(t, "dialogflow.yaml", "next: surveyEnd", "next: surveyEnds"),
		"a-start-that-is-no-node": edited(t, "dialogflow.yaml", "start: welcome", "start: welcom"),
		"a-text-without-words":    edited(t, "dialogflow.yaml", "  - name: surveyEnd\n    end: {}", "  - name: surveyEnd\n    say: {}"),
	} {
		golden(t, "lint-"+name+".txt", func(out io.Writer) {
			if refused, err := Lint(out, dir, now); !refused || err != nil {
				t.Error(refused, err)
			}
			_, _ = io.WriteString(out, "$ bot-runtime test my-agency/\n")
			if passed, err := Test(out, dir, "", now); passed || err != nil {
				t.Error(passed, err)
			}
		})
	}
}

func TestOneFileIsNotBlamedForTheOthers(t *testing.T) {
	golden(t, "lint-one-file.txt", func(out io.Writer) {
		if refused, err := Lint(out, sample+"/dialogflow.yaml", now); refused || err != nil {
			t.Error(refused, err)
		}
		if passed, err := Test(out, sample+"/dialogflow.yaml", "", now); passed || err != nil {
			t.Error(passed, err)
		}
	})
}

func TestSecretsInTheFilesAreLookedAt(t *testing.T) {
	dir := edited(t, "channel-whatsapp.yaml", "secretName: ojk-wa ", "secretName: ojk-whatsapp ")
	body := "apiVersion: v1\nkind: Secret\nmetadata: {name: ojk-agents}\nstringData: {siti: rahasia}\n"
	if err := os.WriteFile(filepath.Join(dir, "secrets.yaml"), []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	golden(t, "lint-secrets.txt", func(out io.Writer) {
		if refused, err := Lint(out, dir, now); refused || err != nil {
			t.Error(refused, err)
		}
	})
}

func TestAFlowWhoseTestsFailCanBeTalkedTo(t *testing.T) {
	dir := edited(t, "dialogflow.yaml", "AWAS, mirip! Nama atau", "Perusahaan itu berizin. Nama atau")
	var out bytes.Buffer
	if err := Chat(t.Context(), strings.NewReader("halo\n/hilfe\n"), &out, dir, "", "", func() time.Time { return now }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"warning: 2 of 52 tests fail; see bot-runtime test", "Selamat datang", "no command /hilfe; there are\n/state"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestTheSamplesTestsPass(t *testing.T) {
	golden(t, "test-good.txt", func(out io.Writer) {
		if passed, err := Test(out, sample, "", now); !passed || err != nil {
			t.Error(passed, err)
		}
	})
}

func TestAFailingTestReadsAsADiff(t *testing.T) {
	dir := edited(t, "dialogflow.yaml", "AWAS, mirip! Nama atau", "Perusahaan itu berizin. Nama atau")
	golden(t, "test-bad.txt", func(out io.Writer) {
		if passed, err := Test(out, dir, "", now); passed || err != nil {
			t.Error(passed, err)
		}
	})
}

func TestATalkShowsNodesPriceAndState(t *testing.T) {
	in := strings.Join([]string{
		"apakah Dana Mekar Jaya itu resmi kak?", "/state", "Dana Mekar Jaya Cepat", "2", "Kemarin saya ditawari lewat pesan pribadi", "are you there", "/close", "5", "/voice", "/wait", "/quit",
	}, "\n")
	golden(t, "chat.txt", func(out io.Writer) {
		if err := Chat(t.Context(), strings.NewReader(in), out, sample, "", "", func() time.Time { return now }); err != nil {
			t.Error(err)
		}
	})
}

func TestLookupExplainsItself(t *testing.T) {
	golden(t, "lookup.txt", func(out io.Writer) {
		for _, q := range []string{"apakah Bank Mekar Jaya resmi?", "Dana Mekar Jaya Cepat", "Dana Cepat Kilat", "bank mekar", "dana mekar jaya danamekarjaya-promo.example", "robot trading cuan pasti"} {
			_, _ = io.WriteString(out, "$ bot-runtime lookup -f config/samples/kontak157 \""+q+"\"\n")
			if err := Lookup(out, sample, "", q, now); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestLinesAreAnsweredForMeasuringFromOutside(t *testing.T) {
	corpus := filepath.Join(t.TempDir(), "corpus.jsonl")
	if err := os.WriteFile(corpus, []byte(`{"id":"a","name":"PT Dana Sekar Wangi","licence":"KEP-1/D.05/2020","sites":["danasekar.example"]}
{"id":"b","name":"Emas Berlipat","status":"illegal"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := LookupLines(strings.NewReader(`{"q":"dana sekar wangi"}
{"q":"dana sekar wangi cepat"}
{"q":"emas berlipat resmi?"}
{"q":"warung kopi"}
`), &out, Entries{Corpus: corpus}, now)
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`"ns":[0-9]+`).ReplaceAllString(out.String(), `"ns":0`)
	want := `{"outcome":"exact","id":"a","score":1,"ids":["a"],"ns":0}
{"outcome":"lookalike","id":"a","score":0.8,"ids":["a"],"ns":0}
{"outcome":"listed-illegal","id":"b","score":1,"ids":["b"],"ns":0}
{"outcome":"none","id":"","score":0,"ids":[],"ns":0}
`
	if normal := regexp.MustCompile(`0\.8[0-9]*`).ReplaceAllString(got, "0.8"); normal != want {
		t.Errorf("got\n%s", got)
	}
	out.Reset()
	if err := LookupLines(strings.NewReader("\n{\"q\":\"bank mekar jaya\"}"), &out, Entries{Path: sample}, now); err != nil || !strings.Contains(out.String(), `"outcome":"exact"`) {
		t.Errorf("a folder's entries: %v %s", err, out.String())
	}
	for lines, says := range map[string]string{"{\"name\":\"PT Dana\"}\n{\"name\":\"!\"}": "2: no name", "{\"name\":\"PT Dana\",\"status\":\"ilegal\"}": "1: the status is", "": "no entry", "[]": "1: not an entry"} {
		if err := os.WriteFile(corpus, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := LookupLines(strings.NewReader(""), io.Discard, Entries{Corpus: corpus}, now); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", lines, err)
		}
	}
	if err := os.WriteFile(corpus, []byte(`{"name":"PT Dana"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := LookupLines(strings.NewReader("x\n"), io.Discard, Entries{Corpus: corpus}, now); err == nil || !strings.Contains(err.Error(), "line 1 is not") {
		t.Error(err)
	}
}

// A program that asks one by one may have begun its next question already.
func TestAQuestionIsAnsweredBeforeTheNextOneHasEnded(t *testing.T) {
	questions, asked := io.Pipe()
	answered, answers := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- LookupLines(questions, answers, Entries{Path: sample}, now) }()
	if _, err := io.WriteString(asked, `{"q":"bank mekar jaya"}`+"\n"+`{"q":`); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(answered).ReadString('\n')
	if err != nil || !strings.Contains(line, `"outcome":"exact"`) {
		t.Errorf("%q, %v", line, err)
	}
	_ = answered.Close()
	_ = asked.Close()
	if err := <-done; err == nil {
		t.Error("half a line was taken for a question")
	}
}

func TestAFolderWithoutAFlowSaysSo(t *testing.T) {
	if err := Chat(t.Context(), strings.NewReader(""), io.Discard, t.TempDir(), "", "", func() time.Time { return now }); err == nil || !strings.Contains(err.Error(), "no flow serves here") {
		t.Error(err)
	}
	if err := Lookup(io.Discard, sample, "other", "x", now); err == nil || !strings.Contains(err.Error(), "there are: institutions") {
		t.Error(err)
	}
}

// aid is a flow that understands, reminds, and asks for a picture.
const aid = `
apiVersion: loket.dev/v1alpha1
kind: DialogFlow
metadata: {name: aid}
spec:
  languages: [id]
  start: menu
  variables: [{name: photo}]
  triggers: [{name: person, words: {id: [petugas]}, next: person}]
  intents:
  - name: scam
    examples: {id: [saya tertipu investasi bodong, uang saya dibawa kabur penipu, saya korban penipuan, saya tertipu arisan online, uang saya hilang dibawa penipu]}
  - name: hours
    examples: {id: [jam berapa kantor buka, hari sabtu kantor buka, kantor buka sampai jam berapa, kapan jam layanan kantor, jam layanan hari minggu]}
  nodes:
  - name: menu
    menu:
      text: {id: Silakan tulis.}
      options: [{name: person, title: {id: Petugas}, next: person}]
      otherwise: what
      silence: [{minutes: 10, text: {id: Masih di sana?}}, {minutes: 20, next: bye}]
  - {name: what, understand: {cases: [{intents: [scam], next: photo}, {intents: [hours], next: hours}], otherwise: menu}}
  - {name: hours, say: {text: {id: Setiap hari.}, location: {latitude: "-6.1754", longitude: "106.8272", name: Kantor pusat}}, next: menu}
  - {name: photo, ask: {text: {id: Kirim foto buktinya.}, as: photo, type: picture}, next: person}
  - {name: person, handoff: {pool: centre, skills: [scams], summary: photo}, next: bye}
  - {name: bye, end: {text: {id: Sampai jumpa.}}}
  tests:
  - name: a picture reaches the person
    steps:
    - citizen: kak sy ketipu investasi bodong
    - bot: {node: photo}
    - sends: picture
    - bot: {handedTo: centre, skills: [scams], variables: {photo: test-image}}
  - name: reminded, and let go
    steps:
    - citizen: halo
    - silence: 30
    - bot: {contains: masih di sana, node: bye}
---
apiVersion: loket.dev/v1alpha1
kind: AgentPool
metadata: {name: centre}
spec: {agents: {secretName: agents, skills: [{name: scams, agents: [siti]}]}}
`

func aidFolder(t *testing.T) string {
	dir := t.TempDir()
	text := strings.NewReplacer("{id: Masih di sana?}", `{id: "Masih di sana?"}`).Replace(aid)
	if err := os.WriteFile(filepath.Join(dir, "aid.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestATestTellsHowWellSentencesAreUnderstood(t *testing.T) {
	dir := aidFolder(t)
	golden(t, "test-intents.txt", func(out io.Writer) {
		if passed, err := Test(out, dir, "", now); !passed || err != nil {
			t.Error(passed, err)
		}
	})
}

func TestATalkSendsAPictureAndLetsTimePass(t *testing.T) {
	dir := aidFolder(t)
	golden(t, "chat-aid.txt", func(out io.Writer) {
		in := strings.NewReader("halo\n/wait\nkantornya buka jam brp kak\nuang sy dibawa kabur penipuu\n/voice\n/picture\n/state\n")
		if err := Chat(t.Context(), in, out, dir, "", "", func() time.Time { return now }); err != nil {
			t.Error(err)
		}
	})
}

// Somebody presses Ctrl-C at an empty line: nothing more comes from the terminal, and yet the talk ends, and its test is written.
func TestATalkEndsByCtrlC(t *testing.T) {
	terminal, keys := io.Pipe()
	defer keys.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	file := filepath.Join(t.TempDir(), "talk.yaml")
	ended := make(chan error, 1)
	go func() {
		ended <- Chat(ctx, terminal, io.Discard, sample, "", file, func() time.Time { return now })
	}()
	for _, line := range []string{"halo", ""} { // the second is read once the first was taken
		if _, err := io.WriteString(keys, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	interrupt()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if written, err := os.ReadFile(file); err != nil || !strings.Contains(string(written), "halo") {
		t.Errorf("%s, %v", written, err)
	}
}
