package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/loket-dev/loket/bot-runtime/desk"
)

// hashPasswordCommand makes the value of an agent's key in the Secret of a pool.
func hashPasswordCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash-password < password",
		Short: "Hash an agent's password for the Secret of an AgentPool",
		Long: "Reads one line from standard input and prints its argon2id hash. Put it into the Secret that the AgentPool names,\n" +
			"under the agent's name.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 4096)).ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("reading the password: %w", err)
			}
			hash, err := desk.HashPassword(strings.TrimRight(line, "\r\n"))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), hash)
			return err
		},
	}
}
