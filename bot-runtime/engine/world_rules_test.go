package engine

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// rules hold the promises against what happens. Most judge by what the platform saw and what the database holds at the end; a
// few look at the acts, where nobody outside could see it.
type rules struct {
	*world

	mu       sync.Mutex
	found    []string
	messages map[string]*spoken // by external id
	takings  map[string][]taking
	claims   map[string]map[int]time.Time // id → attempt → when, by the database's clock
	over     map[string]bool              // ids that the platform will never take
	settleds map[string]time.Time         // ids whose acceptance is settled, and since when
	echoes   map[string]time.Time         // ids of which a status was acknowledged first, and when
	replies  map[string]int64             // ids of agents' replies that were taken → conversation
	maybe    map[string]bool              // ids of replies of which nobody knows
	timers   map[string]time.Time         // conversation, name and generation → due
	fired    map[string]int64             // the same → inbox row
	tries    map[string][]time.Time       // external ids of poison → claims
	troubles [][2]time.Time
	budget   []spending
	epoch    int
	since    time.Time // of the epoch, by the database's clock
	writes   int
	doubled  int
}

// spoken is one message of a citizen.
type spoken struct {
	post
	channel      string
	began, acked time.Time // of its first delivery, and when the platform had its 200
	conversation int64
	row          int64
	desk         int
	first        time.Time // when its answer was taken
	text         string
}

type taking struct {
	at      time.Time // by the database's clock
	real    time.Time
	attempt int
	citizen string
	text    string
}

type spending struct {
	channel string
	at      time.Time
	epoch   int
	n       int
}

func newRules(w *world) *rules {
	return &rules{world: w, messages: map[string]*spoken{}, takings: map[string][]taking{}, claims: map[string]map[int]time.Time{},
		over: map[string]bool{}, settleds: map[string]time.Time{}, echoes: map[string]time.Time{}, replies: map[string]int64{},
		maybe: map[string]bool{}, timers: map[string]time.Time{}, fired: map[string]int64{}, tries: map[string][]time.Time{}}
}

// broken notes a promise that was not kept.
func (r *rules) broken(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(format, args...)
}

func (r *rules) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.say("BROKEN: %s", text)
	r.found = append(r.found, text)
}

func (r *rules) written(c *citizen, p post) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages[p.ID] = &spoken{post: p, channel: c.channel}
}

func (r *rules) acked(p post, began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.messages[p.ID]
	if m.acked.IsZero() {
		m.began, m.acked = began, time.Now()
	}
}

func timerKey(conversation int64, name string, generation int64) string {
	return fmt.Sprintf("%d/%s/%d", conversation, name, generation)
}

// claimed looks at a lane that is about to be stepped.
func (r *rules) claimed(lane store.Lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range lane.Inbox {
		if row.Kind != store.ItemTimer {
			continue
		}
		key := timerKey(lane.Conversation.ID, row.Name, row.Generation)
		due, known := r.timers[key]
		// Each step of the clock back makes earlier what was late already.
		if !known || lane.Now.Before(due) && r.epoch == 0 {
			r.note("timer %s came at %v, and was due at %v", key, lane.Now, due)
		}
		if was, again := r.fired[key]; again && was != row.ID {
			r.note("timer %s came as row %d and as row %d", key, was, row.ID)
		}
		r.fired[key] = row.ID
	}
	if first := lane.Inbox[0]; len(first.Body.Text) > 6 && first.Body.Text[:6] == "poison" {
		r.tries[first.ExternalID] = append(r.tries[first.ExternalID], time.Now())
	}
}

// stepped looks at what a step wants.
func (r *rules) stepped(lane store.Lane, out store.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range out.Timers {
		if !t.DueAt.IsZero() {
			r.timers[timerKey(lane.Conversation.ID, t.Name, t.Generation)] = t.DueAt
		}
	}
	if lane.Conversation.Owner != store.OwnerBot && len(out.Send) > 0 {
		r.note("the bot speaks in conversation %d, which is with the %s", lane.Conversation.ID, lane.Conversation.Owner)
	}
}

