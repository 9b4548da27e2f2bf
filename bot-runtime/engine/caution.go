package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// diesMost is how often a process may die over one inbox row before the row is answered with an apology, untried.
const diesMost = 2

// caution guards against a message that kills the process: its three failures would be counted in a transaction that never
// commits, and the pod would die of it for ever. While the engine is careful, what is about to be stepped is written to a
// file first, on a volume that outlives the process; a process that finds the file knows what killed the last one.
type caution struct {
	path   string // "" where there is no such volume: then one lane a transaction is all the care there is
	gaveUp func() // told of each row that is answered untried
	// unnoted is told when the volume takes no note: a row that kills this process is not recognised then.
	unnoted func(error)
	last    struct {
		Row  int64 `json:"row"`
		Died int   `json:"died"`
	}
}

// newCaution reads what the last process was about to do when it died, if it did.
func newCaution(folder string, gaveUp func(), unnoted func(error)) (*caution, error) {
	c := &caution{gaveUp: gaveUp, unnoted: unnoted}
	if folder == "" {
		return c, nil
	}
	c.path = filepath.Join(folder, "stepping.json")
	body, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("what the last process died of cannot be read: %w", err)
	}
	if err := json.Unmarshal(body, &c.last); err != nil {
		return c, fmt.Errorf("what the last process died of cannot be read: %s is not JSON: %w", c.path, err)
	}
	c.last.Died++
	return c, nil
}

// around wraps the function of a turn of one lane.
func (c *caution) around(step func(store.Lane) (store.Outcome, error)) func(store.Lane) (store.Outcome, error) {
	if c.path == "" {
		return step
	}
	return func(lane store.Lane) (store.Outcome, error) {
		first := lane.Inbox[0].ID
		if first == c.last.Row && c.last.Died >= diesMost {
			c.gaveUp()
			lane.Poisoned = true
			out, err := step(lane)
			out.Poisoned = true
			return out, err
		}
		next := c.last
		if first != c.last.Row {
			next.Row, next.Died = first, 0
		}
		body, err := json.Marshal(next)
		if err != nil {
			return store.Outcome{}, err
		}
		if err := writeSynced(c.path, body); err != nil { // no reason to fail a citizen's message
			c.unnoted(fmt.Errorf("what is about to be stepped cannot be noted: %w", err))
		}
		return step(lane)
	}
}

// survived forgets the last row: its turn has ended.
func (c *caution) survived() error {
	if c.path == "" {
		return nil
	}
	if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting what was stepped: %w", err)
	}
	return nil
}

func writeSynced(path string, body []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(body); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}
