package controllers

import (
	"strings"
	"testing"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/types"
)

func TestANoteIsNoLongerThanTheAPIServerTakes(t *testing.T) {
	for _, s := range []string{"short", strings.Repeat("x", 1024), strings.Repeat("x", 1025), strings.Repeat("é", 700), "x" + strings.Repeat("é", 700), strings.Repeat("🏛", 400)} {
		got := note(s)
		if len(got) > 1024 || !utf8.ValidString(got) || len(s) <= 1024 && got != s || len(s) > 1024 && len(got) < 1020 {
			t.Errorf("%d bytes become %d", len(s), len(got))
		}
	}
}

func TestConfigMapsThatNobodyNamesAnyMoreAreForgotten(t *testing.T) {
	key := func(namespace, name string) types.NamespacedName {
		return types.NamespacedName{Namespace: namespace, Name: name}
	}
	r := &rowReader{known: map[types.NamespacedName]rows{key("ojk", "rows-1"): {}, key("ojk", "rows-2"): {}, key("bi", "rows-1"): {}}}
	r.only("ojk", map[string]map[string]string{"rows-2": nil})
	if _, old := r.known[key("ojk", "rows-1")]; old || len(r.known) != 2 {
		t.Errorf("known are %v", r.known)
	}
	r.only("ojk", nil)
	if _, other := r.known[key("bi", "rows-1")]; !other || len(r.known) != 1 {
		t.Errorf("known are %v", r.known)
	}
}
