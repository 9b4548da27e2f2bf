package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/surge"
)

// look is one row of the surge's table.
type look struct {
	At               time.Duration
	Waiting, Active  int
	Agents           int
	Workers, Serving int // desk pods wanted, and ready
	Done             int
}

const (
	surgeCitizens = 400
	surgeAgents   = 40
)

// surge lets hundreds of citizens ask for a person, and watches backlog, agents and workers until the desk is small again.
func (d *demo) surge(ctx context.Context) (string, error) {
	client := d.sim()
	plan := surge.Plan{Citizens: surgeCitizens, Over: 10 * time.Second, Ask: "petugas", Rate: "5",
		DeskURL: "http://desk-" + pool + "." + tenant + ".svc:8080/desk/" + pool + "/", Agents: surgeAgents, Password: agentPassword,
		Handling: 4 * time.Second}
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	began := time.Now()
	if err := client.StartSurge(ctx, plan); err != nil {
		return "", err
	}
	fmt.Println("     time   waiting  active  agents  workers  done")
	looks, progress, err := d.watch(ctx, client, began)
	if err != nil {
		return "", err
	}
	svg := filepath.Join(d.out, "surge.svg")
	if err := os.WriteFile(svg, []byte(draw(looks)), 0o644); err != nil {
		return "", fmt.Errorf("drawing the surge: %w", err)
	}
	if progress.Rated != plan.Citizens || len(progress.Problems) > 0 {
		return "", fmt.Errorf("%d of %d citizens were served to the end; first problems: %s",
			progress.Rated, plan.Citizens, strings.Join(progress.Problems[:min(3, len(progress.Problems))], "; "))
	}
	if progress.SlotsMost > 4 {
		return "", fmt.Errorf("an agent held %d conversations, four are allowed", progress.SlotsMost)
	}
	least, most, grown, full := looks[0].Workers, 0, time.Duration(-1), time.Duration(-1)
	for _, l := range looks {
		if l.Workers > most {
			most = l.Workers
			full = -1
		}
		if grown < 0 && l.Workers > least {
			grown = l.At
		}
		if full < 0 && l.Serving == most {
			full = l.At
		}
	}
	if most <= least {
		return "", fmt.Errorf("the desk stayed at %d workers", least)
	}
	return fmt.Sprintf("%d citizens · workers %d → %d, first wanted after %s, all ready after %s · longest wait %s · back to %d · %d lost   %s",
		plan.Citizens, least, most, grown.Round(100*time.Millisecond), full.Round(100*time.Millisecond),
		progress.LongestWait.Round(100*time.Millisecond), looks[len(looks)-1].Workers, progress.Asked-progress.Rated, rel(d.root, svg)), nil
}

// watch looks twice a second until all are served and the desk is back to its least.
func (d *demo) watch(ctx context.Context, client control.Client, began time.Time) ([]look, surge.Progress, error) {
	var looks []look
	printed := -time.Hour
	for {
		progress, err := client.Surge(ctx)
		if err != nil {
			return nil, progress, err
		}
		l, err := d.look(ctx, began, progress)
		if err != nil {
			return nil, progress, err
		}
		looks = append(looks, l)
		over := progress.Done && l.Workers <= looks[0].Workers && l.Serving <= looks[0].Workers
		if changed(looks) || over || l.At-printed >= 5*time.Second {
			printed = l.At
			fmt.Printf("     %5.1f s %6d %7d %7d %5d/%d %6d\n", l.At.Seconds(), l.Waiting, l.Active, l.Agents, l.Serving, l.Workers, l.Done)
		}
		if over {
			return looks, progress, nil
		}
		select {
		case <-ctx.Done():
			return looks, progress, fmt.Errorf("after %s %d of %d citizens are served and %d workers remain", time.Since(began).Round(time.Second),
				progress.Rated, progress.Citizens, l.Workers)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func changed(looks []look) bool {
	n := len(looks)
	return n < 2 || looks[n-1].Workers != looks[n-2].Workers || looks[n-1].Serving != looks[n-2].Serving
}

// look reads the Deployment from Kubernetes, and who waits and who is being served from the citizens' and agents' side: a
// citizen waits until an agent holds the conversation.
func (d *demo) look(ctx context.Context, began time.Time, p surge.Progress) (look, error) {
	out, err := d.kubectl(ctx, "-n", tenant, "get", "deployment", "desk-"+pool, "-o", "json").output()
	if err != nil {
		return look{}, err
	}
	var deployment struct {
		Spec   struct{ Replicas int }
		Status struct{ ReadyReplicas int }
	}
	if err := json.Unmarshal([]byte(out), &deployment); err != nil {
		return look{}, fmt.Errorf("reading the desk's Deployment: %w", err)
	}
	l := look{At: time.Since(began), Waiting: max(0, p.Asked-p.Closed-p.Held), Active: p.Held, Agents: p.Online,
		Workers: deployment.Spec.Replicas, Serving: deployment.Status.ReadyReplicas, Done: p.Rated}
	return l, nil
}

// draw makes a picture of the surge: conversations above, workers below, over time.
func draw(looks []look) string {
	const width, height, left, top = 760, 360, 60, 50
	last := looks[len(looks)-1].At.Seconds()
	most, workers := 1, 1
	for _, l := range looks {
		most = max(most, l.Waiting, l.Active)
		workers = max(workers, l.Workers)
	}
	x := func(l look) float64 { return left + l.At.Seconds()/last*(width-left-60) }
	line := func(of func(look) int, most int, step bool) string {
		var b strings.Builder
		before := 0.0
		for i, l := range looks {
			y := top + (height-top-40)*(1-float64(of(l))/float64(most))
			switch {
			case i == 0:
				fmt.Fprintf(&b, "M%.1f %.1f", x(l), y)
			case step:
				fmt.Fprintf(&b, "L%.1f %.1fL%.1f %.1f", x(l), before, x(l), y)
			default:
				fmt.Fprintf(&b, "L%.1f %.1f", x(l), y)
			}
			before = y
		}
		return b.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/><text x="%d" y="22" font-size="15" font-weight="bold">A surge at the counter</text>`+"\n", left)
	for i := range 5 {
		y := top + (height-top-40)*i/4
		fmt.Fprintf(&b, `<path d="M%d %dH%d" stroke="#ddd"/><text x="%d" y="%d" text-anchor="end" fill="#555">%d</text>`, left, y, width-60, left-6, y+4, most*(4-i)/4)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#00695c">%.3g</text>`+"\n", width-54, y+4, float64(workers)*float64(4-i)/4)
	}
	for i := range 7 {
		at := last * float64(i) / 6
		fmt.Fprintf(&b, `<text x="%.0f" y="%d" text-anchor="middle" fill="#555">%.0f s</text>`+"\n", left+at/last*(width-left-60), height-18, at)
	}
	for i, s := range []struct {
		name, colour string
		path         string
	}{
		{"waiting", "#c62828", line(func(l look) int { return l.Waiting }, most, false)},
		{"with an agent", "#1565c0", line(func(l look) int { return l.Active }, most, false)},
		{"workers (right)", "#00695c", line(func(l look) int { return l.Workers }, workers, true)},
	} {
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%d" y="40" fill="%s">— %s</text>`+"\n",
			s.path, s.colour, left+i*130, s.colour, s.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
