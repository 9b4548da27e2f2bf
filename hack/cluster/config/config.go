// Package config says how every component is configured: the addresses, the files, the command lines.
// It is pure but for Write; what each odd setting is good for stands beside it.
package config

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"text/template"
)

// Names and addresses of the cluster. They are fixed: one machine has one cluster at a time, and tests
// and pages may say them.
const (
	Node        = "node1"
	Namespace   = "loket" // the network namespace that everything is in
	HostLink    = "loket0"
	NodeLink    = "eth0"
	Cgroup      = "loket-k8s"
	Provisioner = "loket.dev/local"
	// HostName is what pods may call the machine.
	HostName = "host.loket.internal"
)

var (
	HostPrefix = netip.MustParsePrefix("10.199.0.1/24") // the machine's end of the link
	NodePrefix = netip.MustParsePrefix("10.199.0.2/24") // the node: API server and NodePorts
	Services   = netip.MustParsePrefix("10.96.0.0/16")
	Pods       = netip.MustParsePrefix("10.244.0.0/16")
	NodePods   = netip.MustParsePrefix("10.244.0.0/24")
	ServiceAPI = netip.MustParseAddr("10.96.0.1")
	DNS        = netip.MustParseAddr("10.96.0.10")
	APIServer  = netip.AddrPortFrom(NodePrefix.Addr(), 6443)
)

//go:embed files
var files embed.FS

// Values are what the files and command lines need to know of the machine and the build.
type Values struct {
	State       string // the state folder
	Bin         string // the folder of programs, for PATH
	PauseImage  string
	DNSImage    string
	Snapshotter string // "overlayfs", or "native" where overlays cannot be stacked
	Runc        string
	CNIBin      string
}

// Dir holds the rendered files. Its name changes with their content, so that a component whose
// configuration changed shows it in its command line and is started again.
func (v Values) Dir() string {
	sum := sha256.New()
	_ = fs.WalkDir(files, "files", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == "base.yaml" { // base.yaml is applied, not read by a process
			return err
		}
		text, err := files.ReadFile(path)
		sum.Write(text)
		return err
	})
	v.DNSImage, v.Bin = "", ""
	_, _ = fmt.Fprintf(sum, "%+v", v)
	return filepath.Join(v.State, "conf", hex.EncodeToString(sum.Sum(nil))[:12])
}

// PKI is the folder of certificates.
func (v Values) PKI() string { return filepath.Join(v.State, "pki") }

// Containerd is the runtime's socket.
func (v Values) Containerd() string { return filepath.Join(v.State, "run", "containerd.sock") }

// data are the names that templates use.
func (v Values) data() map[string]any {
	return map[string]any{
		"State": v.State, "Dir": v.Dir(), "PKI": v.PKI(), "Containerd": v.Containerd(),
		"Node": Node, "Cgroup": Cgroup, "Pods": Pods, "NodePods": NodePods, "DNS": DNS,
		"HostAddr": HostPrefix.Addr(), "HostName": HostName, "Provisioner": Provisioner,
		"PauseImage": v.PauseImage, "DNSImage": v.DNSImage, "Snapshotter": v.Snapshotter,
		"Runc": v.Runc, "CNIBin": v.CNIBin,
	}
}

// Render fills one file in.
func (v Values) Render(name string) ([]byte, error) {
	text, err := files.ReadFile("files/" + name)
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v.data()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Write renders all files into Dir and removes the folders of earlier configurations.
func (v Values) Write() error {
	for name, to := range map[string]string{
		"containerd.toml": "containerd.toml",
		"loket.conflist":  "cni/10-loket.conflist",
		"kubelet.yaml":    "kubelet.yaml",
		"kube-proxy.yaml": "kube-proxy.yaml",
		"base.yaml":       "base.yaml",
	} {
		content, err := v.Render(name)
		if err != nil {
			return err
		}
		if err := replace(filepath.Join(v.Dir(), to), content); err != nil {
			return err
		}
	}
	// Empty: the machine's name servers are not to be asked from pods.
	if err := replace(filepath.Join(v.Dir(), "resolv.conf"), []byte("\n")); err != nil {
		return err
	}
	all, err := os.ReadDir(filepath.Dir(v.Dir()))
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Name() != filepath.Base(v.Dir()) {
			if err := os.RemoveAll(filepath.Join(filepath.Dir(v.Dir()), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace writes a file as a whole or not at all.
func replace(file string, content []byte) error {
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", content, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