func (r *rules) claimedSends(sends []store.Send) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range sends {
		at := s.Lease.Add(-DefaultTiming.Lease)
		if r.claims[s.ID] == nil {
			r.claims[s.ID] = map[int]time.Time{}
		}
		r.claims[s.ID][s.Attempt] = at
		if !at.Before(r.since) && !at.After(r.clock()) { // else the clock has stepped meanwhile
			r.budget = append(r.budget, spending{s.Channel, at, r.epoch, 1})
		}
	}
}

// settled is told how a settlement went.
func (r *rules) settled(s store.Settlement, done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if done && s.Outcome == store.SendAccepted && r.settleds[s.ID].IsZero() {
		r.settleds[s.ID] = r.clock()
	}
}

func (r *rules) echoed(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.echoes[id].IsZero() {
		r.echoes[id] = r.clock()
	}
}

// called is a call that the platform did not take.
func (r *rules) called(l *line, s store.Send, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if what == string(store.SendFailed) {
		r.over[s.ID] = true
	}
	r.say("%s sends %s.%d: %s", l.title(), s.ID, s.Attempt, what)
}

// took is a call that the platform took; it says whether the citizen sees it.
func (r *rules) took(l *line, s store.Send, heard bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := taking{at: r.clock(), real: time.Now(), attempt: s.Attempt, citizen: s.Identities[0].Value, text: s.Body.Text}
	before := r.takings[s.ID]
	r.say("%s sends %s.%d to %s: %q, heard %v", l.title(), s.ID, s.Attempt, t.citizen, t.text, heard)
	if l.channel == "chat" && len(before) > 0 {
		return false
	}
	if len(before) > 0 {
		last := before[len(before)-1]
		claimed := r.claims[s.ID][s.Attempt]
		if at, ok := r.settleds[s.ID]; ok && at.Before(claimed) {
			r.note("%s was sent again after it was settled", s.ID)
		}
		if at, ok := r.echoes[s.ID]; ok && at.Before(claimed) {
			r.note("%s was sent again after its echo was acknowledged", s.ID)
		}
		// The pod may have been stopped for 45 s between its look at the lease and the last byte, and the clock may have
		// stepped by 30 s.
		if wait := claimed.Sub(last.at); wait < DefaultTiming.UnknownWait-60*time.Second {
			r.note("%s was taken, and claimed again %v later", s.ID, wait)
		}
	}
	r.takings[s.ID] = append(before, t)
	return true
}

func (r *rules) replied(id string, conversation int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replies[id] = conversation
}

func (r *rules) perhaps(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.maybe[id] = true
}

func (r *rules) counted(doubled int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doubled += doubled
}

// trouble notes that for so long until now nothing could be expected.
func (r *rules) trouble(long time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.troubles = append(r.troubles, [2]time.Time{time.Now().Add(-long), time.Now().Add(20 * time.Second)})
}

func (r *rules) troubled(from, to time.Time) bool {
	return slices.ContainsFunc(r.troubles, func(t [2]time.Time) bool { return t[0].Before(to) && t[1].After(from) })
}

func (r *rules) clockStepped(by time.Duration) {
	r.trouble(max(by, -by))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch++
	r.since = r.clock()
}

// asked judges how often a pod asked a database that was down: each loop backs off to 5 s.
func (r *rules) asked(i *incarnation, asked map[string]int, long time.Duration) {
	most := 10 + int(long/pollLatest)
	for _, act := range []string{"Turn", "FireTimers", "ClaimSends", "ApplyStatuses", "ResolveUnknown", "Poll", "Route", "CurrentBundle"} {
		bound := most
		if act == "Turn" || act == "ClaimSends" {
			bound = 2 * most // two steppers, two channels
		}
		if asked[act] > bound {
			r.broken("%s asked %d times for %s of a database that was down for %v, at most %d times is a back-off", i.title(), asked[act], act, long, bound)
		}
	}
}

