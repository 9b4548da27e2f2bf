package main

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/loket-dev/loket/bot-runtime/author"
	"github.com/loket-dev/loket/config/schema"
)

// errTold: the command has printed what is wrong; the exit status says so too, without another word.
var errTold = errors.New("what is wrong was printed")

func lintCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "lint FOLDER", Short: "Print what the API server or the runtime would refuse, and the mend",
		RunE: func(cmd *cobra.Command, _ []string) error {
			refused, err := author.Lint(cmd.OutOrStdout(), path, time.Now())
			return toldIf(refused, err)
		},
	}
	return withFolder(cmd, &path)
}

func testCommand() *cobra.Command {
	var path, junit string
	cmd := &cobra.Command{
		Use: "test FOLDER", Short: "Run the conversation tests of flows",
		Long: "Runs the conversation tests of flows. It prints each failing step as a difference, - for what was expected and + for what came\n" +
			"instead, and how many nodes and ways between nodes the tests pass. The exit status is 1 when a test fails or a flow would be refused.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			passed, err := author.Test(cmd.OutOrStdout(), path, junit, time.Now())
			return toldIf(!passed, err)
		},
	}
	cmd.Flags().StringVar(&junit, "junit", "", "file that gets the results as JUnit XML, for build servers")
	return withFolder(cmd, &path)
}

func chatCommand() *cobra.Command {
	var path, flow, record string
	cmd := &cobra.Command{
		Use: "chat FOLDER", Short: "Talk to a flow in the terminal",
		Long: "Talks to a flow in the terminal; /help lists what can be done beside typing. With --record, the talk becomes a test of the flow,\n" +
			"to be pasted under its tests: what you did, and what the bot then did, which you should read and cut to what matters.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return author.Chat(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), path, flow, record, time.Now)
		},
	}
	cmd.Flags().StringVar(&flow, "flow", "", "name of the DialogFlow, where there are several")
	cmd.Flags().StringVar(&record, "record", "", "new file that gets the talk as a test of the flow")
	return withFolder(cmd, &path)
}

func lookupCommand() *cobra.Command {
	var path, directory, corpus string
	var lines bool
	cmd := &cobra.Command{
		Use:   "lookup FOLDER TEXT...",
		Short: "Print what a Directory answers to a text, and why",
		Long: "Prints what a Directory answers to a text, and why. With --jsonl, reads lines {\"q\": \"…\"} from standard input and prints one\n" +
			"line of JSON for each; with --corpus FILE, the entries come from a file with a line of JSON each, instead of a folder.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if lines || corpus != "" {
				if path == "" && len(args) == 1 {
					path, args = args[0], nil
				}
				if (path == "") == (corpus == "") || len(args) > 0 {
					return errors.New("give --corpus FILE or a folder; the texts come as lines {\"q\": \"…\"} on standard input")
				}
				return author.LookupLines(cmd.InOrStdin(), cmd.OutOrStdout(), author.Entries{Corpus: corpus, Path: path, Directory: directory}, time.Now())
			}
			if path == "" && len(args) > 0 {
				path, args = args[0], args[1:]
			}
			if path == "" || len(args) == 0 {
				return errors.New("give a folder and a text, or --jsonl")
			}
			return author.Lookup(cmd.OutOrStdout(), path, directory, strings.Join(args, " "), time.Now())
		},
	}
	cmd.Flags().StringVarP(&path, "file", "f", "", "folder or file of resources")
	cmd.Flags().StringVar(&directory, "directory", "", "name of the Directory, where there are several")
	cmd.Flags().BoolVar(&lines, "jsonl", false, "answer lines of JSON from standard input")
	cmd.Flags().StringVar(&corpus, "corpus", "", "file of entries, a line of JSON each, for measuring")
	return cmd
}

