package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	cluster = Cluster{
		Server: netip.MustParseAddrPort("10.199.0.2:6443"), Service: netip.MustParseAddr("10.96.0.1"),
		Node: "node1", NodeAddr: netip.MustParseAddr("10.199.0.2"),
	}
	now = time.Now()
)

func issue(t *testing.T, dir string, c Cluster, at time.Time) bool {
	t.Helper()
	issued, err := Ensure(dir, c, at)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

func load(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestEveryCertificateIsGoodForItsUseAndNoOther(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	issue(t, dir, cluster, now)
	pool := func(name string) *x509.CertPool {
		p := x509.NewCertPool()
		p.AddCert(load(t, dir, name))
		return p
	}
	root, front := pool("ca"), pool("front-proxy-ca")
	client, server := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, tc := range []struct {
		cert  string
		roots *x509.CertPool
		use   []x509.ExtKeyUsage
		name  string
		good  bool
	}{
		{"apiserver", root, server, "10.199.0.2", true},
		{"apiserver", root, server, "kubernetes.default.svc.cluster.local", true},
		{"apiserver", root, server, "10.96.0.1", true},
		{"apiserver", root, server, "example.org", false},
		{"apiserver", root, client, "", false},
		{"kubelet-node1", root, server, "10.199.0.2", true},
		{"admin", root, client, "", true},
		{"admin", root, server, "", false},
		{"admin", front, client, "", false}, // or anybody could claim to be the front proxy
		{"front-proxy-client", front, client, "", true},
		{"front-proxy-client", root, client, "", false},
	} {
		_, err := load(t, dir, tc.cert).Verify(x509.VerifyOptions{Roots: tc.roots, KeyUsages: tc.use, DNSName: tc.name})
		if (err == nil) != tc.good {
			t.Errorf("%s for %v %q: %v", tc.cert, tc.use, tc.name, err)
		}
	}
	if who := load(t, dir, "kubelet-node1-client").Subject; who.CommonName != "system:node:node1" || who.Organization[0] != "system:nodes" {
		t.Errorf("the node authorizer would not know %v", who)
	}
	if _, err := tls.LoadX509KeyPair(dir+"/admin.crt", dir+"/admin.key"); err != nil {
		t.Error(err)
	}
}

func TestKeysAreForTheirOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	issue(t, dir, cluster, now)
	files, _ := filepath.Glob(dir + "/*")
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, ".crt") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", f, info.Mode())
		}
	}
}

func TestCertificatesAreIssuedAgainOnlyWhenTheyMustBe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	other := cluster
	other.Server = netip.MustParseAddrPort("10.199.0.3:6443")
	for _, step := range []struct {
		name   string
		before func()
		c      Cluster
		at     time.Time
		issued bool
	}{
		{"the first time", nil, cluster, now, true},
		{"the second", nil, cluster, now, false},
		{"half-way through their time", nil, cluster, now.Add(Validity / 2), false},
		{"shortly before the end", nil, cluster, now.Add(Validity - Renew + time.Hour), true},
		{"for another address", nil, other, now.Add(Validity), true},
		{"with a file missing", func() { _ = os.Remove(dir + "/kubelet-node1.kubeconfig") }, other, now.Add(Validity), true},
		{"after a run that was cut", func() { _ = os.Rename(dir, dir+".new") }, other, now.Add(Validity), true},
	} {
		if step.before != nil {
			step.before()
		}
		if got := issue(t, dir, step.c, step.at); got != step.issued {
			t.Errorf("%s: issued %v", step.name, got)
		}
	}
}
