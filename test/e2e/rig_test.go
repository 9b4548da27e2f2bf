//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/control"
)

// Where the demo's cluster is, and what is installed there (hack/demo).
const (
	nodeAddress = "10.199.0.2"
	tenant      = "ojk"
	pool        = "contact-centre"
)

var sim = control.Client{Base: "http://" + nodeAddress + ":30157"}

// clusterCommand is the program that knows the cluster; make test-e2e builds it.
func clusterCommand() string { return filepath.Join(os.Getenv("LOKET_TOOLS"), "cluster") }

// withoutCluster is the one test that needs none.
const withoutCluster = "^TestTheScenariosOfAClusterAreThoseOfTheCatalogue$"

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.run").Value.String() == withoutCluster {
		os.Exit(m.Run())
	}
	if out, err := exec.Command(clusterCommand(), "status").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "no cluster to test on; run make test-e2e\n%s%v\n", out, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// kubectl runs it and returns its output; an error ends the test.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryKubectl(t.Context(), "", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryKubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, clusterCommand(), append([]string{"kubectl"}, args...)...)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, problems.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// apply applies YAML.
func apply(t *testing.T, yaml string) {
	t.Helper()
	if _, err := tryKubectl(t.Context(), yaml, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

// database makes a database and returns its address, as the platform team would.
func database(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), clusterCommand(), "postgres", "createdb", name).Output()
	if err != nil {
		t.Fatalf("making database %s: %v", name, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// eventually waits until check returns "", and tells what it said last when it never does.
func eventually(t *testing.T, within time.Duration, check func() string) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		said := check()
		if said == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, said)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// condition returns status, reason and message of a condition.
func condition(t *testing.T, namespace, kind, name, condition string) (status, reason, message string) {
	t.Helper()
	out := kubectl(t, "-n", namespace, "get", kind, name, "-o", "json")
	var object struct {
		Status struct {
			Conditions []struct{ Type, Status, Reason, Message string }
		}
	}
	if err := json.Unmarshal([]byte(out), &object); err != nil {
		t.Fatal(err)
	}
	for _, c := range object.Status.Conditions {
		if c.Type == condition {
			return c.Status, c.Reason, c.Message
		}
	}
	return "", "", ""
}

// waitReady waits until an object is Ready.
func waitReady(t *testing.T, namespace, kind, name string) {
	t.Helper()
	eventually(t, 2*time.Minute, func() string {
		status, reason, message := condition(t, namespace, kind, name, "Ready")
		if status == "True" {
			return ""
		}
		return fmt.Sprintf("%s/%s is not ready: %s %s", kind, name, reason, message)
	})
}

// botURL is the tenant's public address on the node.
func botURL(t *testing.T, namespace string) string {
	t.Helper()
	return "http://" + nodeAddress + ":" + kubectl(t, "-n", namespace, "get", "service", "bot", "-o", "jsonpath={.spec.ports[0].nodePort}")
}

// pods returns the names of running pods by a label selector.
func pods(t *testing.T, namespace, selector string) []string {
	t.Helper()
	out := kubectl(t, "-n", namespace, "get", "pods", "-l", selector, "--field-selector=status.phase=Running",
		"-o", `jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}`)
	return strings.Fields(out)
}

// deleteObject removes what a test made; in a cleanup, when the test's own context is over.
func deleteObject(t *testing.T, namespace, kind, name string) {
	t.Helper()
	if _, err := tryKubectl(context.Background(), "", "-n", namespace, "delete", kind, name, "--ignore-not-found"); err != nil {
		t.Log(err)
	}
}
