package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/loket-dev/loket/bot-runtime/author"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/files"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// devAgent can sign in at every pool of `dev`, with a password that is kept beside the data.
const devAgent = "demo"

// editorsPause gathers what an editor does when it saves: it writes, renames and removes within some milliseconds.
const editorsPause = 100 * time.Millisecond

func devCommand() *cobra.Command {
	d := &dev{}
	var listen string
	cmd := &cobra.Command{
		Use:   "dev FOLDER",
		Short: "Serve a folder of resources on this machine, and follow its changes",
		Long: "Serves web chat, desk and dialogs of a folder in one process, without a cluster: SQLite in --data, Secrets from the\n" +
			"folder or, where it has none, made up. A saved change is judged and live at once; findings are printed as by lint.\n" +
			"WhatsApp channels call the simulator, which make dev brings along.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.out = cmd.OutOrStdout()
			public, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			internal, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			return d.run(cmd.Context(), public, internal)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address of web chat, desk and webhooks")
	cmd.Flags().StringVar(&d.data, "data", ".dev", "folder of the database")
	cmd.Flags().StringVar(&d.whatsapp, "whatsapp-api", "http://127.0.0.1:9157/v26.0", "base address of the WhatsApp API, on this machine")
	return withFolder(cmd, &d.folder)
}

// dev is one `dev` run.
type dev struct {
	folder, data, whatsapp string
	out                    io.Writer
	boot                   bundle.Boot
	password               string
	home                   home
}

func (d *dev) run(ctx context.Context, public, internal net.Listener) error {
	if err := d.prepare(); err != nil {
		return err
	}
	folder := files.Load(d.folder)
	objects, secrets := folder.Objects, folder.Secrets
	if err := d.lint(); err != nil {
		return err
	}
	if len(folder.Problems) > 0 {
		return errors.New("the API server would refuse these files; mend what is printed above")
	}
	if err := d.keepSecrets(objects, secrets); err != nil {
		return err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching %s: %w", d.folder, err)
	}
	defer watcher.Close()
	if err := watcher.Add(folderOf(d.folder)); err != nil {
		return fmt.Errorf("watching %s: %w", d.folder, err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := startSimulator(ctx, d, objects, secrets, "http://"+public.Addr().String()); err != nil {
		return err
	}
	following := make(chan error, 1)
	p := &pod{
		roles: engine.Roles{Bot: true, Desk: true}, name: "dev", steppers: 1, boot: func() bundle.Boot { return d.boot },
		open: func(ctx context.Context) (store.Store, error) {
			return openEmbedded(ctx, filepath.Join(d.data, databaseFile))
		},
		home: &d.home, memory: d.data, socket: filepath.Join(d.data, socketName), channelsDir: filepath.Join(d.data, "channels"), callsDir: filepath.Join(d.data, "calls"), agentsDir: filepath.Join(d.data, "agents"),
		log: logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	p.started = func(e *engine.Engine, s store.Store) {
		go func() {
			err := d.follow(ctx, watcher, e, s, objects, "http://"+public.Addr().String(), "http://"+internal.Addr().String())
			following <- err
			if err != nil {
				stop()
			}
		}()
	}
	err = p.run(ctx, public, internal)
	stop()
	select {
	case e := <-following:
		err = errors.Join(err, e)
	default: // the store was never opened
	}
	return err
}

// prepare makes the folders, the boot file's content and the password of this machine.
func (d *dev) prepare() error {
	api, err := url.Parse(d.whatsapp)
	if err != nil || api.Host == "" {
		return fmt.Errorf("--whatsapp-api: %q is no address such as http://127.0.0.1:9157/v26.0", d.whatsapp)
	}
	port := 443
	if api.Port() != "" {
		if port, err = strconv.Atoi(api.Port()); err != nil {
			return fmt.Errorf("--whatsapp-api: the port is no number")
		}
	} else if api.Scheme == "http" {
		port = 80
	}
	d.boot = bundle.Boot{TenantUID: "dev", Namespace: "dev", Tenant: "dev", WhatsAppAPI: strings.TrimSuffix(d.whatsapp, "/")}
	for _, loopback := range []string{"127.0.0.0/8", "::1/128"} {
		d.boot.Egress = append(d.boot.Egress, bundle.EgressRule{CIDR: netip.MustParsePrefix(loopback).String(), Ports: []int32{int32(port)}})
	}
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return fmt.Errorf("folder of the database: %w", err)
	}
	return d.ownPassword()
}

// ownPassword is made once and kept, so that a browser may remember it.
func (d *dev) ownPassword() error {
	path := filepath.Join(d.data, "demo-password")
	body, err := os.ReadFile(path)
	if err == nil {
		d.password = strings.TrimSpace(string(body))
		return nil
	}
	random := make([]byte, 10)
	if _, err := rand.Read(random); err != nil {
		return fmt.Errorf("drawing a password: %w", err)
	}
	d.password = strings.ToLower(base32.StdEncoding.EncodeToString(random))
	return os.WriteFile(path, []byte(d.password+"\n"), 0o600)
}

func (d *dev) lint() error {
	_, err := author.Lint(d.out, d.folder, time.Now())
	return err
}

// keepSecrets puts the folder's Secrets where a pod has them mounted, made up where the folder has none, and the demo agent
// beside each pool's own.
func (d *dev) keepSecrets(objects bundle.Objects, secrets files.Secrets) error {
	d.home.objects.Store(&objects)
	hash, err := desk.HashPassword(d.password)
	if err != nil {
		return err
	}
	for _, c := range objects.Channels {
		if c.Spec.WhatsApp != nil {
			name := string(c.Spec.WhatsApp.SecretName)
			if secrets[name] == nil {
				secrets[name] = d.madeUp()
			}
			if err := mount(filepath.Join(d.data, "channels", c.Name), secrets[name]); err != nil {
				return err
			}
		}
	}
	for _, name := range objects.CallSecrets() {
		if err := mount(filepath.Join(d.data, "calls", name), secrets[name]); err != nil {
			return err
		}
	}
	for _, p := range objects.Pools {
		agents := map[string][]byte{devAgent: []byte(hash)}
		for name, value := range secrets[string(p.Spec.Agents.SecretName)] {
			agents[name] = value
		}
		if err := mount(filepath.Join(d.data, "agents", p.Name), agents); err != nil {
			return err
		}
	}
	return nil
}

// madeUp are credentials of the simulated WhatsApp, of this machine alone: a copy of the sample needs no Secret to be tried.
func (d *dev) madeUp() map[string][]byte {
	keys := map[string][]byte{}
	for _, key := range []string{"accessToken", "appSecret", "verifyToken"} {
		keys[key] = []byte("dev-" + key + "-" + d.password)
	}
	return keys
}

// mount makes a folder hold exactly these files.
func mount(dir string, keys map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keeping a Secret's files: %w", err)
	}
	had, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("keeping a Secret's files: %w", err)
	}
	for _, f := range had {
		if _, ok := keys[f.Name()]; !ok {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return fmt.Errorf("keeping a Secret's files: %w", err)
			}
		}
	}
	for name, value := range keys {
		if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
			return fmt.Errorf("the key %q of a Secret cannot be a file", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), value, 0o600); err != nil {
			return fmt.Errorf("keeping a Secret's files: %w", err)
		}
	}
	return nil
}

