package acts

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A stepper that is stopped in the middle of a turn keeps its lanes locked until the server ends its session, and raising a lane
// waits for its lock. All messages of a transaction would wait for that one citizen's lane, and the webhooks behind them for the
// transaction. So whoever has waited in vain looks which lanes are held, and commits without their messages; for a while after it
// nobody waits for a lane before looking. A healthy stepper is soon done: mostly none is held at the second look.

const (
	// heldPause lies between two looks.
	heldPause = 50 * time.Millisecond
	// heldMost is how long a batch waits of which nothing can be stored. A stopped stepper's session is ended before.
	heldMost = 5 * time.Second
	// waryFor is how long nobody waits for a lane, after one was found held.
	waryFor = 5 * time.Second
)

// ErrLocked: another transaction kept a row locked for longer than a statement waits. A Tx wraps it.
var ErrLocked = errors.New("a row stays locked")

// heldUp is the end of an Accept that did not get its lanes.
type heldUp struct {
	lanes    []int64
	messages map[dedupeKey]int64 // their conversations
}

func (h *heldUp) Error() string { return fmt.Sprintf("some of %d lanes are held", len(h.lanes)) }

// raise raises the lanes of an Accept, and fails when it did not get them or what they are of is gone.
func (a *Acts) raise(tx Tx, in intake) error {
	if len(in.lanes) == 0 {
		return nil
	}
	up := &heldUp{lanes: in.lanes, messages: in.of}
	if time.Now().UnixNano() < a.waryUntil.Load() {
		held, err := heldLanes(tx, in.lanes)
		if err != nil {
			return err
		}
		if len(held) > 0 {
			return up
		}
	}
	err := raiseLanes(tx, in.lanes)
	if err == nil {
		err = stillThere(tx, in.lanes)
	}
	if errors.Is(err, ErrLocked) {
		return up
	}
	return err
}

// stillHeld says which of the lanes are held by somebody who is not soon done. When none of them is free and nothing else is to be
// stored, which alone says, it waits until one is.
func (a *Acts) stillHeld(ctx context.Context, up *heldUp, alone bool) (map[int64]bool, error) {
	began, held, looks := time.Now(), up.lanes, 0
	for {
		if err := a.write(ctx, "look for held lanes", func(tx Tx) (err error) {
			held, err = heldLanes(tx, held)
			return err
		}); err != nil || len(held) == 0 {
			return nil, err
		}
		if looks++; looks > 1 && (!alone || len(held) < len(up.lanes) || time.Since(began) > heldMost) {
			break
		}
		t := time.NewTimer(heldPause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		}
	}
	a.waryUntil.Store(time.Now().Add(waryFor).UnixNano())
	still := map[int64]bool{}
	for _, c := range held {
		still[c] = true
	}
	return still, nil
}

// heldLanes are those of the lanes that another transaction has locked.
func heldLanes(tx Tx, lanes []int64) ([]int64, error) {
	in, args := among(lanes)
	return column[int64](tx, `WITH free AS (SELECT conversation FROM runnable WHERE conversation IN `+in+` {skiplocked})
		SELECT conversation FROM runnable WHERE conversation IN `+in+` AND conversation NOT IN (SELECT conversation FROM free)`, args...)
}
