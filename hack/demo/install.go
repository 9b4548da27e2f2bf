package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

//go:embed sim.yaml
var simObjects string

// cluster runs a command of hack/cluster, letting its progress through.
func (d *demo) cluster(ctx context.Context, args ...string) error {
	return newCommand(ctx, d.binary, args...).show()
}

func (d *demo) startCluster(ctx context.Context) (string, error) {
	if err := d.cluster(ctx, "up", "--postgres"); err != nil {
		return "", err
	}
	return d.kubectl(ctx, "version").output()
}

// program is one that is put into an image.
type program struct{ image, entry, source string }

// products are what a cluster of Loket's runs; the demo has the simulator besides.
var (
	products  = []program{{"operator", "loket", "."}, {"bot-runtime", "bot-runtime", "./bot-runtime"}}
	simulator = program{"sim", "sim", "./hack/sim"}
)

// loadImages builds the three programs, puts each into an image without a container engine, and loads them into the node.
func (d *demo) loadImages(ctx context.Context) (string, error) {
	tars, err := d.buildImages(ctx, "loket.dev", append(products, simulator)...)
	if err != nil {
		return "", err
	}
	if err := d.cluster(ctx, append([]string{"load"}, tars...)...); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d images in the node, tag %s", len(tars), d.tag), nil
}

// buildImages writes an image of each program, as REGISTRY/NAME:TAG, to a tarball in the folder out. Without a tag, the tag is
// of the programs' content: a new build rolls the pods, the same build leaves them alone.
func (d *demo) buildImages(ctx context.Context, registry string, programs ...program) ([]string, error) {
	content := sha256.New()
	for _, p := range programs {
		binary := filepath.Join(d.out, "bin", p.entry)
		build := newCommand(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, p.source).env("CGO_ENABLED=0")
		if err := build.show(); err != nil {
			return nil, err
		}
		body, err := os.ReadFile(binary)
		if err != nil {
			return nil, fmt.Errorf("reading the program: %w", err)
		}
		content.Write(body)
	}
	if d.tag == "" {
		d.tag = hex.EncodeToString(content.Sum(nil))[:12]
	}
	var tars []string
	for _, p := range programs {
		tar := filepath.Join(d.out, p.image+".tar")
		if err := d.cluster(ctx, "image", "--ref", registry+"/"+p.image+":"+d.tag, "--out", tar, filepath.Join(d.out, "bin", p.entry)); err != nil {
			return nil, err
		}
		tars = append(tars, tar)
	}
	return tars, nil
}

func (d *demo) helm(ctx context.Context, args ...string) (*command, error) {
	kubeconfig, err := newCommand(ctx, d.binary, "kubeconfig").output()
	if err != nil {
		return nil, err
	}
	return newCommand(ctx, filepath.Join(d.tools, "helm"), args...).env("KUBECONFIG=" + kubeconfig), nil
}

func (d *demo) installChart(ctx context.Context) (string, error) {
	helm, err := d.helm(ctx, "upgrade", "--install", "loket", "charts/loket", "--namespace", "loket-system", "--create-namespace",
		"--values", "hack/demo/values.yaml", "--set-string", "operator.image.tag="+d.tag, "--set-string", "runtime.image.tag="+d.tag,
		"--wait", "--timeout", "180s")
	if err != nil {
		return "", err
	}
	if err := helm.show(); err != nil {
		return "", err
	}
	return "helm release loket in loket-system", nil
}

// applySample gives the tenant its database as a platform would, applies the sample, and waits until every object is ready.
func (d *demo) applySample(ctx context.Context) (string, error) {
	if err := d.kubectl(ctx, "apply", "-f", "config/samples/kontak157/namespace.yaml").show(); err != nil {
		return "", err
	}
	if err := d.databaseSecret(ctx); err != nil {
		return "", err
	}
	if err := d.kubectl(ctx, "apply", "-f", "-").stdin(strings.ReplaceAll(simObjects, "loket.dev/sim:demo", "loket.dev/sim:"+d.tag)).show(); err != nil {
		return "", err
	}
	if err := d.kubectl(ctx, "apply", "-k", "config/samples/kontak157-demo").show(); err != nil {
		return "", err
	}
	if err := d.kubectl(ctx, "-n", "sim", "rollout", "status", "deployment/sim", "--timeout=120s").show(); err != nil {
		return "", err
	}
	began := time.Now()
	for _, kind := range []string{"bottenant", "channel", "dialogflow", "directory", "knowledge", "agentpool"} {
		if err := d.kubectl(ctx, "-n", tenant, "wait", "--for=condition=Ready", "--timeout=180s", "--all", kind).show(); err != nil {
			return "", errors.Join(err, d.why(ctx))
		}
	}
	ready := time.Since(began)
	fmt.Println()
	if err := d.kubectl(ctx, "-n", tenant, "get", "loket").show(); err != nil {
		return "", err
	}
	if err := d.kubectl(ctx, "-n", tenant, "get", "deployments,pods").show(); err != nil {
		return "", err
	}
	return fmt.Sprintf("every object is Ready after %s", ready.Round(100*time.Millisecond)), nil
}

// databaseSecret makes a database of the tenant's own and hands its address over, as CloudNativePG would.
func (d *demo) databaseSecret(ctx context.Context) error {
	uri, err := newCommand(ctx, d.binary, "postgres", "createdb", "--instance=cluster", tenant).output()
	if err != nil {
		return err
	}
	lines := strings.Split(uri, "\n")
	secret := fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: ojk-db-app, namespace: %s}, stringData: {uri: %q}}",
		tenant, strings.TrimSpace(lines[len(lines)-1]))
	return d.kubectl(ctx, "apply", "--server-side", "-f", "-").stdin(secret).show()
}

// why shows what a person would look at when something does not become ready.
func (d *demo) why(ctx context.Context) error {
	_ = d.kubectl(ctx, "-n", tenant, "get", "loket,pods", "-o", "wide").show()
	_ = d.kubectl(ctx, "-n", tenant, "get", "events", "--sort-by=.lastTimestamp").show()
	_ = d.kubectl(ctx, "-n", tenant, "logs", "-l", "app.kubernetes.io/name=loket", "--tail=20", "--prefix").show()
	_ = d.kubectl(ctx, "-n", "loket-system", "logs", "deployment/loket-operator", "--tail=30").show()
	return nil
}

func (d *demo) deskURL(ctx context.Context) (string, error) {
	return d.kubectl(ctx, "-n", tenant, "get", "agentpool", pool, "-o", "jsonpath={.status.url}").output()
}

func (d *demo) farewell(ctx context.Context) error {
	chat, err := d.kubectl(ctx, "-n", tenant, "get", "channel", "web", "-o", "jsonpath={.status.url}").output()
	if err != nil {
		return err
	}
	console, err := d.deskURL(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\nopen  web chat  %s\n      console   %s  (%s / %s)\n      surge     %s\n", chat, console, agentName, agentPassword,
		rel(d.root, filepath.Join(d.out, "surge.svg")))
	fmt.Printf("stop  make demo-down            all of it took %s\n", time.Since(d.started).Round(time.Second))
	return nil
}

func rel(root, path string) string {
	if r, err := filepath.Rel(root, path); err == nil {
		return r
	}
	return path
}
