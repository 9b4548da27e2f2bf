//go:build simulator

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/files"
	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/journal"
	"github.com/loket-dev/loket/hack/sim/platform"
)

// startSimulator plays the WhatsApp platform of the folder's first WhatsApp channel, in this process, until ctx ends. It is only
// in programs built with the tag simulator (make dev), never in an image.
func startSimulator(ctx context.Context, d *dev, objects bundle.Objects, secrets files.Secrets, at string) error {
	for _, c := range objects.Channels {
		w := c.Spec.WhatsApp
		if w == nil {
			continue
		}
		api, err := url.Parse(d.whatsapp)
		if err != nil {
			return fmt.Errorf("--whatsapp-api: %w", err)
		}
		secret := secrets[string(w.SecretName)]
		path := filepath.Join(d.data, "journal.jsonl")
		j, err := journal.Open(path)
		if err != nil {
			return err
		}
		p := platform.New(platform.Options{Journal: j, Account: platform.Account{
			BusinessAccountID: w.BusinessAccountID, PhoneNumberID: w.PhoneNumberID, DisplayNumber: "6281100000157",
			AppSecret: string(secret["appSecret"]), VerifyToken: string(secret["verifyToken"]), AccessToken: string(secret["accessToken"]),
			Version: strings.TrimPrefix(api.Path, "/"), Webhook: at + "/hooks/" + c.Name}})
		mux := http.NewServeMux()
		mux.Handle("/control/", control.New(ctx, p, path))
		mux.Handle("/", p)
		listener, err := net.Listen("tcp", api.Host)
		if err != nil {
			p.Close()
			return errors.Join(fmt.Errorf("the simulated platform: %w; say another --whatsapp-api", err), j.Close())
		}
		server := &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout}
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				fmt.Fprintln(os.Stderr, "the simulated platform:", err)
			}
		}()
		go func() {
			<-ctx.Done()
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = server.Shutdown(bye) // a call that is cut now is one more unknown outcome
			p.Close()
			_ = j.Close()
		}()
		fmt.Fprintf(d.out, "citizen   go run ./hack/sim citizen --control http://%s   writes to channel %s on WhatsApp\n", api.Host, c.Name)
		return nil
	}
	return nil
}
