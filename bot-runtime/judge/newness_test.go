package judge

import (
	"runtime/debug"
	"testing"
)

func TestALaterCommitIsANewerProgram(t *testing.T) {
	of := func(settings ...debug.BuildSetting) int64 { return newness(settings) }
	earlier := of(debug.BuildSetting{Key: "vcs.time", Value: "2026-11-24T10:00:00Z"})
	later := of(debug.BuildSetting{Key: "vcs.time", Value: "2026-11-24T10:00:01Z"})
	if unknown := of(); unknown != 1 || earlier <= unknown || later != earlier+1 {
		t.Errorf("unknown %d, earlier %d, later %d", unknown, earlier, later)
	}
	if broken := of(debug.BuildSetting{Key: "vcs.time", Value: "yesterday"}); broken != 1 {
		t.Errorf("a time that cannot be read is %d", broken)
	}
}
