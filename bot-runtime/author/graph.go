package author

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/loket-dev/loket/bot-runtime/author/layered"
)

// captions are the picture's own words.
type captions struct {
	anywhere, next, otherwise, unknown, runs, silence       string
	tests, nodes, edges, dearest, messages, beyond, more    string
	passed, missed, costs, thick, written, untested, budget string
}

func captionsIn(language string) captions {
	if language == "id" {
		return captions{
			anywhere: "dari mana saja", next: "lanjut", otherwise: "selain itu", unknown: "tidak diketahui", runs: "menjalankan", silence: "diam %d menit",
			tests: "tes", nodes: "simpul", edges: "jalan", dearest: "Jalur termahal", messages: "pesan berbayar", beyond: "melebihi %d", more: "alur ini punya lebih banyak jalur daripada yang diperiksa",
			passed: "dilalui tes", missed: "tidak dilalui tes", costs: "pesan berbayar dari simpul ini", thick: "jalur termahal", written: "jalan kembali atau jauh", untested: "belum dites", budget: "anggaran: paling banyak %d",
		}
	}
	return captions{
		anywhere: "from anywhere", next: "next", otherwise: "otherwise", unknown: "unknown", runs: "runs", silence: "%d minutes of silence",
		tests: "tests", nodes: "nodes", edges: "ways", dearest: "Dearest ways", messages: "paid messages", beyond: "above %d", more: "this flow has more ways than were looked at",
		passed: "a test passes", missed: "no test passes", costs: "paid messages of this node", thick: "the dearest way", written: "leads back or far", untested: "untested", budget: "budget: at most %d",
	}
}

// Graph writes a picture of a flow as SVG: its nodes and ways, which of them tests pass, and what the ways cost. flow may be
// empty when there is only one; language is that of the texts, the flow's first when empty.
func Graph(out io.Writer, path, flow, language string, now time.Time) error {
	j := load(path, now, false)
	name, program, err := pick(j.set, flow)
	if err != nil {
		return err
	}
	switch languages := program.Languages(); {
	case language == "":
		language = languages[0]
	case !slices.Contains(languages, language):
		return fmt.Errorf("--language: dialogflow/%s does not speak %q; choose one of %s", name, language, strings.Join(languages, ", "))
	}
	for i := range j.Objects.Flows {
		if f := &j.Objects.Flows[i]; f.Name == name {
			p := newPicture(f, program, j.report(program, f.Spec.Tests, now), language)
			_, err = out.Write(p.svg())
		}
	}
	return err
}

// Margins of the picture, and the room for what stands above the graph.
const (
	margin   = 24
	topLines = 76
	maxWays  = 5
)

// drawing writes SVG.
type drawing struct{ bytes.Buffer }

