package judge

import (
	"fmt"
	"strconv"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// Pool is an AgentPool with its hours as the clock reads them, and its skills as routing does.
type Pool struct {
	Spec v1alpha1.AgentPoolSpec
	// Skills of agents who have some, by agent.
	Skills map[string][]string
	zone   *time.Location
	open   []span
}

// span is open from and to, in minutes of the week, Sunday 00:00 first.
type span struct{ from, to int }

var days = map[v1alpha1.Day]time.Weekday{"Sun": 0, "Mon": 1, "Tue": 2, "Wed": 3, "Thu": 4, "Fri": 5, "Sat": 6}

func newPool(spec v1alpha1.AgentPoolSpec, zone *time.Location) (*Pool, []bundle.Finding) {
	p := &Pool{Spec: spec, Skills: map[string][]string{}, zone: zone}
	for _, s := range spec.Agents.Skills {
		for _, agent := range s.Agents {
			p.Skills[string(agent)] = append(p.Skills[string(agent)], string(s.Name))
		}
	}
	var findings []bundle.Finding
	for i, h := range spec.Hours {
		from, ok1 := minutes(h.From)
		to, ok2 := minutes(h.To)
		if !ok1 || !ok2 || from >= to {
			findings = append(findings, bundle.Finding{Path: fmt.Sprintf("hours[%d]", i), Reason: "Hours",
				Message: fmt.Sprintf("from %q to %q is no time of opening; write 08:00 to 16:30, and split hours over midnight in two", h.From, h.To)})
			continue
		}
		for _, d := range h.Days {
			day, ok := days[d]
			if !ok {
				findings = append(findings, bundle.Finding{Path: fmt.Sprintf("hours[%d].days", i), Reason: "Hours", Message: fmt.Sprintf("no day %q; write Mon, Tue, Wed, Thu, Fri, Sat or Sun", d)})
				continue
			}
			base := int(day) * 24 * 60
			p.open = append(p.open, span{base + from, base + to})
		}
	}
	return p, findings
}

// Open says whether people are there at a time. A pool without hours is always open.
func (p *Pool) Open(at time.Time) bool {
	if len(p.Spec.Hours) == 0 {
		return true
	}
	t := at.In(p.zone)
	minute := int(t.Weekday())*24*60 + t.Hour()*60 + t.Minute()
	for _, s := range p.open {
		if minute >= s.from && minute < s.to {
			return true
		}
	}
	return false
}

// minutes reads 08:30; 24:00 is the end of the day.
func minutes(s string) (int, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	h, err1 := strconv.Atoi(s[:2])
	m, err2 := strconv.Atoi(s[3:])
	if err1 != nil || err2 != nil || h < 0 || m < 0 || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, false
	}
	return h*60 + m, true
}
