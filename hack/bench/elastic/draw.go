package elastic

import (
	"fmt"
	"html"
	"strings"
)

// The drawing's measures, in SVG units.
const (
	panelWide, panelHigh = 360.0, 240.0
	panelEdge            = 40.0
	dearest              = 1.5 // the right edge of a panel
)

// tooMany percent delayed makes a point hollow: what kept so many waiting was cheap at the citizens' expense.
const tooMany = 0.1

// Draw is an SVG with a panel for each size and class: cost to the right, changes a day upwards, each policy's mean a point, Loket's
// the large one. Nearer to the lower left corner is better; hollow points keep over a tenth of a percent waiting.
func Draw(figures []Figures) string {
	type point struct{ cost, changes, delayed, n float64 }
	type panel struct {
		title    string
		policies []string
		points   map[string]*point
	}
	var panels []*panel
	of := map[string]*panel{}
	for _, f := range figures {
		title := strings.TrimSpace(f.Size + " " + f.Class)
		if title == "" {
			title = f.Trace
		}
		p := of[title]
		if p == nil {
			p = &panel{title: title, points: map[string]*point{}}
			panels, of[title] = append(panels, p), p
		}
		at := p.points[f.Policy]
		if at == nil {
			at = &point{}
			p.points[f.Policy], p.policies = at, append(p.policies, f.Policy)
		}
		at.cost, at.changes, at.delayed, at.n = at.cost+f.Ratio, at.changes+f.ChangesDay, at.delayed+f.DelayedPercent, at.n+1
	}
	const across = 3
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" font-family="sans-serif" font-size="9">`+"\n",
		across*panelWide, panelHigh*float64((len(panels)+across-1)/across))
	for i, p := range panels {
		most := 1.0
		for _, at := range p.points {
			most = max(most, at.changes/at.n)
		}
		left, top := float64(i%across)*panelWide+panelEdge, float64(i/across)*panelHigh+panelEdge/2
		wide, high := panelWide-1.5*panelEdge, panelHigh-1.5*panelEdge
		fmt.Fprintf(&b, `<rect x="%.0f" y="%.0f" width="%.0f" height="%.0f" fill="none" stroke="#999"/>`+"\n", left, top, wide, high)
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" font-weight="bold">%s</text>`+"\n", left, top-5, html.EscapeString(p.title))
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f">cost over the optimum: 1 to %.1f; up to %.0f changes a day</text>`+"\n", left, top+high+14, dearest, most)
		for _, name := range p.policies {
			at := p.points[name]
			x, y := left+wide*min((at.cost/at.n-1)/(dearest-1), 1), top+high*(1-at.changes/at.n/most)
			size, fill := 3.0, "#c60"
			if name == "loket" {
				size, fill = 6, "#06c"
			}
			if at.delayed/at.n > tooMany {
				fill = "none"
			}
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="%.0f" fill="%s" stroke="#333"><title>%s: %.3f, %.1f changes a day, %.3f %% delayed</title></circle>`+"\n",
				x, y, size, fill, html.EscapeString(name), at.cost/at.n, at.changes/at.n, at.delayed/at.n)
			if !strings.Contains(name, " tuned ") {
				fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%s</text>`+"\n", x+size+2, y+3, html.EscapeString(name))
			}
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}