func (d *drawing) put(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// text writes words; whatever stands in them stays words.
func (d *drawing) text(x, y float64, class, words string) {
	fmt.Fprintf(d, `<text x="%.0f" y="%.1f" class="%s">`, x, y, class)
	_ = xml.EscapeText(d, []byte(words))
	d.WriteString("</text>\n")
}

// pair writes words of two classes after each other.
func (d *drawing) pair(x, y float64, class, words, otherClass, other string) {
	fmt.Fprintf(d, `<text x="%.0f" y="%.1f"><tspan class="%s">`, x, y, class)
	_ = xml.EscapeText(d, []byte(words))
	fmt.Fprintf(d, `</tspan><tspan dx="8" class="%s">`, otherClass)
	_ = xml.EscapeText(d, []byte(other))
	d.WriteString("</tspan></text>\n")
}

func (d *drawing) title(words string) {
	d.WriteString("<title>")
	_ = xml.EscapeText(d, []byte(words))
	d.WriteString("</title>\n")
}

// svg draws the flow.
func (p *picture) svg() []byte {
	nodes, edges := p.placed()
	width, height := 0.0, 0.0
	for _, n := range nodes {
		width = max(width, float64(n.Column+1)*(cardWidth+columnGap)-columnGap)
		height = max(height, n.Top+n.Height)
	}
	width = max(width, 860) + 2*margin
	table := p.table(int((width - 2*margin - 130) / 6.6))
	top := topLines + float64(len(table))*18 + 22
	height += top + margin
	var d drawing
	d.put(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img">`, width, height, width, height)
	d.title("dialogflow/" + p.flow)
	d.WriteString(style)
	d.put(`<rect class="page" width="100%%" height="100%%"/>`)
	p.head(&d, table)
	dear := map[[2]string]bool{}
	if len(p.ways) > 0 {
		way := p.ways[0].Nodes
		for i := 1; i < len(way); i++ {
			dear[[2]string{way[i-1], way[i]}] = true
		}
	}
	k := 0
	for i := range p.cards {
		for _, r := range p.cards[i].rows {
			if edges[k].Drawn {
				line(&d, nodes, edges[k], top, classOf(r, dear[[2]string{p.cards[i].name, r.to}]))
			}
			k++
		}
	}
	k = 0
	for i := range p.cards {
		n := len(p.cards[i].rows)
		p.draw(&d, i, nodes, edges[k:k+n], top)
		k += n
	}
	d.put("</svg>")
	return d.Bytes()
}

func classOf(r row, dear bool) string {
	class := "way"
	if r.known && !r.passed {
		class += " missed"
	}
	if dear {
		class += " dear"
	}
	return class
}

func left(n layered.Node) float64 { return margin + float64(n.Column)*(cardWidth+columnGap) }

// line draws an edge: level through the columns that it passes, curved between them.
func line(d *drawing, nodes []layered.Node, e layered.Edge, top float64, class string) {
	from, to := nodes[e.From], nodes[e.To]
	x, y := left(from)+cardWidth, top+from.Top+e.Port
	var b strings.Builder
	fmt.Fprintf(&b, "M%.1f %.1f", x, y)
	curve := func(toX, toY float64) {
		bend := (toX - x) / 2
		fmt.Fprintf(&b, " C%.1f %.1f %.1f %.1f %.1f %.1f", x+bend, y, toX-bend, toY, toX, toY)
		x, y = toX, toY
	}
	for i, lane := range e.Lanes {
		at := margin + float64(from.Column+1+i)*(cardWidth+columnGap)
		curve(at, top+lane)
		x += cardWidth
		fmt.Fprintf(&b, " L%.1f %.1f", x, y)
	}
	curve(left(to)-7, top+to.Top+headHeight/2)
	d.put(`<path class="%s" d="%s"/>`, class, b.String())
	d.put(`<path class="tip %s" d="M%.1f %.1fl-7 -4v8z"/>`, class, left(to), top+to.Top+headHeight/2)
}

// draw draws a card with its rows; ways that are no lines name where they lead.
func (p *picture) draw(d *drawing, card int, nodes []layered.Node, edges []layered.Edge, top float64) {
	c, n := &p.cards[card], nodes[card]
	x, y := left(n), top+n.Top
	class := "card"
	if !c.passed {
		class += " missed"
	}
	name := c.name
	if name == triggerCard {
		name, class = "", class+" anywhere"
	}
	d.put(`<g>`)
	d.title(strings.TrimSpace(c.kind + " " + name + "\n" + c.all))
	d.put(`<rect class="%s" x="%.0f" y="%.1f" width="%d" height="%.0f" rx="7"/>`, class, x, y, cardWidth, c.height())
	d.put(`<path class="band %s" d="M%.0f %.1fv-%dq0 -7 7 -7h%dq7 0 7 7v%dz"/>`, band(c.kind), x, y+headHeight, headHeight-7, cardWidth-14, headHeight-7)
	d.pair(x+10, y+17, "kind", c.kind, "name", clip(name, 26-len([]rune(c.kind))))
	right := x + cardWidth - 8
	if c.price > 0 {
		d.put(`<rect class="price" x="%.0f" y="%.1f" width="22" height="16" rx="8"/>`, right-22, y+5)
		d.text(right-11, y+17, "amount", fmt.Sprint(c.price))
		right -= 28
	}
	if !c.passed {
		d.text(right, y+17, "untested", p.words.untested)
	}
	for i, words := range c.words {
		d.text(x+10, y+headHeight+float64(i+1)*lineHeight, "words", words)
	}
	for i, r := range c.rows {
		at := y + c.port(i)
		d.put(`<line class="rule" x1="%.0f" y1="%.1f" x2="%.0f" y2="%.1f"/>`, x+1, at-rowHeight/2, x+cardWidth-1, at-rowHeight/2)
		indent := 10.0
		if r.known {
			mark(d, x+14, at, r.passed)
			indent = 24
		}
		room := lineRunes - 2
		if !edges[i].Drawn {
			target := "→ " + clip(r.to, 16)
			if nodes[edges[i].To].Column <= n.Column {
				target = "↩ " + clip(r.to, 16)
			}
			d.text(x+cardWidth-10, at+4, "target", target)
			room -= len([]rune(target)) + 1
		}
		d.text(x+indent, at+4, "label", clip(r.label, room))
	}
	d.put(`</g>`)
}

// mark is full where a test passes, a ring where none does.
func mark(d *drawing, x, y float64, passed bool) {
	class := "ring"
	if passed {
		class = "full"
	}
	d.put(`<circle class="%s" cx="%.0f" cy="%.1f" r="4"/>`, class, x, y)
}

// band is the colour of a kind: who has the word.
func band(kind string) string {
	switch kind {
	case "say", "end":
		return "tells"
	case "ask", "menu", "survey", "form":
		return "asks"
	case "handoff":
		return "person"
	case "lookup", "call", "understand", "branch", "set", "run":
		return "thinks"
	}
	return "other"
}

// table is the dearest ways, each in as many lines as it takes.
func (p *picture) table(runes int) [][2]string {
	var out [][2]string
	for i, w := range p.ways {
		if i == maxWays {
			break
		}
		cost := fmt.Sprint(w.Messages)
		if w.Messages > p.budget {
			cost += " !"
		}
		for k, l := range wrap(strings.Join(w.Nodes, " → "), runes, 4) {
			if k > 0 {
				cost = ""
			}
			out = append(out, [2]string{cost, l})
		}
	}
	return out
}

// head is what stands above the graph: the name, the figures, the signs, and the dearest ways.
func (p *picture) head(d *drawing, table [][2]string) {
	r := p.report
	d.pair(margin, 34, "flow", p.flow, "figures", fmt.Sprintf("%d %s  ✓ %d  ✗ %d  ·  %s %d/%d  ·  %s %d/%d",
		r.All, p.words.tests, r.Passed, r.All-r.Passed, p.words.nodes, r.Nodes, r.AllNodes, p.words.edges, r.Edges, r.AllEdges))
	x := float64(margin)
	sign := func(words string, draw func(x float64)) {
		draw(x)
		d.text(x+30, 58, "legend", words)
		x += 30 + 6.6*float64(len([]rune(words))) + 22
	}
	sign(p.words.passed, func(x float64) { mark(d, x+14, 54, true) })
	sign(p.words.missed, func(x float64) { mark(d, x+14, 54, false) })
	sign(p.words.thick, func(x float64) { d.put(`<path class="way dear" d="M%.0f 54h24"/>`, x) })
	sign(p.words.costs, func(x float64) {
		d.put(`<rect class="price" x="%.0f" y="46" width="22" height="16" rx="8"/>`, x)
		d.text(x+11, 58, "amount", "1")
	})
	sign(p.words.written, func(x float64) { d.text(x+24, 58, "target", "↩ →") })
	y := float64(topLines + 8)
	caption := p.words.dearest + ", " + p.words.messages + " (" + fmt.Sprintf(p.words.budget, p.budget) + ")"
	if !p.whole {
		caption += "; " + p.words.more
	}
	d.text(margin, y, "caption", caption)
	for _, l := range table {
		y += 18
		d.text(margin+24, y, "cost", l[0])
		d.text(margin+44, y, "path", l[1])
	}
}

// style is readable on light and on dark paper.
const style = `<style>
text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:11.5px;fill:#1c2733}
.page{fill:#fff}.card{fill:#f6f8fa;stroke:#8593a0}.card.missed{stroke:#b4441a;stroke-dasharray:5 3;stroke-width:1.5}
.band{fill:#d9e0e6}.band.tells{fill:#cfe3f7}.band.asks{fill:#ddd6f3}.band.person{fill:#f9d5cd}.band.thinks{fill:#f6e6bd}
.flow{font-size:21px;font-weight:700}.figures,.legend,.kind,.target{fill:#4d5b68}.name,.caption{font-weight:700;font-size:12px}
.target,.untested{text-anchor:end}.untested{fill:#b4441a}.cost{text-anchor:end;font-weight:700}.rule{stroke:#d5dce2}
.way{fill:none;stroke:#5d7386;stroke-width:1.4}.way.missed{stroke:#b4441a;stroke-dasharray:5 4}.way.dear{stroke-width:3.2}
.tip{fill:#5d7386;stroke:none}.tip.missed{fill:#b4441a}.tip.way.dear,.tip.way{stroke:none;fill:#5d7386}.tip.way.missed{fill:#b4441a}
.full{fill:#1d7d4a}.ring{fill:none;stroke:#b4441a;stroke-width:1.6}.price{fill:#2d4a66}.amount{fill:#fff;font-weight:700;text-anchor:middle}
@media (prefers-color-scheme:dark){
text{fill:#e3e9ef}.page{fill:#12181f}.card{fill:#1c252e;stroke:#6f7f8e}.card.missed{stroke:#f08a5b}
.band{fill:#36424d}.band.tells{fill:#1f4263}.band.asks{fill:#42377a}.band.person{fill:#6e3427}.band.thinks{fill:#594a16}
.figures,.legend,.kind,.target{fill:#aebac5}.untested{fill:#f08a5b}.rule{stroke:#33404c}
.way{stroke:#8ea3b5}.way.missed{stroke:#f08a5b}.tip.way.dear,.tip.way{fill:#8ea3b5}.tip.way.missed{fill:#f08a5b}
.full{fill:#4cc38a}.ring{stroke:#f08a5b}.price{fill:#9cc3e6}.amount{fill:#0e141a}}
</style>
`
