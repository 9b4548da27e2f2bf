package journal_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/loket-dev/loket/hack/sim/journal"
)

func TestWhatWasAppendedIsOnDiskInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := range 50 {
				if err := j.Append(journal.Record{Kind: journal.StatusOut, Citizen: fmt.Sprint(w), Attempt: n}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	records, err := journal.ReadFile(path) // before Close: Append has returned, so it is there
	if err != nil || len(records) != 400 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	next := map[string]int{}
	for _, r := range records {
		if r.Attempt != next[r.Citizen] {
			t.Fatalf("writer %s: %d before %d", r.Citizen, r.Attempt, next[r.Citizen])
		}
		next[r.Citizen]++
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(journal.Record{}); err == nil {
		t.Fatal("a closed journal took a record")
	}
}

func TestALineCutByAKillIsLeftOut(t *testing.T) {
	records, err := journal.Read(strings.NewReader("{\"kind\":\"send-in\",\"ref\":\"a\"}\n{\"kind\":\"send-"))
	if err != nil || len(records) != 1 || records[0].Ref != "a" {
		t.Fatalf("%v, %v", records, err)
	}
}

func TestARuinedLineIsNamed(t *testing.T) {
	_, err := journal.Read(strings.NewReader("{}\nnonsense\n"))
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Fatal(err)
	}
}
