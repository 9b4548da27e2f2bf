package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// command is one call of a program; its output is kept for the error.
type command struct{ *exec.Cmd }

func newCommand(ctx context.Context, name string, args ...string) *command {
	return &command{exec.CommandContext(ctx, name, args...)}
}

func (c *command) stdin(s string) *command {
	c.Stdin = strings.NewReader(s)
	return c
}

func (c *command) env(kv ...string) *command {
	c.Env = append(os.Environ(), kv...)
	return c
}

// output runs the command and returns what it printed.
func (c *command) output() (string, error) {
	var out, problems bytes.Buffer
	c.Stdout, c.Stderr = &out, &problems
	if err := c.Run(); err != nil {
		return out.String(), c.failed(err, problems.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// show runs the command and lets its output through, indented under the step.
func (c *command) show() error {
	w := &indented{to: os.Stdout}
	c.Stdout, c.Stderr = w, w
	if err := c.Run(); err != nil {
		return c.failed(err, "")
	}
	return nil
}

func (c *command) failed(err error, problems string) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && problems != "" {
		err = errors.New(strings.TrimSpace(problems))
	}
	return fmt.Errorf("%s: %w", strings.Join(c.Args[:min(len(c.Args), 4)], " "), err)
}

// indented puts five blanks before each line.
type indented struct {
	to  *os.File
	mid bool
}

func (w *indented) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		if !w.mid {
			if _, err := w.to.WriteString("     "); err != nil {
				return 0, err
			}
		}
		if _, err := w.to.Write(line); err != nil {
			return 0, err
		}
		w.mid = !bytes.HasSuffix(line, []byte("\n"))
	}
	return len(p), nil
}
