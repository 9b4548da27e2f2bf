package engine

import (
	"os"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// life is one process: it steps rows in order until one kills it, which leaves its note behind.
func life(t *testing.T, folder string, rows []int64, kills int64) (apologised []int64, died bool) {
	t.Helper()
	c, err := newCaution(folder, func() {}, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	step := c.around(func(l store.Lane) (store.Outcome, error) {
		switch {
		case l.Poisoned:
			apologised = append(apologised, l.Inbox[0].ID)
		case l.Inbox[0].ID == kills:
			died = true
		}
		return store.Outcome{}, nil
	})
	for _, row := range rows {
		if _, err := step(store.Lane{Inbox: []store.Item{{ID: row}}}); err != nil {
			t.Fatal(err)
		}
		if died {
			return apologised, true
		}
		if err := c.survived(); err != nil {
			t.Fatal(err)
		}
	}
	return apologised, false
}

func TestAMessageThatKillsTheProcessIsAnsweredWithAnApologyAfterTwoDeaths(t *testing.T) {
	folder := t.TempDir()
	for n := 1; n <= diesMost; n++ {
		if apologised, died := life(t, folder, []int64{7, 8}, 7); !died || apologised != nil {
			t.Fatalf("life %d: died %v, apologised for %v", n, died, apologised)
		}
	}
	apologised, died := life(t, folder, []int64{7, 8}, 7)
	if died || len(apologised) != 1 || apologised[0] != 7 {
		t.Fatalf("the third life: died %v, apologised for %v", died, apologised)
	}
}

func TestADeathOverOneMessageIsNotHeldAgainstAnother(t *testing.T) {
	folder := t.TempDir()
	for _, row := range []int64{7, 8, 7, 8} {
		if _, died := life(t, folder, []int64{row}, row); !died {
			t.Fatalf("row %d was given up although it had killed once in a row", row)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("%d files, %v", len(left), err)
	}
}

func TestWithoutAVolumeStepsAreTakenAsTheyAre(t *testing.T) {
	if _, died := life(t, "", []int64{7}, 7); !died {
		t.Error("something was given up without any memory of a death")
	}
}
