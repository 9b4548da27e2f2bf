package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/loket-dev/loket/bot-runtime/author"
)

// errTold: the command has printed what is wrong; the exit status says so too.
var errTold = errors.New("see above")

func lintCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "lint -f FOLDER", Short: "Print what the API server or the runtime would refuse, and the mend", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			refused, err := author.Lint(cmd.OutOrStdout(), path, time.Now())
			return toldIf(refused, err)
		},
	}
	return withFile(cmd, &path)
}

func testCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "test -f FOLDER", Short: "Run the conversation tests of flows", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			passed, err := author.Test(cmd.OutOrStdout(), path, time.Now())
			return toldIf(!passed, err)
		},
	}
	return withFile(cmd, &path)
}

func chatCommand() *cobra.Command {
	var path, flow string
	cmd := &cobra.Command{
		Use: "chat -f FOLDER", Short: "Talk to a flow in the terminal", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return author.Chat(cmd.InOrStdin(), cmd.OutOrStdout(), path, flow, time.Now)
		},
	}
	cmd.Flags().StringVar(&flow, "flow", "", "name of the DialogFlow, where there are several")
	return withFile(cmd, &path)
}

func lookupCommand() *cobra.Command {
	var path, directory, corpus string
	cmd := &cobra.Command{
		Use:   "lookup -f FOLDER TEXT",
		Short: "Print what a Directory answers to a text, and why",
		Long: "Prints what a Directory answers to a text, and why. With --corpus FILE instead of -f, reads lines {\"q\": \"…\"} from\n" +
			"standard input and prints one line of JSON for each.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case corpus != "" && path == "" && len(args) == 0:
				return author.LookupLines(cmd.InOrStdin(), cmd.OutOrStdout(), corpus)
			case corpus == "" && path != "" && len(args) == 1:
				return author.Lookup(cmd.OutOrStdout(), path, directory, args[0], time.Now())
			}
			return errors.New("give -f FOLDER and a text, or --corpus FILE alone")
		},
	}
	cmd.Flags().StringVarP(&path, "file", "f", "", "folder or file of resources")
	cmd.Flags().StringVar(&directory, "directory", "", "name of the Directory, where there are several")
	cmd.Flags().StringVar(&corpus, "corpus", "", "file of entries, a line of JSON each, for measuring")
	return cmd
}

// withFile adds the flag that every author's command needs.
func withFile(cmd *cobra.Command, path *string) *cobra.Command {
	cmd.Flags().StringVarP(path, "file", "f", "", "folder or file of resources")
	if err := cmd.MarkFlagRequired("file"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func toldIf(wrong bool, err error) error {
	if err == nil && wrong {
		return errTold
	}
	return err
}
