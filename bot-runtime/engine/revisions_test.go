package engine

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// safeAt marks nodes of the flow as safe points.
func safeAt(o bundle.Objects, nodes ...v1alpha1.Name) bundle.Objects {
	for i := range o.Flows[0].Spec.Nodes {
		for _, name := range nodes {
			if n := &o.Flows[0].Spec.Nodes[i]; n.Name == name {
				n.SafePoint = true
			}
		}
	}
	return o
}

func TestAConversationStaysInTheRevisionItBeganWithUntilItEnds(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	x.want(x.step(says("halo")), "v1 nama?")
	x.serve(questions("v2", "city"))
	x.want(x.step(says("Siti")), "v1 kota?")
	x.serve(questions("v3", "city"))
	x.want(x.step(says("Bandung"), says("halo")), "v1 selesai", "v3 nama?")
}

func TestAConversationWhoseQuestionIsGoneEndsItsEnquiryInItsOwnRevision(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	x.step(says("halo"))
	x.want(x.step(says("Siti")), "v1 kota?")
	x.serve(safeAt(questions("v2", "town"), "name", "town"))
	x.want(x.step(says("Bandung")), "v1 selesai")
	x.want(x.step(says("halo")), "v2 nama?")
}

func TestAConversationMovesToTheNewestRevisionAtASafePoint(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	x.want(x.step(says("halo")), "v1 nama?")
	x.serve(safeAt(questions("v2", "city"), "city"))
	x.want(x.step(says("Siti")), "v1 kota?") // it waited at no safe point
	x.want(x.step(says("Bandung")), "v2 selesai")

	x = newTalk(t, questions("v1", "city"))
	x.step(says("halo"))
	menu := safeAt(questions("v2", "city"), "name")
	menu.Flows[0].Spec.Nodes[0].Next = ""
	menu.Flows[0].Spec.Nodes[0].Ask, menu.Flows[0].Spec.Nodes[0].Menu = nil, &v1alpha1.Menu{Text: v1alpha1.Text{"id": "v2 pilih"},
		Options: []v1alpha1.Option{{Name: "a", Title: v1alpha1.Text{"id": "A"}, Next: "city"}}}
	x.serve(menu)
	x.want(x.step(says("Siti")), "v1 kota?") // a question is not answered by a menu

	x = newTalk(t, questions("v1", "city"))
	x.step(says("halo"))
	x.want(x.step(says("Siti")), "v1 kota?")
	number := safeAt(questions("v2", "city"), "city")
	number.Flows[0].Spec.Variables[0].Type = v1alpha1.VariableNumber
	number.Flows[0].Spec.Nodes[0].Ask.Type, number.Flows[0].Spec.Nodes[1].Ask.Type = "number", "number"
	x.serve(number)
	x.want(x.step(says("Bandung")), "v1 selesai") // x holds a text, which is no number
}

func TestAConversationInARunMovesOnlyWhereTheRunIsStillThere(t *testing.T) {
	inARun := func(prefix string, start v1alpha1.Name) bundle.Objects {
		o := questions(prefix, "city")
		spec := &o.Flows[0].Spec
		spec.Start = "go"
		spec.Nodes = append(spec.Nodes, v1alpha1.Node{Name: "go", Run: &v1alpha1.Run{Start: start}, Next: "over"},
			v1alpha1.Node{Name: "over", End: &v1alpha1.End{Text: v1alpha1.Text{"id": v1alpha1.Sentence(prefix + " kembali")}}})
		return safeAt(o, "name", "city")
	}
	x := newTalk(t, inARun("v1", "name"))
	x.want(x.step(says("halo")), "v1 nama?")
	x.serve(inARun("v2", "name"))
	x.want(x.step(says("Siti")), "v2 kota?")

	x = newTalk(t, inARun("v1", "name"))
	x.step(says("halo"))
	other := inARun("v2", "city")
	other.Flows[0].Spec.Triggers = []v1alpha1.Trigger{{Name: "name", Words: v1alpha1.Words{"id": {"nama"}}, Next: "name"}}
	x.serve(other)
	x.want(x.step(says("Siti")), "v1 kota?")
}

func TestAConversationStaysWhenItsChannelGetsAnotherFlow(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	x.step(says("halo"))
	other := safeAt(questions("other", "city"), "name")
	other.Flows[0].Name, other.Channels[0].Spec.Flow = "other", "other"
	x.serve(other)
	x.want(x.step(says("Siti")), "v1 kota?")
	x.want(x.step(says("Bandung"), says("halo")), "v1 selesai", "other nama?")
}

