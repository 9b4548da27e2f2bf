package layered

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAChainStandsInARowAndABackEdgeIsWritten(t *testing.T) {
	nodes := []Node{{Height: 40, Gap: 20, Entry: 10}, {Height: 40, Gap: 20, Entry: 10}, {Height: 40, Gap: 20, Entry: 10}}
	edges := []Edge{{From: 0, To: 1, Port: 10}, {From: 1, To: 2, Port: 10}, {From: 2, To: 0, Port: 10}, {From: 0, To: 2, Port: 30}}
	Place(nodes, edges, 3)
	for i := range nodes {
		if nodes[i].Column != i {
			t.Errorf("node %d stands in column %d", i, nodes[i].Column)
		}
	}
	if !edges[0].Drawn || !edges[1].Drawn || edges[2].Drawn || !edges[3].Drawn || len(edges[3].Lanes) != 1 {
		t.Errorf("%+v", edges)
	}
}

func TestCrossingsAreUndone(t *testing.T) {
	// two above each other, each leading to the one beside it; the later is declared first
	nodes := []Node{{Height: 40, Gap: 20}, {Height: 40, Gap: 20}, {Height: 40, Gap: 20}, {Height: 40, Gap: 20}}
	edges := []Edge{{From: 0, To: 3}, {From: 1, To: 2}}
	Place(nodes, edges, 3)
	if (nodes[0].Top < nodes[1].Top) != (nodes[3].Top < nodes[2].Top) {
		t.Errorf("the edges cross: %+v", nodes)
	}
}

// Whatever the graph, boxes of a column keep their gaps, edges that are drawn lead on, and lines run through no box.
func TestNothingOverlaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "nodes")
		nodes := make([]Node, n)
		for i := range nodes {
			nodes[i] = Node{Height: float64(rapid.IntRange(10, 200).Draw(t, "height")), Gap: 20, Entry: 5}
		}
		var edges []Edge
		for range rapid.IntRange(0, 60).Draw(t, "edges") {
			from := rapid.IntRange(0, n-1).Draw(t, "from")
			edges = append(edges, Edge{From: from, To: rapid.IntRange(0, n-1).Draw(t, "to"), Port: rapid.Float64Range(0, nodes[from].Height).Draw(t, "port")})
		}
		most := rapid.IntRange(0, 5).Draw(t, "most")
		Place(nodes, edges, most)
		for i, a := range nodes {
			if a.Top < 0 {
				t.Fatalf("node %d stands above the picture: %+v", i, a)
			}
			for j, b := range nodes[:i] {
				if a.Column == b.Column && a.Top < b.Top+b.Height+b.Gap-0.001 && b.Top < a.Top+a.Height+a.Gap-0.001 {
					t.Fatalf("nodes %d and %d overlap: %+v %+v", i, j, a, b)
				}
			}
		}
		for _, e := range edges {
			if !e.Drawn {
				continue
			}
			from, to := nodes[e.From].Column, nodes[e.To].Column
			if to <= from || len(e.Lanes) != to-from-1 || len(e.Lanes) > most {
				t.Fatalf("%+v from column %d to %d", e, from, to)
			}
			for k, y := range e.Lanes {
				for i, b := range nodes {
					if b.Column == from+1+k && y > b.Top && y < b.Top+b.Height {
						t.Fatalf("%+v runs through node %d: %+v", e, i, b)
					}
				}
			}
		}
	})
}
