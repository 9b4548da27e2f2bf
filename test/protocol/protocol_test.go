package protocol

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// check runs Spin's exhaustive search of a model, and returns the number of states and what it found wrong, if anything.
func check(t *testing.T, model string, defines ...string) (states, wrong string) {
	t.Helper()
	source, err := filepath.Abs(model)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s(hack/deps.sh test installs what is missing)", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("spin", append(append([]string{}, defines...), "-a", source)...)
	run("gcc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c")
	out := run(filepath.Join(dir, "pan"), "-m100000")
	if strings.Contains(out, "max search depth too small") || strings.Contains(out, "Search not completed") && !strings.Contains(out, "errors: 1") {
		t.Fatalf("the search is not exhaustive:\n%s", out)
	}
	if m := regexp.MustCompile(`(?m)^\s*(\d+) states, stored`).FindStringSubmatch(out); m != nil {
		states = m[1]
	}
	switch {
	case strings.Contains(out, "errors: 0"):
		return states, ""
	case regexp.MustCompile(`pan:1: .*`).MatchString(out):
		return states, regexp.MustCompile(`pan:1: (.*)`).FindStringSubmatch(out)[1]
	}
	t.Fatalf("Spin says neither yes nor no:\n%s", out)
	return "", ""
}

func TestTheRulesHold(t *testing.T) {
	for name, c := range map[string]struct {
		model   string
		defines []string
	}{
		"a lane, one death and one failed step":  {"lane.pml", nil},
		"a lane, two deaths":                     {"lane.pml", []string{"-DKILLS=2"}},
		"a lane, two outside calls":              {"lane.pml", []string{"-DNEFF=2", "-DFAILS=0"}},
		"sending, one death":                     {"lease.pml", nil},
		"sending, two deaths":                    {"lease.pml", []string{"-DKILLS=2"}},
		"sending, every accepted send is echoed": {"lease.pml", []string{"-DALOUD=1"}},
		// each is safe, and slower: what the rule saves is time
		"a failure is counted after its transaction":   {"lane.pml", []string{"-DFAILTX=0"}},
		"a sender that gives up leaves it to the wait": {"lease.pml", []string{"-DRELEASE=0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			states, wrong := check(t, c.model, c.defines...)
			if wrong != "" {
				t.Fatalf("Spin finds %s", wrong)
			}
			t.Log(states, "states")
		})
	}
}

// A model that cannot fail proves nothing: without any one of its rules Spin finds what the rule is there for.
func TestWithoutARuleSpinFindsWhatItIsThereFor(t *testing.T) {
	const ( // a part of each property, as Spin prints it
		twice  = "handled[0]>1"
		asleep = "(lock==0)&&"
		hasted = "!(hasted)"
		rest   = "handled[0]==1"
		other  = "(egen[(what[res]-3)]==gen)"
		double = "shown[0]>1"
		order  = "(m==0)||(st[0]==4)"
	)
	for _, c := range []struct{ model, defines, finds string }{
		{"lane.pml", "-DHANDSHAKE=0", asleep},
		{"lane.pml", "-DLEAST=0", asleep},
		{"lane.pml", "-DBACKOFF=0", hasted},
		{"lane.pml", "-DFAILRESET=0", asleep},
		{"lane.pml", "-DTWOSTMT=0", twice},
		{"lane.pml", "-DPARKLOOK=0", asleep},
		{"lane.pml", "-DKEEPPARKED=0", rest},
		{"lane.pml", "-DFENCE=0", twice},
		{"lane.pml", "-DVOID=0 -DNEFF=2", other},
		{"lane.pml", "-DPASS=0", asleep},
		{"lane.pml", "-DONCALL=0", twice},
		{"lease.pml", "-DPREMARK=0", double},
		{"lease.pml", "-DRECHECK=0", double},
		{"lease.pml", "-DCLOCK=0", double},
		{"lease.pml", "-DECHO=0", double},
		{"lease.pml", "-DFENCE=0", double},
		{"lease.pml", "-DRELEASE=2", double},
		{"lease.pml", "-DHEAD=0", order},
		{"lease.pml", "-DAGAP=0", double},
		{"lease.pml", "-DAWIRE=0", double},
		{"lease.pml", "-DAECHO=0", double},
	} {
		t.Run(c.model+" "+c.defines, func(t *testing.T) {
			t.Parallel()
			_, wrong := check(t, c.model, strings.Fields(c.defines)...)
			if !strings.Contains(wrong, c.finds) {
				t.Fatalf("Spin finds %q, which does not speak of %q", wrong, c.finds)
			}
		})
	}
}
