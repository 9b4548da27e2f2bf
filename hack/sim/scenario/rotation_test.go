package scenario_test

import (
	"slices"
	"testing"

	"github.com/loket-dev/loket/hack/sim/scenario"
)

func TestNobodyIsSparedWhileOthersAreStruckTwice(t *testing.T) {
	var r scenario.Rotation
	pods := []string{"bot-a", "bot-b", "bot-c"}
	strike := func(there ...string) string {
		next := r.Next(there)
		r.Struck(next)
		return next
	}
	got := []string{strike(pods...), strike(pods...), strike("bot-a", "bot-b")} // bot-c is starting again
	if want := []string{"bot-a", "bot-b", "bot-a"}; !slices.Equal(got, want) {
		t.Errorf("struck %q, want %q", got, want)
	}
	if spared := r.Spared(pods); !slices.Equal(spared, []string{"bot-c"}) {
		t.Errorf("spared %q", spared)
	}
	if next := strike("bot-b", "bot-c", "bot-d"); next != "bot-c" {
		t.Errorf("%s is struck although bot-c never was", next)
	}
	if r.Next(nil) != "" {
		t.Error("somebody is struck where nobody is")
	}
}