// follow applies the folder, and applies it again whenever it changes, until ctx ends.
func (d *dev) follow(ctx context.Context, watcher *fsnotify.Watcher, e *engine.Engine, s store.Store, objects bundle.Objects, at, internal string) error {
	if err := d.apply(ctx, e, s, objects); err != nil {
		return err
	}
	d.greet(objects, at, internal)
	settled := time.NewTimer(time.Hour)
	settled.Stop()
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-watcher.Errors:
			return fmt.Errorf("watching %s: %w", d.folder, err)
		case event := <-watcher.Events:
			if event.Op != fsnotify.Chmod {
				settled.Reset(editorsPause)
			}
		case <-settled.C:
			if err := d.reload(ctx, e, s); err != nil {
				return err
			}
		}
	}
}

// reload applies the folder as it is now. What an API server would refuse changes nothing.
func (d *dev) reload(ctx context.Context, e *engine.Engine, s store.Store) error {
	fmt.Fprintf(d.out, "\n%s  %s changed\n", time.Now().Format(time.TimeOnly), d.folder)
	if err := d.lint(); err != nil {
		return err
	}
	folder := files.Load(d.folder)
	objects, secrets := folder.Objects, folder.Secrets
	if len(folder.Problems) > 0 {
		fmt.Fprintln(d.out, "nothing was changed: the API server would refuse these files")
		return nil
	}
	if err := d.keepSecrets(objects, secrets); err != nil {
		return err
	}
	if err := d.apply(ctx, e, s, objects); err != nil || ctx.Err() != nil {
		return err
	}
	for _, v := range e.Live().Verdicts {
		if !v.Good {
			fmt.Fprintln(d.out, "live, but for what is refused above: its last good revision serves on")
			return nil
		}
	}
	fmt.Fprintln(d.out, "live")
	return nil
}

