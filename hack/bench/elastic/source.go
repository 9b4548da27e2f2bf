package elastic

import (
	"fmt"
	"os"
)

// Source says where a trace comes from, so that a peer in another process replays the very same one.
type Source struct {
	// CSV is a file; "-" is standard input. Empty generates one by class, size and seed.
	CSV   string `json:"csv,omitempty"`
	Class string `json:"class,omitempty"`
	Size  string `json:"size,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`
	// StartsFrom and StartsTo are the seconds that the workers of a generated trace take to start.
	StartsFrom float64 `json:"startsFrom,omitempty"`
	StartsTo   float64 `json:"startsTo,omitempty"`
	// Min workers of a generated trace.
	Min int `json:"min,omitempty"`
}

// Trace reads or makes it.
func (s Source) Trace() (*Trace, error) {
	switch s.CSV {
	case "":
		t, err := Generate(s.Class, s.Size, s.Seed)
		if err != nil {
			return nil, err
		}
		t.StartsFrom(s.StartsFrom, s.StartsTo, s.Seed)
		t.Min = s.Min
		return t, nil
	case "-":
		return ReadCSV(os.Stdin)
	}
	f, err := os.Open(s.CSV)
	if err != nil {
		return nil, fmt.Errorf("opening the trace: %w", err)
	}
	defer f.Close()
	t, err := ReadCSV(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.CSV, err)
	}
	return t, nil
}
