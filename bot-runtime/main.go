// Command bot-runtime is the citizens' side of Loket: it takes what platforms deliver, leads dialogs, serves the desk, and
// sends answers. `serve` is what runs in a tenant's pods; `dev` is the same in one process on a folder of files; the others
// are an author's tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when the program is built.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks a second time does not wait for a graceful end
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		if !errors.Is(err, errTold) {
			fmt.Fprintln(os.Stderr, "bot-runtime:", err)
		}
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "bot-runtime",
		Short:         "Loket's runtime: channels, dialogs and the desk of one tenant",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(), migrateCommand(), deadCommand(), devCommand(), lintCommand(), testCommand(), chatCommand(), lookupCommand(), graphCommand(), textsCommand(), importCommand(), schemaCommand(),
		hashPasswordCommand(), versionCommand())
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	}
}
