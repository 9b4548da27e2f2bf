//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/platform"
)

// answer lets a new citizen write, and returns what came back.
func answer(t *testing.T, text string) string {
	t.Helper()
	who, err := sim.NewCitizen(t.Context(), "", platform.WithoutNumber)
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Say(t.Context(), who, text); err != nil {
		t.Fatal(err)
	}
	got, err := sim.Messages(t.Context(), who, 0, 20*time.Second)
	if err != nil || len(got) == 0 {
		t.Fatalf("%q was not answered: %v", text, err)
	}
	return got[0].Text
}

// flow is the sample's, as a document to edit: what the API server added is left out.
func flow(t *testing.T) string {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(kubectl(t, "-n", tenant, "get", "dialogflow", "kontak157", "-o", "json")), &doc); err != nil {
		t.Fatal(err)
	}
	doc["metadata"] = map[string]string{"name": "kontak157", "namespace": tenant}
	delete(doc, "status")
	body, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// restore puts the sample's flow back at the end.
func restore(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if out, err := tryKubectl(context.Background(), "", "apply", "-k", "../../config/samples/kontak157-demo"); err != nil {
			t.Log(out, err)
		}
	})
}

func TestAnEditOfAFlowIsLiveOnEveryPodWithinTenSecondsWithoutARestart(t *testing.T) {
	restore(t)
	before := pods(t, tenant, "app.kubernetes.io/component=bot")
	mark := fmt.Sprintf("Kontak %d", time.Now().UnixNano())
	edited := strings.ReplaceAll(flow(t), "Kontak 157", mark)
	began := time.Now()
	apply(t, edited)
	eventually(t, 10*time.Second, func() string {
		out := kubectl(t, "-n", tenant, "get", "bottenant", tenant, "-o", "jsonpath={.status.applied}")
		generation := kubectl(t, "-n", tenant, "get", "dialogflow", "kontak157", "-o", "jsonpath={.metadata.generation} {.status.liveGeneration}")
		all := strings.Fields(generation)
		if len(all) != 2 || all[0] != all[1] {
			return "generation and live generation are " + generation
		}
		if n, m, ok := strings.Cut(out, "/"); !ok || n != m {
			return "applied on " + out
		}
		return ""
	})
	t.Logf("live on every pod after %s", time.Since(began).Round(time.Millisecond))
	if got := answer(t, "menu"); !strings.Contains(got, mark) {
		t.Fatalf("the edit does not speak: %q", got)
	}
	if after := pods(t, tenant, "app.kubernetes.io/component=bot"); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Fatalf("pods were replaced: %v → %v", before, after)
	}
}

func TestABrokenFlowIsRefusedWithTheMendAndTheLastGoodOneServes(t *testing.T) {
	restore(t)
	var doc map[string]any
	if err := json.Unmarshal([]byte(flow(t)), &doc); err != nil {
		t.Fatal(err)
	}
	nodes := doc["spec"].(map[string]any)["nodes"].([]any)
	for _, n := range nodes {
		if menu, ok := n.(map[string]any)["menu"].(map[string]any); ok {
			menu["options"].([]any)[0].(map[string]any)["next"] = "komplain"
			break
		}
	}
	broken, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, string(broken))
	// an edit of another object in the same breath goes live beside it
	kubectl(t, "-n", tenant, "annotate", "--overwrite", "knowledge", "--all", "example.org/touched=yes")
	eventually(t, 20*time.Second, func() string {
		status, reason, message := condition(t, tenant, "dialogflow", "kontak157", "Valid")
		if status != "False" || reason != "Findings" || !strings.Contains(message, `"komplain"`) {
			return fmt.Sprintf("Valid is %s %s: %s", status, reason, message)
		}
		return ""
	})
	status, reason, message := condition(t, tenant, "dialogflow", "kontak157", "Ready")
	if status != "True" || reason != "Serving" {
		t.Fatalf("Ready is %s %s: %s", status, reason, message)
	}
	t.Log(message)
	if got := answer(t, "apakah Dana Mekar Jaya itu resmi kak?"); !strings.Contains(got, "berizin") {
		t.Fatalf("the last good revision does not serve: %q", got)
	}
	waitReady(t, tenant, "knowledge", strings.TrimPrefix(kubectl(t, "-n", tenant, "get", "knowledge", "-o", "name"), "knowledge.loket.dev/"))
}

func TestWithoutAnOperatorBotsGoOnAnswering(t *testing.T) {
	kubectl(t, "-n", "loket-system", "scale", "deployment/loket-operator", "--replicas=0")
	t.Cleanup(func() {
		_, _ = tryKubectl(context.Background(), "", "-n", "loket-system", "scale", "deployment/loket-operator", "--replicas=2")
	})
	eventually(t, time.Minute, func() string {
		if left := pods(t, "loket-system", "app.kubernetes.io/component=operator"); len(left) > 0 {
			return fmt.Sprint("still there: ", left)
		}
		return ""
	})
	if got := answer(t, "apakah Dana Mekar Jaya itu resmi kak?"); !strings.Contains(got, "berizin") {
		t.Fatalf("answered %q", got)
	}
}
