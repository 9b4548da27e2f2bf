// Package pki issues the certificates and kubeconfigs of one small cluster.
//
// Two authorities, as Kubernetes has them: one for everybody who speaks to the API server or is spoken to
// by it, and one for the front proxy (aggregated APIs), which must differ, or any client certificate
// could pass as the proxy. Keys are ECDSA P-256; everything is valid for Validity and issued anew by the
// next start when less than Renew is left.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// Validity is how long certificates last.
	Validity = 5 * 365 * 24 * time.Hour
	// Renew is how much must be left of it.
	Renew = 30 * 24 * time.Hour
)

// Cluster is what the certificates name.
type Cluster struct {
	Server   netip.AddrPort // where clients reach the API server
	Service  netip.Addr     // the first address of the service range, by which pods reach it
	Node     string
	NodeAddr netip.Addr
}

type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// Ensure writes the whole set to dir unless a whole set for the same names is there and still good for a
// while. A set is written beside dir and renamed, so that it is there as a whole or not at all.
func Ensure(dir string, c Cluster, now time.Time) (issued bool, err error) {
	if good(dir, c, now) {
		return false, nil
	}
	fresh := dir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return false, err
	}
	if err := os.MkdirAll(fresh, 0o700); err != nil {
		return false, err
	}
	if err := write(fresh, c, now); err != nil {
		return false, fmt.Errorf("issue certificates: %w", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return false, err
	}
	return true, os.Rename(fresh, dir)
}

// good looks at the one certificate that carries all the names, and at the file that is written last.
func good(dir string, c Cluster, now time.Time) bool {
	text, err := os.ReadFile(filepath.Join(dir, "apiserver.crt"))
	if err != nil {
		return false
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || now.Add(Renew).After(cert.NotAfter) || now.Before(cert.NotBefore) {
		return false
	}
	_, err = os.Stat(filepath.Join(dir, "kubelet-"+c.Node+".kubeconfig"))
	return err == nil && cert.VerifyHostname(c.Server.Addr().String()) == nil && cert.VerifyHostname(c.Service.String()) == nil
}

func write(dir string, c Cluster, now time.Time) error {
	i := issuer{dir: dir, now: now}
	root := i.authority("ca")
	front := i.authority("front-proxy-ca")

	i.client("front-proxy-client", pkix.Name{CommonName: "front-proxy-client"}, front)
	i.client("apiserver-kubelet-client", pkix.Name{CommonName: "kube-apiserver-kubelet-client", Organization: []string{"system:masters"}}, root)
	i.issue("sa", &x509.Certificate{Subject: pkix.Name{CommonName: "service-accounts"}}, nil)
	i.server("apiserver", "kube-apiserver",
		[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		[]netip.Addr{c.Server.Addr(), c.Service, netip.MustParseAddr("127.0.0.1")}, root)
	i.server("kubelet-"+c.Node, "system:node:"+c.Node, []string{c.Node}, []netip.Addr{c.NodeAddr}, root)

	for name, who := range map[string]pkix.Name{
		"admin":     {CommonName: "admin", Organization: []string{"system:masters"}},
		"scheduler": {CommonName: "system:kube-scheduler"},
		"proxy":     {CommonName: "system:kube-proxy"},
	} {
		i.kubeconfig(name, c.Server, root, i.client(name, who, root))
	}
	kubelet := "kubelet-" + c.Node
	i.kubeconfig(kubelet, c.Server, root, i.client(kubelet+"-client", pkix.Name{CommonName: "system:node:" + c.Node, Organization: []string{"system:nodes"}}, root))
	return i.err
}

// issuer keeps the first error, so that the list above reads as one.
type issuer struct {
	dir string
	now time.Time
	err error
}

func (i *issuer) authority(name string) *pair {
	return i.issue(name, &x509.Certificate{
		Subject: pkix.Name{CommonName: "loket-cluster-" + name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageCRLSign,
	}, nil)
}

func (i *issuer) client(name string, who pkix.Name, by *pair) *pair {
	return i.issue(name, &x509.Certificate{
		Subject: who, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, by)
}

func (i *issuer) server(name, cn string, dns []string, addrs []netip.Addr, by *pair) *pair {
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: cn}, DNSNames: dns,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, a := range addrs {
		t.IPAddresses = append(t.IPAddresses, slices.Clone(a.AsSlice()))
	}
	return i.issue(name, t, by)
}

// issue makes a key and a certificate by the authority, or by itself when there is none.
func (i *issuer) issue(name string, t *x509.Certificate, by *pair) *pair {
	if i.err != nil {
		return nil
	}
	p, err := sign(t, by, i.now)
	if err != nil {
		i.err = fmt.Errorf("%s: %w", name, err)
		return nil
	}
	key, err := p.keyPEM()
	i.err = errors.Join(err, i.write(name+".crt", p.certPEM(), 0o644), i.write(name+".key", key, 0o600))
	return p
}

func sign(t *x509.Certificate, by *pair, now time.Time) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	// An hour back: clocks of a machine and of what it starts at boot may differ.
	t.NotBefore, t.NotAfter = now.Add(-time.Hour), now.Add(Validity)
	parent, signer := t, crypto.Signer(key)
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &pair{cert, key}, err
}

func (p *pair) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
}

func (p *pair) keyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func (i *issuer) kubeconfig(name string, server netip.AddrPort, root, p *pair) {
	if i.err != nil {
		return
	}
	key, err := p.keyPEM()
	if err != nil {
		i.err = err
		return
	}
	b64 := base64.StdEncoding.EncodeToString
	i.err = i.write(name+".kubeconfig", fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: %[1]s
clusters:
- name: loket
  cluster: {server: "https://%[2]s", certificate-authority-data: %[3]s}
users:
- name: %[1]s
  user: {client-certificate-data: %[4]s, client-key-data: %[5]s}
contexts:
- name: %[1]s
  context: {cluster: loket, user: %[1]s}
`, name, server, b64(root.certPEM()), b64(p.certPEM()), b64(key)), 0o600)
}

func (i *issuer) write(name string, content []byte, mode os.FileMode) error {
	return os.WriteFile(filepath.Join(i.dir, name), content, mode)
}
