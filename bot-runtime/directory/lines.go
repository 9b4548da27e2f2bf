package directory

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// maxRow is the longest line of a list of entries, in bytes.
const maxRow = 1 << 20

// ReadLines makes the index of entries that come as JSON, one a line. Entries are packed as they are read. A status that is
// missing is licensed here, for lists that have no warning list; any other word than licensed and illegal is an error. The
// error begins with the line's number.
func ReadLines(r io.Reader) (*Index, error) {
	b, err := ReadBuilder(r)
	if err != nil {
		return nil, err
	}
	return b.Build(), nil
}

// ReadBuilder is ReadLines up to the index itself.
func ReadBuilder(r io.Reader) (*Builder, error) {
	b := &Builder{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxRow)
	n := 1
	for ; lines.Scan(); n++ {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%d: not an entry: %w", n, err)
		}
		switch e.Status = strings.ToLower(strings.TrimSpace(e.Status)); {
		case e.Status == "":
			e.Status = StatusLicensed
		case e.Status != StatusLicensed && e.Status != StatusIllegal:
			return nil, fmt.Errorf("%d: the status is %q; write licensed or illegal", n, e.Status)
		}
		if words.Fold(e.Name) == "" {
			return nil, fmt.Errorf("%d: no name with a letter or digit; every entry needs one", n)
		}
		if b.Len() == maxEntries {
			return nil, fmt.Errorf("%d: more than %d entries; split the list", n, maxEntries)
		}
		b.Add(e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%d: %w", n, err)
	}
	if b.Len() == 0 {
		return nil, fmt.Errorf("%d: no entry", n)
	}
	return b, nil
}
