package lookup

import (
	"bytes"
	"fmt"
	"html"
)

// Draw makes an SVG of the table by kind: a bar a kind, green what is right for its class, red what is called licensed and
// must not be, grey the rest.
func Draw(rows []Row, entries int) []byte {
	const line, left, wide = 18, 260, 400
	var b bytes.Buffer
	height := line*(len(rows)+3) + 10
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`, left+wide+170, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/><text x="10" y="20" font-weight="bold">The look-up by kind of question, %d institutions: right (green), licensed and wrong (red)</text>`, entries)
	for i, r := range rows {
		y := line * (i + 2)
		good, bad := r.N-r.Licensed, r.Licensed // absent and talk: not called licensed
		switch r.Class {
		case Genuine, Grey:
			good, bad = r.Right, r.Wrong
		case Fake, Illegal:
			good = r.Warned
		case Talk:
			good, bad = r.Nothing, r.Licensed
		}
		g, d := wide*good/max(r.N, 1), wide*bad/max(r.N, 1)
		if bad > 0 {
			d = max(d, 1)
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%d" height="12" fill="#ddd"/>`, left-8, y+11, html.EscapeString(r.Kind), left, y+1, wide)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="12" fill="#2e7d32"/><rect x="%d" y="%d" width="%d" height="12" fill="#c62828"/>`, left, y+1, g, left+wide-d, y+1, d)
		fmt.Fprintf(&b, `<text x="%d" y="%d">%.1f %% of %d, p99 %s</text>`, left+wide+8, y+11, r.Share(good), r.N, r.Quantile(0.99).Round(1000))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
