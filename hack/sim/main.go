// Command sim plays the world around Loket: the WhatsApp Cloud API, its citizens and the agents at the desk.
//
//	sim serve     the platform, with a control API for citizens, loads and surges
//	sim citizen   one citizen in a terminal, on a running simulator
//	sim dump      what a tenant's store holds, counted, as JSON
//	sim check     judges a journal of the counting flow, and a dump beside it
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/loket-dev/loket/hack/sim/check"
	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/dump"
	"github.com/loket-dev/loket/hack/sim/journal"
	"github.com/loket-dev/loket/hack/sim/platform"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say serve, citizen, dump or check")
	}
	switch args[0] {
	case "serve":
		return serve(ctx, args[1:])
	case "citizen":
		return citizen(ctx, args[1:])
	case "dump":
		return dumpStore(ctx, args[1:])
	case "check":
		return judge(args[1:])
	}
	return fmt.Errorf("no command %q: say serve, citizen, dump or check", args[0])
}

func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	listen := flags.String("listen", ":9157", "address of the Graph API and the control API")
	data := flags.String("data", ".", "folder of the journal")
	webhook := flags.String("webhook", "", "where messages are delivered, such as http://bot.ojk.svc:8080/hooks/wa")
	secrets := flags.String("secrets", "", "folder with accessToken, appSecret and verifyToken, a file each")
	waba := flags.String("business-account", "", "id of the WhatsApp Business Account")
	number := flags.String("phone-number-id", "", "id of the number")
	var more []platform.Number
	flags.Func("more", "a further number of the account and its webhook, as ID=URL; may be given again", func(text string) error {
		id, webhook, ok := strings.Cut(text, "=")
		if !ok || id == "" || webhook == "" {
			return errors.New("say ID=URL")
		}
		more = append(more, platform.Number{PhoneNumberID: id, Webhook: webhook})
		return nil
	})
	seed := flags.Uint64("seed", 0, "seed of everything random; 0 draws one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	account := platform.Account{BusinessAccountID: *waba, PhoneNumberID: *number, DisplayNumber: "6281100000157", Webhook: *webhook, More: more}
	for name, into := range map[string]*string{"accessToken": &account.AccessToken, "appSecret": &account.AppSecret, "verifyToken": &account.VerifyToken} {
		body, err := os.ReadFile(filepath.Join(*secrets, name))
		if err != nil {
			return fmt.Errorf("reading the account's secrets: %w", err)
		}
		*into = strings.TrimSpace(string(body))
	}
	path := filepath.Join(*data, "journal.jsonl")
	j, err := journal.Open(path)
	if err != nil {
		return err
	}
	p := platform.New(platform.Options{Account: account, Journal: j, Seed: *seed})
	mux := http.NewServeMux()
	mux.Handle("/control/", control.New(ctx, p, path))
	mux.Handle("/", p)
	server := &http.Server{Addr: *listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	fmt.Println("simulator listens on", *listen, "and delivers to", *webhook)
	select {
	case err = <-ended:
	case <-ctx.Done():
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = server.Shutdown(bye)
	}
	p.Close()
	return errors.Join(err, j.Close())
}

func citizen(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("citizen", flag.ContinueOnError)
	base := flags.String("control", "http://127.0.0.1:9157", "address of the simulator")
	name := flags.String("name", "Warga", "the citizen's name")
	mode := flags.String("mode", "number", "number, bsuid or changing: how the citizen is known")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client := control.Client{Base: *base}
	who, err := client.NewCitizen(ctx, *name, platform.Mode(*mode))
	if err != nil {
		return err
	}
	go show(ctx, client, who)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		if answers, ok := strings.CutPrefix(text, fillCommand+" "); ok {
			var fields map[string]any
			if err := json.Unmarshal([]byte(answers), &fields); err != nil {
				fmt.Println("  ! what follows " + fillCommand + " is no JSON object")
				continue
			}
			if err := client.Fill(ctx, who, fields); err != nil {
				fmt.Println("  !", err)
			}
			continue
		}
		if err := client.Say(ctx, who, text); err != nil {
			return err
		}
	}
	return lines.Err()
}

// fillCommand fills in the form that came last.
const fillCommand = "/fill"

// show prints what reaches the citizen until the end.
func show(ctx context.Context, client control.Client, who control.Citizen) {
	for n := 0; ctx.Err() == nil; {
		got, err := client.Messages(ctx, who, n, 20*time.Second)
		if err != nil {
			return
		}
		for _, m := range got {
			fmt.Println("  <", strings.ReplaceAll(m.Text, "\n", "\n    "))
			for _, c := range m.Choices {
				fmt.Println("    [" + c.Title + "]")
			}
			if m.Form != nil {
				fmt.Printf("    [%s]  %s {\"field\": \"answer\"} fills it in\n", m.Form.Button, fillCommand)
			}
		}
		n += len(got)
	}
}

func dumpStore(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("say: sim dump postgresql://… or the file of an embedded tenant")
	}
	d, err := dump.Store(ctx, args[0])
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(d)
}

func judge(args []string) error {
	if len(args) != 1 && len(args) != 2 {
		return errors.New("say: sim check JOURNAL [DUMP]")
	}
	var terms check.Terms
	if len(args) == 2 {
		body, err := os.ReadFile(args[1])
		if err != nil {
			return fmt.Errorf("reading the dump: %w", err)
		}
		terms.Final = &dump.Dump{}
		if err := json.Unmarshal(body, terms.Final); err != nil {
			return fmt.Errorf("reading the dump: %s is none: %w", args[1], err)
		}
	}
	report, err := check.Judge(journal.EachOf(args[0]), terms)
	if err != nil {
		return err
	}
	fmt.Println(report)
	if !report.OK() {
		return errors.New("the promise is broken")
	}
	return nil
}