func TestARevisionThatCanNoLongerBeHadLetsTheConversationBeginAnew(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	x.step(says("halo"))
	x.step(says("Siti"))
	clear(x.shelf.bodies)
	x.serve(questions("v2", "town"))
	x.want(x.step(says("Bandung")), "v2 nama?")
}

func TestARevisionThatCanNoLongerBeHadLosesNothingWhereItsQuestionIsStillThere(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	x.step(says("halo"))
	clear(x.shelf.bodies)
	x.serve(questions("v2", "city"))
	x.want(x.step(says("Siti")), "v2 kota?")
}

// A pod that has just started knows an old revision from the store alone; one that served it has it at hand.
func TestEveryPodGoesOnInTheOldRevision(t *testing.T) {
	s := openSQLite(t, filepath.Join(t.TempDir(), "loket.db"))
	x := startOn(t, s, newWire(), nil)
	x.apply(questions("v1", "city"))
	x.deliver(post{ID: "m1", From: "62811", Text: "halo"}, post{ID: "m2", From: "62822", Text: "halo"})
	x.wire.said(t, "62811", 1)
	x.wire.said(t, "62822", 1)
	x.apply(questions("v2", "city"))
	if flow, ok := x.Live().of("q", bundle.From(questions("v1", "city")).Objects[1].Hash); !ok || flow == nil {
		t.Errorf("the pod that served the revision has let it go: %v", ok)
	}
	x.deliver(post{ID: "m3", From: "62811", Text: "Siti"})
	x.wire.said(t, "62811", 2)
	x.end()

	y := startOn(t, s, x.wire, nil)
	y.until("the pod serves", func() bool { return y.Live().Hash != "" })
	y.deliver(post{ID: "m4", From: "62811", Text: "Bandung"}, post{ID: "m5", From: "62822", Text: "Budi"})
	if diff := cmp.Diff([]string{"v1 nama?", "v1 kota?", "v1 selesai"}, y.wire.said(t, "62811", 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"v1 nama?", "v1 kota?"}, y.wire.said(t, "62822", 2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	y.deliver(post{ID: "m6", From: "62811", Text: "halo"})
	if got := y.wire.said(t, "62811", 4); got[3] != "v2 nama?" {
		t.Errorf("the next enquiry begins with %q", got[3])
	}
}

// A flow and those that it runs are one revision: an edit of the other one touches nobody who stands in it.
func TestAConversationStaysInTheRevisionOfTheFlowThatIsRun(t *testing.T) {
	s := openSQLite(t, filepath.Join(t.TempDir(), "loket.db"))
	calling := func(prefix string) bundle.Objects {
		called := questions(prefix, "city").Flows[0]
		called.Name = "asked"
		main := v1alpha1.DialogFlow{Spec: v1alpha1.DialogFlowSpec{Start: "go", Variables: []v1alpha1.VariableDeclaration{{Name: "town", Type: "string"}}, Nodes: []v1alpha1.Node{
			{Name: "go", Next: "tell", Run: &v1alpha1.Run{Flow: "asked", Results: []v1alpha1.Assignment{{Name: "town", Value: "x"}}}},
			{Name: "tell", End: &v1alpha1.End{Text: v1alpha1.Text{"id": "{{ town }}."}}},
		}}}
		main.Name = "main"
		return tenantWith(main, called)
	}
	x := startOn(t, s, newWire(), nil)
	x.apply(calling("v1"))
	x.deliver(post{ID: "m1", From: "62811", Text: "halo"})
	x.wire.said(t, "62811", 1)
	x.apply(calling("v2"))
	x.end()

	y := startOn(t, s, x.wire, nil)
	y.until("the pod serves", func() bool { return y.Live().Hash != "" })
	y.deliver(post{ID: "m2", From: "62811", Text: "Siti"})
	y.wire.said(t, "62811", 2)
	y.deliver(post{ID: "m3", From: "62811", Text: "Bandung"})
	y.wire.said(t, "62811", 3)
	y.deliver(post{ID: "m4", From: "62811", Text: "halo"})
	if diff := cmp.Diff([]string{"v1 nama?", "v1 kota?", "v1 selesai\n\nBandung.", "v2 nama?"}, y.wire.said(t, "62811", 4)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
