package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// run is a command with its standard input; it returns what was printed.
func run(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := command()
	c.SetArgs(args)
	c.SetIn(strings.NewReader(stdin))
	c.SetOut(&out)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestTheSamplePassesLintAndItsOwnTests(t *testing.T) {
	for _, name := range []string{"lint", "test"} {
		for _, args := range [][]string{{name, "-f", sample}, {name, sample}} {
			if out, err := run(t, "", args...); err != nil {
				t.Errorf("%v: %v\n%s", args, err, out)
			}
		}
	}
}

func TestALookupTellsWhatItFoundAndWhy(t *testing.T) {
	for _, args := range [][]string{{"-f", sample, "apakah dana mekar jaya resmi"}, {"-f", sample, "apakah", "dana", "mekar", "jaya", "resmi"}, {sample, "dana mekar", "jaya"}} {
		if out, err := run(t, "", append([]string{"lookup"}, args...)...); err != nil || !strings.Contains(out, "exact") || !strings.Contains(out, "Dana Mekar Jaya") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func TestLinesOfQuestionsAreAnsweredOneByOne(t *testing.T) {
	out, err := run(t, `{"q":"apakah dana mekar jaya resmi"}`+"\n"+`{"q":"dana mekar jaya cepat"}`+"\n", "lookup", "--jsonl", "-f", sample)
	if err != nil || strings.Count(out, "\n") != 2 || !strings.Contains(out, `"outcome":"exact"`) || !strings.Contains(out, `"outcome":"lookalike"`) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAPasswordIsHashedFromStandardInputAndNeverShown(t *testing.T) {
	out, err := run(t, "rahasia sekali\n", "hash-password")
	if err != nil || !strings.HasPrefix(out, "$argon2id$v=19$") || strings.Contains(out, "rahasia") {
		t.Errorf("%v %q", err, out)
	}
	if again, _ := run(t, "rahasia sekali\n", "hash-password"); again == out {
		t.Error("two hashes of one password are equal: there is no salt")
	}
	if _, err := run(t, "\n", "hash-password"); err == nil {
		t.Error("an empty password was hashed")
	}
}

func TestWhatCannotBeServedIsSaidInOneSentence(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a role that is none":        {[]string{"serve", "--storage", "embedded", "--roles", "bot,king"}, `"king" is no role`},
		"no storage":                 {[]string{"serve"}, "say postgres or embedded"},
		"a folder that is not there": {[]string{"lint", "-f", "nowhere"}, errTold.Error()},
		"a lookup without a folder":  {[]string{"lookup", "x"}, "give a folder and a text"},
		"a corpus and a folder":      {[]string{"lookup", "--jsonl", "--corpus", "x", "y"}, "give --corpus FILE or a folder"},
		"no folder":                  {[]string{"lint"}, "give one folder, as in bot-runtime lint my-agency/"},
		"two folders":                {[]string{"test", "a", "b"}, "give one folder"},
		"no Secret of a database":    {[]string{"migrate", "--storage", "postgres"}, "storage.postgres.secretName"},
	} {
		_, err := run(t, "", c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !errors.Is(toldIf(true, nil), errTold) || toldIf(false, nil) != nil {
		t.Error("the exit status does not follow what was told")
	}
}
