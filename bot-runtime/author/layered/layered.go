// Package layered places the nodes of a directed graph in columns, from left to right, so that a reader can follow the edges:
// few cross, none runs through a node. It knows sizes and edges, not what they mean; bot-runtime graph draws what it places.
//
// It goes the usual four steps (Sugiyama, Tagawa, Toda): edges that lead back are left out, each node's column is the longest
// way to it, the order within columns is that of their neighbours' middles, and heights are the nearest to those middles that
// leave a gap.
package layered

import (
	"math"
	"slices"
	"sort"
)

// Node is a box. The first ones are where reading begins.
type Node struct {
	// Height in any unit; Gap is kept above the next box of the column.
	Height, Gap float64
	// Entry is how far below its top edges come in.
	Entry float64
	// Column from 0, and Top, are what Place finds.
	Column int
	Top    float64
}

// Edge leads from one node to another.
type Edge struct {
	From, To int
	// Port is how far below the top of From it leaves.
	Port float64
	// Drawn says whether it is a line: it leads on, and not further than was allowed. All others are to be written.
	Drawn bool
	// Lanes are the heights at which a line passes the columns between, from left to right.
	Lanes []float64
}

// laneHeight is what a line takes in a column that it passes.
const laneHeight = 12

// sweeps over the columns, for their order and for their heights.
const sweeps = 24

// Place finds columns, tops and lanes. Edges that pass more than most columns are not drawn.
func Place(nodes []Node, edges []Edge, most int) {
	p := placing{nodes: nodes, edges: edges}
	p.forward()
	p.columns()
	p.boxes(most)
	p.order()
	p.heights()
	p.lanes()
}

type placing struct {
	nodes []Node
	edges []Edge
	on    []bool // edges that lead on
	all   []box  // nodes, then lanes
	cols  [][]int
	links []link
}

// box is a node, or a lane of an edge.
type box struct {
	height, gap, entry float64
	column             int
	top                float64
	edge               int // of a lane
	before, after      []int
}

// link is an edge between boxes of columns that are next to each other.
type link struct {
	from, to int
	port     float64
}

// forward finds the edges that lead on: not back to a node from which one came, in the order of reading.
func (p *placing) forward() {
	out := make([][]int, len(p.nodes))
	for i, e := range p.edges {
		out[e.From] = append(out[e.From], i)
	}
	p.on = make([]bool, len(p.edges))
	const (
		fresh = iota
		open
		closed
	)
	state := make([]int, len(p.nodes))
	var visit func(int)
	visit = func(n int) {
		state[n] = open
		for _, e := range out[n] {
			to := p.edges[e].To
			p.on[e] = state[to] != open
			if state[to] == fresh {
				visit(to)
			}
		}
		state[n] = closed
	}
	for n := range p.nodes {
		if state[n] == fresh {
			visit(n)
		}
	}
}

// columns: a node stands one to the right of the rightmost that leads to it.
func (p *placing) columns() {
	in := make([]int, len(p.nodes))
	for i, e := range p.edges {
		if p.on[i] {
			in[e.To]++
		}
	}
	var ready []int
	for n := range p.nodes {
		p.nodes[n].Column = 0
		if in[n] == 0 {
			ready = append(ready, n)
		}
	}
	for len(ready) > 0 {
		n := ready[0]
		ready = ready[1:]
		for i, e := range p.edges {
			if e.From != n || !p.on[i] {
				continue
			}
			p.nodes[e.To].Column = max(p.nodes[e.To].Column, p.nodes[n].Column+1)
			if in[e.To]--; in[e.To] == 0 {
				ready = append(ready, e.To)
			}
		}
	}
}

// boxes are the nodes, and a lane in each column that a drawn edge passes.
func (p *placing) boxes(most int) {
	for _, n := range p.nodes {
		p.all = append(p.all, box{height: n.Height, gap: n.Gap, entry: n.Entry, column: n.Column, edge: -1})
	}
	for i := range p.edges {
		e := &p.edges[i]
		from, to := p.nodes[e.From].Column, p.nodes[e.To].Column
		e.Drawn = p.on[i] && to-from-1 <= most
		if !e.Drawn {
			continue
		}
		last, port := e.From, e.Port
		for c := from + 1; c < to; c++ {
			p.all = append(p.all, box{height: laneHeight, gap: laneHeight / 2, entry: laneHeight / 2, column: c, edge: i})
			p.link(last, len(p.all)-1, port)
			last, port = len(p.all)-1, laneHeight/2
		}
		p.link(last, e.To, port)
	}
	for i := range p.all {
		for len(p.cols) <= p.all[i].column {
			p.cols = append(p.cols, nil)
		}
		p.cols[p.all[i].column] = append(p.cols[p.all[i].column], i)
	}
}

func (p *placing) link(from, to int, port float64) {
	p.links = append(p.links, link{from, to, port})
	p.all[from].after = append(p.all[from].after, len(p.links)-1)
	p.all[to].before = append(p.all[to].before, len(p.links)-1)
}

