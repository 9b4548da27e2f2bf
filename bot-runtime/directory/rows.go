package directory

import "encoding/binary"

// rows holds entries packed one behind another, so that a million of them are a few hundred strings to the collector.
type rows struct {
	chunks []string
	open   []byte
	at     []uint32 // where each entry begins: chunk times chunkSize, and the offset in it
	status []bool   // illegal
	// facts are what every entry may show; an entry holds its values in this order, and nothing where there are none.
	facts []Fact
}

const chunkSize = 1 << 20

func (r *rows) add(e *Entry) {
	b := make([]byte, 0, 256)
	for _, s := range [...]string{e.ID, e.Name, e.Licence, e.Type} {
		b = appendText(b, s)
	}
	for _, list := range [...][]string{e.Aliases, e.Sites, e.Phones, e.Emails} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendText(b, s)
		}
	}
	for _, f := range r.facts {
		b = appendText(b, e.shows(f.Name))
	}
	if len(r.open) > 0 && len(r.open)+len(b) > chunkSize {
		r.seal()
	}
	r.at = append(r.at, uint32(len(r.chunks))*chunkSize+uint32(len(r.open)))
	r.status = append(r.status, e.Status == StatusIllegal)
	r.open = append(r.open, b...)
}

func (r *rows) seal() {
	r.chunks = append(r.chunks, string(r.open))
	r.open = r.open[:0]
}

func appendText(b []byte, s string) []byte {
	if len(s) > maxValueBytes {
		s = s[:maxValueBytes]
	}
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// maxValueBytes is the longest text of an entry that is kept; it keeps an entry well within a chunk.
const maxValueBytes = 2048

func (r *rows) len() int { return len(r.at) }

// cursor reads an entry's fields in their order.
type cursor struct{ rest string }

func (r *rows) cursor(i uint32) cursor {
	at := r.at[i]
	return cursor{r.chunks[at/chunkSize][at%chunkSize:]}
}

func (c *cursor) number() int {
	n, shift := 0, 0
	for i := 0; ; i++ {
		b := c.rest[i]
		n |= int(b&0x7f) << shift
		shift += 7
		if b < 0x80 {
			c.rest = c.rest[i+1:]
			return n
		}
	}
}

func (c *cursor) text() string {
	n := c.number()
	s := c.rest[:n]
	c.rest = c.rest[n:]
	return s
}

func (c *cursor) list() []string {
	n := c.number()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = c.text()
	}
	return out
}

func (r *rows) entry(i uint32) Entry {
	c := r.cursor(i)
	e := Entry{ID: c.text(), Name: c.text(), Licence: c.text(), Type: c.text(), Status: StatusLicensed}
	e.Aliases, e.Sites, e.Phones, e.Emails = c.list(), c.list(), c.list(), c.list()
	for _, f := range r.facts {
		if f.Value = c.text(); f.Value != "" {
			e.Shown = append(e.Shown, f)
		}
	}
	if r.status[i] {
		e.Status = StatusIllegal
	}
	return e
}

// shows is the value of what an entry shows by a name.
func (e *Entry) shows(name string) string {
	for _, f := range e.Shown {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func (r *rows) name(i uint32) string {
	c := r.cursor(i)
	c.text()
	return c.text()
}
