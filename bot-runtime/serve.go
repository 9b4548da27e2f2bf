package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/postgres"
	"github.com/loket-dev/loket/bot-runtime/store/sqlite"
)

// The kinds of storage.
const (
	storagePostgres = "postgres"
	storageEmbedded = "embedded"
)

// databaseFile of an embedded tenant, in bundle.DataDir.
const databaseFile = "loket.db"

func serveCommand() *cobra.Command {
	var roles, storage string
	var pools []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a tenant, as one of its pods",
		Long: "Serves the roles of one pod. Where files are mounted and which ports are opened is fixed: see the package bundle.\n" +
			"POD_NAME names the pod among the tenant's.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
			p, err := servedPod(roles, storage, pools, logger)
			if err != nil {
				return err
			}
			public, err := net.Listen("tcp", fmt.Sprintf(":%d", bundle.PortPublic))
			if err != nil {
				return err
			}
			internal, err := net.Listen("tcp", fmt.Sprintf(":%d", bundle.PortInternal))
			if err != nil {
				return err
			}
			logger.Info("serving", "version", version, "roles", p.roles.String(), "storage", storage, "pod", p.name)
			return p.run(cmd.Context(), public, internal)
		},
	}
	cmd.Flags().StringVar(&roles, "roles", "bot,desk", "what the pod does: bot, desk or both")
	cmd.Flags().StringVar(&storage, "storage", "", "where the tenant's data is: postgres or embedded")
	cmd.Flags().StringArrayVar(&pools, "pool", nil, "a pool whose desk is served here; all of them when absent")
	return cmd
}

// servedPod is the pod that flags and mounted files describe.
func servedPod(roles, storage string, pools []string, log logr.Logger) (*pod, error) {
	parsed, err := parseRoles(roles)
	if err != nil {
		return nil, err
	}
	open, err := opener(storage)
	if err != nil {
		return nil, err
	}
	boot, err := openBoot(bundle.BootFile, log)
	if err != nil {
		return nil, err
	}
	name := os.Getenv("POD_NAME")
	if name == "" {
		return nil, fmt.Errorf("POD_NAME is empty: set it to the pod's name, which is unique in the tenant")
	}
	p := &pod{roles: parsed, pools: pools, name: name, boot: boot.Now, open: open,
		channelsDir: bundle.ChannelsDir, callsDir: bundle.CallsDir, agentsDir: bundle.AgentsDir, socket: scratchSocket(), log: log}
	if storage == storageEmbedded {
		p.memory, p.steppers = bundle.DataDir, 1
	} else {
		p.memory, p.steppers = os.TempDir(), postgresSteppers
	}
	return p, nil
}

// postgresSteppers stays, with the committer, two settlements, the poll and a claim, within the connections of a pod.
const postgresSteppers = 2

func parseRoles(text string) (engine.Roles, error) {
	var r engine.Roles
	for part := range strings.SplitSeq(text, ",") {
		switch part {
		case "bot":
			r.Bot = true
		case "desk":
			r.Desk = true
		default:
			return r, fmt.Errorf("--roles: %q is no role; say bot, desk or bot,desk", part)
		}
	}
	return r, nil
}

// opener opens and migrates the tenant's store.
func opener(storage string) (func(context.Context) (store.Store, error), error) {
	switch storage {
	case storageEmbedded:
		return func(ctx context.Context) (store.Store, error) {
			return openEmbedded(ctx, filepath.Join(bundle.DataDir, databaseFile))
		}, nil
	case storagePostgres:
		return openPostgres, nil
	}
	return nil, fmt.Errorf("--storage: %q is no kind of storage; say postgres or embedded", storage)
}

func openEmbedded(ctx context.Context, path string) (store.Store, error) {
	s, err := sqlite.Open(path)
	if err != nil {
		return nil, err
	}
	return migrated(ctx, s)
}

// openPostgres reads the mounted Secret at every try: it may come later than the pod.
func openPostgres(ctx context.Context) (store.Store, error) {
	s, err := postgres.OpenDir(bundle.StoreDir)
	if err != nil {
		return nil, err
	}
	return migrated(ctx, s)
}

// migrated closes a store that cannot be brought to this version.
func migrated(ctx context.Context, s interface {
	store.Store
	Migrate(context.Context) error
}) (store.Store, error) {
	if err := s.Migrate(ctx); err != nil {
		_ = s.Close() // the migration's error is the one to tell
		return nil, err
	}
	return s, nil
}

// migrateCommand brings the database to this version and ends: the init container of pods on PostgreSQL.
func migrateCommand() *cobra.Command {
	var storage string
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the tenant's database to this version, and end", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			open, err := opener(storage)
			if err != nil {
				return err
			}
			s, err := open(cmd.Context())
			if err != nil {
				return err
			}
			return s.Close()
		},
	}
	cmd.Flags().StringVar(&storage, "storage", "", "where the tenant's data is: postgres or embedded")
	return cmd
}

// quiet is the logger of an HTTP server: its lines hold addresses of citizens' proxies at most, and are seldom of use.
func quiet(l logr.Logger) *log.Logger {
	return slog.NewLogLogger(logr.ToSlogHandler(l.WithName("http")), slog.LevelDebug)
}
