package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// socketName is the file, in the pod's scratch folder, at which a running pod answers the `dead` command. Whoever may exec into
// the pod may use it, and nobody else: it asks for no password, and an embedded store can be opened by one process only.
const socketName = "loket.sock"

func scratchSocket() string { return filepath.Join(os.TempDir(), socketName) }

// pageMost is how many dead letters one answer holds.
const pageMost = 100

func deadCommand() *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "List, show, replay or drop what a tenant's pods gave up",
		Long: "Works on the dead letters of the tenant whose pod runs here:\n\n" +
			"  kubectl exec deploy/bot -- /bot-runtime dead list\n\n" +
			"A message that could not be handled was answered with an apology; replayed, it is handled as if it came now. One that\n" +
			"the platform would not take is sent again. What is dropped is forgotten.",
	}
	cmd.PersistentFlags().StringVar(&socket, "socket", scratchSocket(), "where the pod answers")
	call := func(cmd *cobra.Command, method, path string, into any) error {
		return callPod(cmd.Context(), socket, method, path, into)
	}
	letter := func(id string) (string, error) {
		if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 1 {
			return "", fmt.Errorf("%q is no id of a dead letter; `dead list` shows them", id)
		}
		return "/dead/" + id, nil
	}
	list := &cobra.Command{
		Use: "list", Short: "List the dead letters, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tAT\tCHANNEL\tCONVERSATION\tWHAT\tTRIES\tREASON")
			for after := int64(0); ; {
				var letters []store.DeadLetter
				if err := call(cmd, http.MethodGet, "/dead?after="+strconv.FormatInt(after, 10), &letters); err != nil {
					return err
				}
				for _, l := range letters {
					fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%d\t%s\n", l.ID, l.At.Format(time.RFC3339), l.Channel, l.Conversation, what(l.Kind), l.Attempts, l.Reason)
					after = l.ID
				}
				if len(letters) < pageMost {
					return w.Flush()
				}
			}
		},
	}
	show := &cobra.Command{
		Use: "show ID", Short: "Print a dead letter whole, with what the citizen or the agent wrote", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var l store.DeadLetter
			path, err := letter(args[0])
			if err == nil {
				err = call(cmd, http.MethodGet, path, &l)
			}
			if err != nil {
				return err
			}
			out := json.NewEncoder(cmd.OutOrStdout())
			out.SetIndent("", "  ")
			out.SetEscapeHTML(false)
			return out.Encode(struct {
				store.DeadLetter
				Body json.RawMessage `json:"body"`
			}{l, jsonOr(l.Body)})
		},
	}
	each := func(method, suffix, done string) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, ids []string) error {
			var failed []error
			for _, id := range ids {
				path, err := letter(id)
				if err == nil {
					err = call(cmd, method, path+suffix, nil)
				}
				if err != nil {
					failed = append(failed, err)
					continue
				}
				fmt.Fprintln(cmd.OutOrStdout(), id, done)
			}
			return errors.Join(failed...)
		}
	}
	cmd.AddCommand(list, show,
		&cobra.Command{Use: "replay ID…", Short: "Handle or send them again", Args: cobra.MinimumNArgs(1), RunE: each(http.MethodPost, "/replay", "is replayed")},
		&cobra.Command{Use: "drop ID…", Short: "Forget them", Args: cobra.MinimumNArgs(1), RunE: each(http.MethodDelete, "", "is dropped")})
	return cmd
}

func what(kind string) string {
	if kind == "send" {
		return "not sent"
	}
	return "not handled"
}

// jsonOr is a body as it is stored, or as text where nothing was kept.
func jsonOr(body string) json.RawMessage {
	if json.Valid([]byte(body)) {
		return json.RawMessage(body)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // a string
	}
	return text
}

func callPod(ctx context.Context, socket, method, path string, into any) error {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}}}
	r, err := http.NewRequestWithContext(ctx, method, "http://pod"+path, nil)
	if err != nil {
		return err // a path of ours: cannot be
	}
	res, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("no pod answers at %s; run this where bot-runtime serves: %w", socket, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("reading the pod's answer: %w", err)
	}
	if res.StatusCode/100 != 2 {
		return errors.New(strings.TrimSpace(string(body)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// deedTold is told what somebody did with a dead letter; pool and agent are empty where it was the command.
type deedTold func(deed desk.Deed, pool, agent string, letter int64)

// deeds says in the log who did what with dead letters, never what was written in them, and counts it: no person's name is a label.
func deeds(r prometheus.Registerer, log logr.Logger) deedTold {
	count := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "loket", Name: "dead_letter_deeds_total",
		Help: "Dead letters read, replayed and dropped, by the supervisors of a pool; without one by the command."}, []string{"deed", "pool"})
	r.MustRegister(count)
	return func(deed desk.Deed, pool, agent string, letter int64) {
		count.WithLabelValues(string(deed), pool).Inc()
		log.Info("a person acted on a dead letter", "deed", deed, "letter", letter, "pool", pool, "agent", agent)
	}
}

// deadLetters answers the command. changed is called after what a pod's loops should look at.
func deadLetters(s func() store.Store, changed func(), told deedTold) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(store.Store, *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			open := s()
			if open == nil {
				http.Error(w, "the store is not open yet; see the pod's log", http.StatusServiceUnavailable)
				return
			}
			answer, err := do(open, r)
			switch {
			case errors.Is(err, store.ErrNotFound):
				http.Error(w, r.PathValue("id")+": there is no such dead letter; `dead list` shows them", http.StatusNotFound)
			case errors.Is(err, store.ErrConflict):
				http.Error(w, r.PathValue("id")+": it cannot be replayed: its message is past retention, or was delivered after all; drop it", http.StatusConflict)
			case err != nil:
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
			case answer == nil:
				changed()
				w.WriteHeader(http.StatusNoContent)
			default:
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(answer) // whoever asked is gone
			}
		})
	}
	handle("GET /dead", func(s store.Store, r *http.Request) (any, error) {
		after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
		if err != nil {
			return nil, store.ErrNotFound
		}
		letters, err := s.DeadLetters(r.Context(), after, pageMost)
		if letters == nil {
			letters = []store.DeadLetter{}
		}
		return letters, err
	})
	each := func(deed desk.Deed, do func(store.Store, context.Context, int64) (any, error)) func(store.Store, *http.Request) (any, error) {
		return func(s store.Store, r *http.Request) (any, error) {
			id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
			if err != nil {
				return nil, store.ErrNotFound
			}
			answer, err := do(s, r.Context(), id)
			if err == nil {
				told(deed, "", "", id)
			}
			return answer, err
		}
	}
	handle("GET /dead/{id}", each(desk.DeedRead, func(s store.Store, ctx context.Context, id int64) (any, error) {
		letters, err := s.DeadLetters(ctx, id-1, 1)
		if err == nil && (len(letters) == 0 || letters[0].ID != id) {
			err = store.ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		return letters[0], nil
	}))
	handle("POST /dead/{id}/replay", each(desk.DeedReplay, func(s store.Store, ctx context.Context, id int64) (any, error) {
		return nil, s.ReplayDead(ctx, id)
	}))
	handle("DELETE /dead/{id}", each(desk.DeedDrop, func(s store.Store, ctx context.Context, id int64) (any, error) {
		return nil, s.DropDead(ctx, id)
	}))
	return mux
}

// listenLocal opens the socket anew; one that a dead process left is removed.
func listenLocal(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("socket of the dead letters: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("socket of the dead letters: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("socket of the dead letters: %w", err), l.Close())
	}
	return l, nil
}
