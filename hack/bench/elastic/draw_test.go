package elastic

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestTheDrawingHasEachPolicyOnceAClassAndWhoKeepsManyWaitingIsHollow(t *testing.T) {
	svg := Draw([]Figures{
		{Size: "medium", Class: "office", Policy: "loket", Ratio: 1.05, ChangesDay: 20},
		{Size: "medium", Class: "office", Policy: "loket", Ratio: 1.07, ChangesDay: 30},
		{Size: "medium", Class: "office", Policy: "a < b", Ratio: 9, ChangesDay: 50, DelayedPercent: 0.2},
		{Size: "large", Class: "office", Policy: "loket", Ratio: 1.02, ChangesDay: 10},
	})
	circles := 0
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "circle" {
			circles++
		}
	}
	if circles != 3 {
		t.Errorf("%d points, not 3", circles)
	}
	if !strings.Contains(svg, "loket: 1.060, 25.0 changes a day") {
		t.Errorf("no mean of both seeds:\n%s", svg)
	}
	if n := strings.Count(svg, `fill="none" stroke="#333"`); n != 1 {
		t.Errorf("%d hollow points, not 1", n)
	}
}
