package desk_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/desk/desktest"
	"github.com/loket-dev/loket/bot-runtime/directory"
)

func searched(t *testing.T) *desktest.Counter {
	t.Helper()
	dana := directory.Entry{ID: "1", Name: "PT Dana Mekar Jaya", Licence: "KEP-12/D.05/2021", Status: directory.StatusLicensed, Sites: []string{"danamekar.example"}}
	loan := directory.Entry{ID: "9", Name: "Pinjam Kilat", Status: directory.StatusIllegal}
	return desktest.Start(t, nil, func(o *desk.Options, _ *desk.PoolInfo) {
		o.Directories = func() map[string]*directory.Index {
			return map[string]*directory.Index{"warnings": directory.FromEntries([]directory.Entry{loan}), "registry": directory.FromEntries([]directory.Entry{dana})}
		}
	})
}

func TestAnAgentLooksUpWhatTheBotWouldFindInEveryDirectory(t *testing.T) {
	ani := signedIn(t, searched(t), "ani")
	for _, c := range []struct {
		text string
		want []string // directory, outcome and names
	}{
		{"dana mekar jaya", []string{"registry exact PT Dana Mekar Jaya", "warnings none"}},
		{"apakah Dana Mekar Jaya Plus resmi kak?", []string{"registry lookalike PT Dana Mekar Jaya", "warnings none"}},
		{"danamekar.example", []string{"registry exact PT Dana Mekar Jaya", "warnings none"}},
		{"pinjam kilat", []string{"registry none", "warnings listed-illegal Pinjam Kilat"}},
	} {
		var got []string
		for _, a := range decode[desk.LookUp](t, ani.want(http.StatusOK, "POST", "lookup", map[string]string{"text": c.text})).Answers {
			line := a.Directory + " " + string(a.Outcome)
			for _, e := range a.Entries {
				line += " " + e.Name
			}
			if got = append(got, line); a.Why["id"] == "" || a.Why["en"] == "" || a.Why["id"] == a.Why["en"] {
				t.Errorf("%s: why is %q", c.text, a.Why)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestALookUpIsForAgentsAndTellsWhatItCannotTake(t *testing.T) {
	c := searched(t)
	if got := newConsole(t, c).refused("POST", "lookup", `{"text": "dana mekar"}`); got != "401 signed-out" {
		t.Errorf("without a sign-in: %s", got)
	}
	ani := signedIn(t, c, "ani")
	for text, want := range map[string]string{
		`{"text": "  "}`: "400 bad-request",
		`{"text": "` + strings.Repeat("é", 1001) + `"}`: "400 bad-request",
		`{"query": "dana"}`: "400 bad-request",
	} {
		if got := ani.refused("POST", "lookup", text); got != want {
			t.Errorf("%.30s: %s, want %s", text, got, want)
		}
	}
	if got := ani.refused("POST", "lookup", `{"text": "dana"}`, "Origin", "https://evil.example"); got != "403 foreign-origin" {
		t.Errorf("from another site: %s", got)
	}
	if got := ani.want(http.StatusOK, "POST", "lookup", `{"text": "`+strings.Repeat("é", 1000)+`"}`); !strings.Contains(got, `"none"`) {
		t.Errorf("the longest text: %s", got)
	}
}

func TestATenantWithoutDirectoriesFindsNothing(t *testing.T) {
	ani := signedIn(t, desktest.Start(t, nil), "ani")
	if got := ani.want(http.StatusOK, "POST", "lookup", `{"text": "dana"}`); got != `{"answers":[]}` {
		t.Error(got)
	}
}