// apply puts a bundle and waits until it is live.
func (d *dev) apply(ctx context.Context, e *engine.Engine, s store.Store, objects bundle.Objects) error {
	envelope := bundle.Wrap(bundle.From(atOnce(supervised(objects))))
	body, err := json.Marshal(envelope)
	if err != nil {
		return err
	}
	current, err := s.CurrentBundle(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := e.PutBundle(ctx, envelope, current.Hash, body); err != nil {
		return err
	}
	for since := ""; ; {
		status := e.Status(ctx, since)
		if status.Applied == envelope.Hash || ctx.Err() != nil {
			return nil
		}
		since = status.ETag
	}
}

// supervised are the objects with the demo agent as a supervisor of every pool, so that all of the desk can be tried.
func supervised(objects bundle.Objects) bundle.Objects {
	objects.Pools = slices.Clone(objects.Pools)
	for i := range objects.Pools {
		agents := &objects.Pools[i].Spec.Agents
		agents.Supervisors = append(slices.Clone(agents.Supervisors), devAgent)
	}
	return objects
}

// atOnce are the objects with a safe point wherever a conversation waits, so that an author goes on in what was saved last.
func atOnce(objects bundle.Objects) bundle.Objects {
	objects.Flows = slices.Clone(objects.Flows)
	for i := range objects.Flows {
		spec := &objects.Flows[i].Spec
		spec.Nodes = slices.Clone(spec.Nodes)
		for k := range spec.Nodes {
			if n := &spec.Nodes[k]; n.Ask != nil || n.Form != nil || n.Menu != nil || n.Handoff != nil || n.Survey != nil {
				n.SafePoint = true
			}
		}
	}
	return objects
}

// greet says where everything is.
func (d *dev) greet(objects bundle.Objects, at, internal string) {
	fmt.Fprintf(d.out, "\nstart     %s/\n", at)
	for _, c := range objects.Channels {
		switch {
		case c.Spec.WebChat != nil:
			fmt.Fprintf(d.out, "web chat  %s/chat/%s/\n", at, c.Name)
		case c.Spec.WhatsApp != nil:
			fmt.Fprintf(d.out, "whatsapp  %s/hooks/%s   calls %s\n", at, c.Name, d.boot.WhatsAppAPI)
		}
	}
	for _, p := range objects.Pools {
		fmt.Fprintf(d.out, "desk      %s/desk/%s/   sign in as %s / %s\n", at, p.Name, devAgent, d.password)
	}
	fmt.Fprintf(d.out, "metrics   %s/metrics\n", internal)
	fmt.Fprintf(d.out, "Save a file in %s and it is live. Ctrl-C ends.\n", d.folder)
}

func folderOf(path string) string {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return filepath.Dir(path)
	}
	return path
}