// order sorts each column by the middle of its neighbours, to and fro, and keeps the order with the fewest crossings.
func (p *placing) order() {
	best, fewest := p.copied(), p.crossings()
	for sweep := 0; sweep < sweeps && fewest > 0; sweep++ {
		rank := p.ranks()
		for k := range p.cols {
			c := k
			if sweep%2 == 1 {
				c = len(p.cols) - 1 - k
			}
			middle := map[int]float64{}
			for _, b := range p.cols[c] {
				middle[b] = p.middle(b, sweep%2 == 0, rank)
			}
			sort.SliceStable(p.cols[c], func(i, j int) bool { return middle[p.cols[c][i]] < middle[p.cols[c][j]] })
			for i, b := range p.cols[c] {
				rank[b] = float64(i)
			}
		}
		if n := p.crossings(); n < fewest {
			best, fewest = p.copied(), n
		}
	}
	p.cols = best
}

func (p *placing) copied() [][]int {
	out := make([][]int, len(p.cols))
	for i := range p.cols {
		out[i] = slices.Clone(p.cols[i])
	}
	return out
}

func (p *placing) ranks() []float64 {
	rank := make([]float64, len(p.all))
	for _, col := range p.cols {
		for i, b := range col {
			rank[b] = float64(i)
		}
	}
	return rank
}

// leaves is where a link leaves its box, in ranks: a lower port is further down within it.
func (p *placing) leaves(l link, rank []float64) float64 {
	return rank[l.from] + l.port/(p.all[l.from].height+1)
}

// middle of a box's neighbours on one side; its own place where it has none.
func (p *placing) middle(b int, left bool, rank []float64) float64 {
	sum, n := 0.0, 0
	if left {
		for _, l := range p.all[b].before {
			sum += p.leaves(p.links[l], rank)
			n++
		}
	} else {
		for _, l := range p.all[b].after { // what follows a lower port should be lower: the port is taken off
			sum += rank[p.links[l].to] - p.links[l].port/(p.all[b].height+1)
			n++
		}
	}
	if n == 0 {
		return rank[b]
	}
	return sum / float64(n)
}

// crossings of links between each two columns.
func (p *placing) crossings() int {
	rank := p.ranks()
	between := make([][]link, len(p.cols))
	for _, l := range p.links {
		c := p.all[l.from].column
		between[c] = append(between[c], l)
	}
	n := 0
	for _, ls := range between {
		for i, a := range ls {
			for _, b := range ls[i+1:] {
				if (p.leaves(a, rank)-p.leaves(b, rank))*(rank[a.to]-rank[b.to]) < 0 {
					n++
				}
			}
		}
	}
	return n
}

// heights puts each column as near to the middle of its neighbours as the gaps allow, to and fro.
func (p *placing) heights() {
	for _, col := range p.cols {
		y := 0.0
		for _, b := range col {
			p.all[b].top = y
			y += p.all[b].height + p.all[b].gap
		}
	}
	for sweep := range sweeps {
		for k := range p.cols {
			c := k
			if sweep%2 == 1 {
				c = len(p.cols) - 1 - k
			}
			p.settle(p.cols[c], sweep%2 == 0)
		}
	}
	lowest := math.Inf(1)
	for i := range p.all {
		lowest = min(lowest, p.all[i].top)
	}
	for i := range p.all {
		p.all[i].top -= lowest
	}
	for i := range p.nodes {
		p.nodes[i].Top = p.all[i].top
	}
}

// wish is where a box would stand if it were alone, and how many neighbours wish so.
func (p *placing) wish(b int, left bool) (top, weight float64) {
	sum, n := 0.0, 0.0
	if left {
		for _, l := range p.all[b].before {
			from := p.links[l].from
			sum += p.all[from].top + p.links[l].port - p.all[b].entry
			n++
		}
	} else {
		for _, l := range p.all[b].after {
			to := p.links[l].to
			sum += p.all[to].top + p.all[to].entry - p.links[l].port
			n++
		}
	}
	if n == 0 {
		return p.all[b].top, 0.1
	}
	return sum / n, n
}

// settle gives the boxes of a column the tops that are nearest to their wishes, by least squares, in their order and with their
// gaps: neighbours that would overlap form a block that stands at the mean of what its members wish.
func (p *placing) settle(col []int, left bool) {
	type block struct {
		first, last   int // of the column
		sum, weight   float64
		start, length float64
	}
	var blocks []block
	for i, b := range col {
		want, weight := p.wish(b, left)
		blocks = append(blocks, block{first: i, last: i, sum: want * weight, weight: weight, start: want, length: p.all[b].height + p.all[b].gap})
		for len(blocks) > 1 {
			a, z := &blocks[len(blocks)-2], blocks[len(blocks)-1]
			if a.start+a.length <= z.start {
				break
			}
			a.sum += z.sum - a.length*z.weight // what the lower ones wish of the block's start
			a.weight += z.weight
			a.start = a.sum / a.weight
			a.length += z.length
			a.last = z.last
			blocks = blocks[:len(blocks)-1]
		}
	}
	for _, k := range blocks {
		y := k.start
		for i := k.first; i <= k.last; i++ {
			b := col[i]
			p.all[b].top = y
			y += p.all[b].height + p.all[b].gap
		}
	}
}

func (p *placing) lanes() {
	for i := len(p.nodes); i < len(p.all); i++ {
		e := &p.edges[p.all[i].edge]
		e.Lanes = append(e.Lanes, p.all[i].top+laneHeight/2)
	}
}
