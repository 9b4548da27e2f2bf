// Command probe is the workload of the cluster's own test: a server that tells its name and keeps a note
// on its volume, and a client, since its image has no shell.
//
//	probe serve          GET / tells the name; PUT and GET /note keep a note below $NOTES
//	probe get URL        prints what is answered
//	probe dial ADDRESS   connects and leaves
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	client := http.Client{Timeout: 5 * time.Second}
	switch {
	case len(args) == 2 && args[0] == "get":
		resp, err := client.Get(args[1])
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = io.Copy(os.Stdout, resp.Body)
		return err
	case len(args) == 2 && args[0] == "dial":
		conn, err := net.DialTimeout("tcp", args[1], 5*time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return serve()
}

func serve() error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	note := filepath.Join(os.Getenv("NOTES"), "note")
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, name) })
	http.HandleFunc("GET /note", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, note) })
	http.HandleFunc("PUT /note", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.WriteFile(note, text, 0o600)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	go func() { // as process 1 it gets no default handling of signals
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
		os.Exit(0)
	}()
	fmt.Println(name, "serves")
	return http.ListenAndServe(":8080", nil)
}