// auditEvery so many writes the whole database is looked at.
const auditEvery = 25

// wrote looks at the database between two acts: nobody else is at work.
func (r *rules) wrote() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writes++; r.writes%auditEvery == 0 {
		r.audit()
	}
}

func (r *rules) writeCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writes
}

func (r *rules) epochs() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epoch
}

func (r *rules) audit() {
	for text, query := range map[string]string{
		"an agent holds more than there are slots": `SELECT count(*) FROM agent_slot GROUP BY pool, agent HAVING count(*) > ` + strconv.Itoa(r.plan.slots),
		"a conversation has two owners, or none": `SELECT c.id FROM conversation c LEFT JOIN agent_slot s ON s.conversation = c.id
			LEFT JOIN queue q ON q.conversation = c.id WHERE CASE c.owner WHEN 'bot' THEN s.conversation IS NOT NULL OR q.conversation IS NOT NULL
			WHEN 'queue' THEN q.conversation IS NULL OR s.conversation IS NOT NULL
			ELSE s.conversation IS NULL OR q.conversation IS NOT NULL OR s.agent <> c.agent END`,
		"a lane with work is not there":    `SELECT i.conversation FROM inbox i LEFT JOIN runnable r ON r.conversation = i.conversation WHERE r.conversation IS NULL`,
		"an outbox with work is not there": `SELECT o.conversation FROM outbox o LEFT JOIN out_lane l ON l.conversation = o.conversation WHERE l.conversation IS NULL`,
	} {
		r.each(query, func(scan func(...any) error) error {
			var n int64
			err := scan(&n)
			r.note("%s: %d", text, n)
			return err
		})
	}
}