func importCommand() *cobra.Command {
	var flow string
	cmd := &cobra.Command{
		Use: "import EXPORT", Short: "Make a DialogFlow of flows that RapidPro has exported",
		Long: "Makes a DialogFlow of flows that RapidPro has exported (JSON, version 13), on standard output, and tells on standard error what\n" +
			"has no counterpart, and what lint says of the result.\n\n  bot-runtime import export.json >my-agency/dialogflow.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("give one export, as in bot-runtime import export.json")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return author.Import(cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], flow, time.Now())
		},
	}
	cmd.Flags().StringVar(&flow, "flow", "", "name of the flow that conversations begin with; the export's first when absent")
	return cmd
}

func textsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "texts", Short: "Take the texts of flows out into a table for translators and approvers, and back",
		Long: "Takes the texts of flows out into a table, CSV or XLSX, for those who translate and approve them, and writes them back into the\n" +
			"YAML, where comments and order stay. A row is a key and a language; its state is missing, draft, approved or rejected, and is\n" +
			"kept in the table alone: keep the table beside the flow.",
	}
	folderAndTable := func(cmd *cobra.Command, args []string) error {
		if len(args) != 2 {
			return errors.New("give a folder and a table, as in bot-runtime texts " + cmd.Name() + " my-agency/ texts.xlsx")
		}
		return nil
	}
	export := &cobra.Command{
		Use: "export FOLDER TABLE", Short: "Write the texts of flows into a table", Args: folderAndTable,
		Long: "Writes the texts of flows into a table, .csv or .xlsx. States of a table that is there are kept for texts that are still the same.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return author.ExportTexts(cmd.OutOrStdout(), args[0], args[1], time.Now())
		},
	}
	var approved bool
	back := &cobra.Command{
		Use: "import FOLDER TABLE", Short: "Write the texts of a table into the flows", Args: folderAndTable,
		Long: "Writes the texts of a table into the flows that they came from, all or none. Rejected texts are left out.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return author.ImportTexts(cmd.OutOrStdout(), args[0], args[1], approved, time.Now())
		},
	}
	back.Flags().BoolVar(&approved, "approved", false, "only texts whose state is approved")
	cmd.AddCommand(export, back)
	return cmd
}

func graphCommand() *cobra.Command {
	var path, flow, language string
	cmd := &cobra.Command{
		Use: "graph FOLDER", Short: "Draw a flow as SVG: nodes, ways, what tests pass, what it costs",
		Long: "Draws a flow as SVG, on standard output: its nodes and the ways between them, which of both tests pass, how many paid messages\n" +
			"each node sends, and the dearest ways through it. Any browser shows it:\n\n  bot-runtime graph my-agency/ >flow.svg",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return author.Graph(cmd.OutOrStdout(), path, flow, language, time.Now())
		},
	}
	cmd.Flags().StringVar(&flow, "flow", "", "name of the DialogFlow, where there are several")
	cmd.Flags().StringVar(&language, "language", "", "language of the texts and captions, such as id; the flow's first when absent")
	return withFolder(cmd, &path)
}

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of all kinds, for editors", Args: cobra.NoArgs,
		Long: "Prints the JSON Schema of all kinds, with the descriptions of their fields. An editor with a YAML language server checks and\n" +
			"completes a file that begins with\n\n  # yaml-language-server: $schema=loket.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			body, err := schema.JSON()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(body)
			return err
		},
	}
}

// withFolder takes the folder that every author's command needs, as its argument or, as with kubectl, by -f.
func withFolder(cmd *cobra.Command, path *string) *cobra.Command {
	cmd.Flags().StringVarP(path, "file", "f", "", "folder or file of resources")
	cmd.Args = func(_ *cobra.Command, args []string) error {
		switch {
		case *path == "" && len(args) == 1:
			*path = args[0]
		case *path == "" || len(args) > 0:
			return errors.New("give one folder, as in bot-runtime " + cmd.Name() + " my-agency/")
		}
		return nil
	}
	return cmd
}

func toldIf(wrong bool, err error) error {
	if err == nil && wrong {
		return errTold
	}
	return err
}
