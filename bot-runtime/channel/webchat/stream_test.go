package webchat

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

type event struct {
	id   string
	data Message
}

// follow reads a stream's events until n came.
func (s *site) follow(ctx context.Context, lastID string, opened chan<- struct{}) <-chan event {
	events := make(chan event, 100)
	go func() {
		defer close(events)
		r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/chat/web/api/events", nil)
		r.Header.Set("Authorization", "Bearer "+s.token)
		if lastID != "" {
			r.Header.Set("Last-Event-ID", lastID)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return
		}
		defer res.Body.Close()
		var e event
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
			case "":
				if value == "open" && opened != nil {
					close(opened)
				}
			case "id":
				e.id = value
			case "data":
				if json.Unmarshal([]byte(value), &e.data) == nil {
					events <- e
				}
				e = event{}
			}
		}
	}()
	return events
}

func TestAStreamBringsWhatCameMeanwhileAndWhatComes(t *testing.T) {
	s := open(t, Rates{})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	first, hangUp := context.WithCancel(ctx)
	opened := make(chan struct{})
	events := s.follow(first, "", opened)
	<-opened // before there is a conversation
	s.say("a-1", "halo")
	if e := <-events; e.data.ClientID != "a-1" {
		t.Fatalf("got %+v", e)
	}
	s.box.answer(1, 3, message.AuthorBot, message.Out{Text: "selamat datang"}, s.clock.now())
	e := <-events
	if e.data.Text != "selamat datang" {
		t.Fatalf("got %+v", e)
	}
	hangUp()
	for range events { // until it is gone
	}
	s.box.answer(1, 2, message.AuthorBot, message.Out{Text: "committed late"}, s.clock.now())
	s.box.answer(1, 4, message.AuthorAgent, message.Out{Text: "halo, saya Ayu"}, s.clock.now())
	again := s.follow(ctx, e.id, nil)
	texts := map[string]bool{}
	for !texts["halo, saya Ayu"] || !texts["committed late"] {
		e, ok := <-again
		if !ok {
			t.Fatalf("the stream ended with %v", texts)
		}
		texts[e.data.Text] = true
	}
}

func TestAStreamGivesEachMessageOnceAndCountsItsReaders(t *testing.T) {
	s := open(t, Rates{PostsByCitizen: Limit{Burst: 100, PerSecond: 100}, PostsByAddress: Limit{Burst: 100, PerSecond: 100}, SessionsByAddress: Limit{Burst: 9, PerSecond: 9}, ReadsByCitizen: Limit{Burst: 9, PerSecond: 9}, StreamsByCitizen: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	opened := make(chan struct{})
	events := s.follow(ctx, "", opened)
	<-opened
	if status := s.call("GET", "api/events", nil, nil); status != 429 {
		t.Errorf("a second stream is answered %d, want 429", status)
	}
	for i := range 5 {
		s.say(string(rune('a'+i)), "x")
	}
	s.say("end", "x")
	given := map[int64]int{}
	for e := range events {
		given[e.data.ID]++
		if e.data.ClientID == "end" {
			break
		}
	}
	for id, n := range given {
		if n != 1 {
			t.Errorf("message %d was given %d times", id, n)
		}
	}
	if len(given) != 6 {
		t.Errorf("%d messages were given, want 6", len(given))
	}
}

func TestAPictureIsALinkAndAPlaceIsWritten(t *testing.T) {
	say := func(out message.Out) Message {
		return shown(store.TranscriptMessage{Author: message.AuthorBot, Out: &out}, citizen{})
	}
	picture := say(message.Out{Text: "Signs.", Attachment: &message.Attachment{Kind: message.AttachmentImage, URL: "https://agency.example/signs.png"}})
	if picture.Text != "Signs." || picture.Link == nil || picture.Link.URL != "https://agency.example/signs.png" {
		t.Errorf("%+v", picture)
	}
	place := say(message.Out{Attachment: &message.Attachment{Kind: message.AttachmentLocation, Name: "Head office", Latitude: -6.1754, Longitude: 106.8272}})
	if place.Text != "Head office\n-6.1754, 106.8272" || place.Link != nil {
		t.Errorf("%+v", place)
	}
}
