// Package control is the simulator's remote control, HTTP with JSON: make citizens, let them write and read, run loads and
// surges. It is for tests and demos on a network of their own, and has no sign-in.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/loket-dev/loket/hack/sim/check"
	"github.com/loket-dev/loket/hack/sim/journal"
	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/platform"
	"github.com/loket-dev/loket/hack/sim/surge"
)

// Server answers the control API for one platform.
type Server struct {
	platform    *platform.Platform
	journalPath string
	mux         *http.ServeMux

	mu      sync.Mutex
	surge   *surge.Surge
	load    *load.Load
	running context.Context
}

// New makes the server; loads and surges end with ctx.
func New(ctx context.Context, p *platform.Platform, journalPath string) *Server {
	s := &Server{platform: p, journalPath: journalPath, mux: http.NewServeMux(), running: ctx}
	s.mux.HandleFunc("POST /control/handshake", s.handshake)
	s.mux.HandleFunc("POST /control/faults", s.faults)
	s.mux.HandleFunc("POST /control/citizens", s.newCitizen)
	s.mux.HandleFunc("POST /control/citizens/{n}/say", s.say)
	s.mux.HandleFunc("POST /control/citizens/{n}/tap", s.tap)
	s.mux.HandleFunc("POST /control/citizens/{n}/fill", s.fill)
	s.mux.HandleFunc("GET /control/citizens/{n}/messages", s.messages)
	s.mux.HandleFunc("POST /control/load", s.startLoad)
	s.mux.HandleFunc("GET /control/load", s.loadState)
	s.mux.HandleFunc("POST /control/surge", s.startSurge)
	s.mux.HandleFunc("GET /control/surge", s.surgeState)
	s.mux.HandleFunc("POST /control/check", s.check)
	s.mux.HandleFunc("POST /control/mark", s.mark)
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) handshake(w http.ResponseWriter, r *http.Request) {
	if err := s.platform.Handshake(r.Context()); err != nil {
		fail(w, http.StatusBadGateway, err)
		return
	}
	reply(w, map[string]bool{"ok": true})
}

func (s *Server) faults(w http.ResponseWriter, r *http.Request) {
	var f platform.Faults
	if !decode(w, r, &f) {
		return
	}
	s.platform.SetFaults(f)
	reply(w, f)
}

// Citizen is a citizen as the control API names one: N is the place in the order of making.
type Citizen struct {
	N    int           `json:"n"`
	Name string        `json:"name"`
	Mode platform.Mode `json:"mode"`
}

func (s *Server) newCitizen(w http.ResponseWriter, r *http.Request) {
	var in Citizen
	if !decode(w, r, &in) {
		return
	}
	switch in.Mode {
	case "":
		in.Mode = platform.WithNumber
	case platform.WithNumber, platform.WithoutNumber, platform.Changing:
	default:
		fail(w, http.StatusBadRequest, errors.New("mode must be number, bsuid or changing"))
		return
	}
	c := s.platform.NewCitizen(in.Name, in.Mode)
	reply(w, Citizen{N: c.N, Name: c.Name, Mode: c.Mode})
}

// Say is what a citizen writes or taps.
type Say struct {
	Text string `json:"text"`
}

func (s *Server) say(w http.ResponseWriter, r *http.Request) {
	s.speak(w, r, (*platform.Citizen).Say)
}

func (s *Server) tap(w http.ResponseWriter, r *http.Request) {
	s.speak(w, r, (*platform.Citizen).Tap)
}

// Fill is what a citizen puts into the form that came last.
type Fill struct {
	Fields map[string]any `json:"fields"`
}

func (s *Server) fill(w http.ResponseWriter, r *http.Request) {
	c := s.citizen(w, r)
	var in Fill
	if c == nil || !decode(w, r, &in) {
		return
	}
	if err := c.Fill(r.Context(), in.Fields); err != nil {
		fail(w, http.StatusBadGateway, err)
		return
	}
	reply(w, map[string]bool{"acknowledged": true})
}

func (s *Server) speak(w http.ResponseWriter, r *http.Request, how func(*platform.Citizen, context.Context, string) error) {
	c := s.citizen(w, r)
	var in Say
	if c == nil || !decode(w, r, &in) {
		return
	}
	if err := how(c, r.Context(), in.Text); err != nil {
		fail(w, http.StatusBadGateway, err)
		return
	}
	reply(w, map[string]bool{"acknowledged": true})
}

// messages are what reached the phone after the first `after`, waiting up to `wait` for one.
func (s *Server) messages(w http.ResponseWriter, r *http.Request) {
	c := s.citizen(w, r)
	if c == nil {
		return
	}
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	got, err := c.Messages(ctx, after)
	if err != nil {
		got = []platform.Received{}
	}
	reply(w, got)
}

func (s *Server) citizen(w http.ResponseWriter, r *http.Request) *platform.Citizen {
	n, err := strconv.Atoi(r.PathValue("n"))
	all := s.platform.Citizens()
	if err != nil || n < 0 || n >= len(all) {
		fail(w, http.StatusNotFound, errors.New("no such citizen"))
		return nil
	}
	return all[n]
}

func (s *Server) startLoad(w http.ResponseWriter, r *http.Request) {
	var plan load.Plan
	if !decode(w, r, &plan) {
		return
	}
	s.mu.Lock()
	s.load = load.Start(s.running, s.platform, plan)
	s.mu.Unlock()
	reply(w, plan)
}

// LoadState says how far a load is, whether it is over, and what went wrong.
type LoadState struct {
	Done         bool   `json:"done"`
	Acknowledged int    `json:"acknowledged"`
	Answered     int    `json:"answered"`
	Problem      string `json:"problem,omitempty"`
}

func (s *Server) loadState(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	run := s.load
	s.mu.Unlock()
	if run == nil {
		fail(w, http.StatusNotFound, errors.New("no load was started"))
		return
	}
	wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
	var state LoadState
	select {
	case <-run.Done():
		state.Done = true
		if err := run.Err(); err != nil {
			state.Problem = err.Error()
		}
	case <-time.After(wait):
	case <-r.Context().Done():
		return
	}
	state.Acknowledged, state.Answered = run.Progress()
	reply(w, state)
}

func (s *Server) startSurge(w http.ResponseWriter, r *http.Request) {
	var plan surge.Plan
	if !decode(w, r, &plan) {
		return
	}
	s.mu.Lock()
	s.surge = surge.Start(s.running, s.platform, plan)
	s.mu.Unlock()
	reply(w, plan)
}

func (s *Server) surgeState(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	run := s.surge
	s.mu.Unlock()
	if run == nil {
		fail(w, http.StatusNotFound, errors.New("no surge was started"))
		return
	}
	reply(w, run.Progress())
}

// Mark is a note in the journal.
type Mark struct {
	Note string `json:"note"`
}

func (s *Server) mark(w http.ResponseWriter, r *http.Request) {
	var in Mark
	if !decode(w, r, &in) {
		return
	}
	s.platform.Mark(in.Note)
	reply(w, in)
}

// check reads the journal as it is on disk and judges it as a run of the counting flow, with what else is known of it.
func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	var terms check.Terms
	if !decode(w, r, &terms) {
		return
	}
	report, err := check.Judge(journal.EachOf(s.journalPath), terms)
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	reply(w, report)
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(into); err != nil {
		fail(w, http.StatusBadRequest, err)
		return false
	}
	return true
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a caller that has gone needs no answer
}

func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