// each reads rows of the real store.
func (r *rules) each(query string, row func(scan func(...any) error) error) {
	err := r.base.Read(context.Background(), func(tx acts.Tx) error {
		rows, err := tx.Query(query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		r.note("%s: %v", query, err)
	}
}

// judge is the last look, when nothing is left to do.
func (r *rules) judge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.audit()
	for _, table := range []string{"inbox", "runnable", "outbox", "out_lane", "queue", "agent_slot", "timer"} {
		r.each("SELECT count(*) FROM "+table, func(scan func(...any) error) error {
			var n int64
			err := scan(&n)
			if n > 0 {
				r.note("%d rows are left in %s", n, table)
			}
			return err
		})
	}
	r.each(`SELECT m.id, m.conversation, m.ext_id, (SELECT count(*) FROM desk_event e WHERE e.message_id = m.id AND e.kind = 'message')
		FROM message m WHERE m.dir = 'in' ORDER BY m.id`, func(scan func(...any) error) error {
		var row, conversation int64
		var id string
		var desk int
		if err := scan(&row, &conversation, &id, &desk); err != nil {
			return err
		}
		m := r.messages[id]
		if m == nil || m.row != 0 {
			r.note("message %s is there, and was never written, or is there twice", id)
			return nil
		}
		m.row, m.conversation, m.desk = row, conversation, desk
		return nil
	})
	r.answers()
	r.replieds()
	r.spent()
	r.poison()
}

// answers judges what each message came to.
func (r *rules) answers() {
	conversations := map[int64][]*spoken{}
	for _, id := range names(r.messages) {
		m := r.messages[id]
		switch {
		case m.acked.IsZero():
			r.note("message %s was never acknowledged", id)
			continue
		case m.row == 0:
			r.note("message %s was acknowledged and is not there", id)
			continue
		}
		ref := outgoingID(store.Conversation{ID: m.conversation, Channel: m.channel}, "in/"+id, 0)
		taken := r.takings[ref]
		if len(taken) > 0 {
			m.first, m.text = taken[0].real, taken[0].text
			if taken[0].citizen != m.From {
				r.note("the answer to %s went to %s", id, taken[0].citizen)
			}
		}
		if m.desk+min(1, len(taken)) != 1 && !(m.desk == 0 && r.over[ref]) {
			r.note("message %s was shown to the desk %d times and answered by the bot %d times", id, m.desk, len(taken))
		}
		conversations[m.conversation] = append(conversations[m.conversation], m)
	}
	for _, c := range names(conversations) {
		r.order(conversations[c])
	}
}

var countedText = regexp.MustCompile(`^(\S+):(\d+)$`)

// order judges the answers of one conversation: no answer before that of a message that was acknowledged before this one was
// received, and no state lost or applied twice on the way.
func (r *rules) order(all []*spoken) {
	for _, a := range all {
		for _, b := range all {
			if !a.first.IsZero() && !b.first.IsZero() && a.acked.Before(b.began) && !a.first.Before(b.first) {
				r.note("%s was acknowledged before %s came, and answered after it", a.ID, b.ID)
			}
		}
	}
	slices.SortFunc(all, func(a, b *spoken) int { return cmp.Compare(a.row, b.row) })
	counts, handed := []int{0}, false // what the answer before may have told: more than one where it was never taken
	for _, m := range all {
		if m.desk > 0 || m.text == "Mohon tunggu." {
			handed = true
		}
		said := countedText.FindStringSubmatch(m.text)
		if said == nil {
			if r.over[outgoingID(store.Conversation{ID: m.conversation, Channel: m.channel}, "in/"+m.ID, 0)] && m.desk == 0 && !strings.HasPrefix(m.Text, "poison") {
				for i := range counts { // what it would have said is not known
					counts[i]++
				}
				if handed { // it may have begun anew
					counts = append(counts, 1)
				}
				handed = handed || m.Text == "petugas"
			}
			continue
		}
		n, _ := strconv.Atoi(said[2])
		if said[1] != m.Text || !slices.Contains(counts, n-1) && !(n == 1 && handed) {
			r.note("%s, %q, was answered %q after %d", m.ID, m.Text, m.text, counts)
		}
		counts, handed = []int{n}, false
	}
}

// replieds judges the agents' replies.
func (r *rules) replieds() {
	for _, id := range names(r.replies) {
		if len(r.takings[id]) == 0 && !r.over[id] {
			r.note("reply %s was never sent", id)
		}
	}
	r.each(`SELECT out_id FROM message WHERE author = 'agent'`, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		if _, known := r.replies[id]; !known && !r.maybe[id] {
			r.note("reply %s is there, and nobody made it", id)
		}
		return err
	})
	copies := 0
	for _, t := range r.takings {
		copies += len(t) - 1
	}
	if r.doubled > copies {
		r.note("%d doubled messages were counted, and the platform took %d twice", r.doubled, copies)
	}
}

// spent judges the numbers' budgets: a second's worth may be saved up, no more.
func (r *rules) spent() {
	slices.SortStableFunc(r.budget, func(a, b spending) int { return cmp.Or(cmp.Compare(a.epoch, b.epoch), a.at.Compare(b.at)) })
	type bucket struct {
		tokens float64
		at     time.Time
		epoch  int
	}
	rate := float64(r.plan.rate)
	buckets := map[string]*bucket{}
	for _, s := range r.budget {
		b := buckets[s.channel]
		if b == nil || b.epoch != s.epoch {
			b = &bucket{tokens: rate, at: s.at, epoch: s.epoch}
			buckets[s.channel] = b
		}
		b.tokens = min(rate, b.tokens+s.at.Sub(b.at).Seconds()*rate) - float64(s.n)
		b.at = s.at
		if b.tokens < -1e-3 {
			r.note("channel %s sends more than %d a second, at %v", s.channel, r.plan.rate, s.at)
			return
		}
	}
}

// poison judges that three tries together take less than ten seconds, where nothing else was wrong.
func (r *rules) poison() {
	for _, id := range names(r.tries) {
		tries := r.tries[id]
		first, last := tries[0], tries[len(tries)-1]
		if last.Sub(first) > 10*time.Second && !r.troubled(first, last) {
			r.note("message %s, which cannot be handled, was tried %d times in %v", id, len(tries), last.Sub(first))
		}
	}
}
