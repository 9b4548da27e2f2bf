package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/loket-dev/loket/hack/cluster/config"
	"github.com/loket-dev/loket/hack/cluster/needs"
	"github.com/loket-dev/loket/hack/cluster/postgres"
)

// server describes an instance. The cluster's may be reached by its pods.
func (a *app) server(name string) (*postgres.Instance, error) {
	i, err := postgres.New(a.layout, name, a.progress)
	if err == nil && name == postgres.Cluster {
		i.Allow = append(i.Allow, config.HostPrefix, config.Pods)
	}
	return i, err
}

// chosen is the instance that a command is about: the named one, else the cluster's while that runs, else
// the local one.
func (a *app) chosen(name string) (*postgres.Instance, error) {
	if name != "" {
		return a.server(name)
	}
	i, err := a.server(postgres.Cluster)
	if err != nil {
		return nil, err
	}
	if _, ok := i.Running(); ok {
		return i, nil
	}
	return a.server(postgres.Local)
}

func postgresCommand(ctx context.Context, a *app, args []string) error {
	var instance, listen string
	var port int
	rest, err := a.parse("postgres", args, func(f *flag.FlagSet) {
		f.StringVar(&instance, "instance", "", "which server: cluster, local or a name of your own")
		f.StringVar(&listen, "listen", "127.0.0.1", "up: address to listen on")
		f.IntVar(&port, "port", 0, "up: port; 0 for the one it had, or any")
	})
	if err != nil {
		return err
	}
	if err := needs.Postgres(needs.Here()); err != nil {
		return err
	}
	const what = "postgres up, down, createdb NAME, dropdb NAME, uri or status"
	if len(rest) == 0 {
		return errors.New("say " + what)
	}
	verb, names := rest[0], rest[1:]
	switch {
	case verb == "up" && len(names) == 0:
		if instance == "" {
			instance = postgres.Local
		}
		i, err := a.server(instance)
		if err != nil {
			return err
		}
		if err := i.Up(ctx, listen, port, false); err != nil {
			return err
		}
		return a.print(i.AdminURI())
	case verb == "down" && len(names) == 0:
		if instance == "" {
			instance = postgres.Local
		}
		i, err := a.server(instance)
		if err != nil {
			return err
		}
		return i.Down()
	}
	i, err := a.chosen(instance)
	if err != nil {
		return err
	}
	switch {
	case verb == "createdb" && len(names) == 1:
		return a.print(i.CreateDatabase(ctx, names[0]))
	case verb == "dropdb" && len(names) == 1:
		return i.DropDatabase(ctx, names[0])
	case verb == "uri" && len(names) == 0:
		return a.print(i.AdminURI())
	case verb == "status" && len(names) == 0:
		if err := i.Ping(ctx); err != nil {
			return err
		}
		running, _ := i.Running()
		_, err := fmt.Fprintf(a.out, "PostgreSQL %s: ok, pid %d, log %s\n", i.Name, running.PID, i.LogFile())
		return err
	}
	return fmt.Errorf("%q is not among %s", rest, what)
}

func (a *app) print(line string, err error) error {
	if err == nil {
		_, err = fmt.Fprintln(a.out, line)
	}
	return err
}
