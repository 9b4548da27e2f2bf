package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/loket-dev/loket/hack/cluster/config"
	"github.com/loket-dev/loket/hack/cluster/paths"
)

// api asks the API server the two or three things that starting and status need, as the administrator.
// client-go would make this command, which is compiled at every `go run`, four times its size.
type api struct{ client *http.Client }

func newAPI(layout paths.Layout) (*api, error) {
	own, err := tls.LoadX509KeyPair(layout.In("pki", "admin.crt"), layout.In("pki", "admin.key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(layout.In("pki", "ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, errors.New("pki/ca.crt holds no certificate")
	}
	return &api{&http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: pool, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, // the server may be another one at the next question
		},
	}}, nil
}

func (a *api) get(ctx context.Context, path string) ([]byte, error) {
	return get(ctx, a.client, "https://"+config.APIServer.String()+path)
}

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body[:min(len(body), 400)])))
	}
	return body, err
}

func (a *api) ready(ctx context.Context) error {
	_, err := a.get(ctx, "/readyz")
	return err
}

// nodeReady wants the node's own word, said since its kubelet started: what stands in etcd from an
// earlier run reads the same and means nothing.
func (a *api) nodeReady(ctx context.Context, since time.Time) error {
	body, err := a.get(ctx, "/api/v1/nodes/"+config.Node)
	if err != nil {
		return err
	}
	return nodeReady(body, since)
}

func nodeReady(body []byte, since time.Time) error {
	var node struct {
		Status struct {
			Conditions []struct {
				Type, Status, Reason, Message string
				LastHeartbeatTime             time.Time
			}
		}
	}
	if err := json.Unmarshal(body, &node); err != nil {
		return err
	}
	for _, c := range node.Status.Conditions {
		switch {
		case c.Type != "Ready":
		case c.Status != "True":
			return fmt.Errorf("%s: %s", c.Reason, c.Message)
		case c.LastHeartbeatTime.Before(since.Truncate(time.Second)): // heartbeats are whole seconds
			return errors.New("the node has not reported since its kubelet started")
		default:
			return nil
		}
	}
	return errors.New("the node has no condition yet")
}

// resolves asks the cluster's DNS through its Service, which proves proxy, pod network and CoreDNS.
func resolves(ctx context.Context) error {
	// An answer takes one millisecond; a question that was sent too early gets none and is asked again.
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	resolver := &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(config.DNS.String(), "53"))
		},
	}
	addrs, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
	var failed *net.DNSError
	if errors.As(err, &failed) {
		failed.Server = config.DNS.String() // it would name the machine's own, which was not asked
	}
	if err != nil {
		return err
	}
	if len(addrs) != 1 || addrs[0] != config.ServiceAPI.String() {
		return fmt.Errorf("kubernetes.default is %v and should be %s", addrs, config.ServiceAPI)
	}
	return nil
}
