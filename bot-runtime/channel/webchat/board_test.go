package webchat

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// quietStreams opens n streams, each of a citizen who has said something, and waits until they are quiet.
func quietStreams(t *testing.T, s *site, n int) []<-chan event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	var all []<-chan event
	for i := range n {
		one := *s
		var fresh Session
		one.call("POST", "api/session", nil, &fresh)
		one.token = fresh.Token
		if status := one.say(fmt.Sprintf("m%d", i), "halo"); status != 202 {
			t.Fatalf("answered %d", status)
		}
		events := one.follow(ctx, "", nil)
		<-events
		all = append(all, events)
	}
	s.clock.pass(busyFor + time.Minute) // long ago
	return all
}

var roomy = Rates{PostsByCitizen: Limit{Burst: 100, PerSecond: 100}, PostsByAddress: Limit{Burst: 1000, PerSecond: 1000}, SessionsByAddress: Limit{Burst: 1000, PerSecond: 1000},
	ReadsByCitizen: Limit{Burst: 100, PerSecond: 100}, ReadsByAddress: Limit{Burst: 1000, PerSecond: 1000}, StreamsByCitizen: 4, StreamsByAddress: 1000}

// An agent's reply comes through another pod, which cannot ping this one's streams.
func TestWhatAnotherPodSaysReachesAQuietStreamWithinHalfASecond(t *testing.T) {
	s := openIn(t, roomy, NewRoom(100))
	streams := quietStreams(t, s, 3)
	s.box.person(2)
	time.Sleep(lookQuiet + 200*time.Millisecond)
	var worst time.Duration
	for i := range 8 {
		time.Sleep(time.Duration(i*37) * time.Millisecond)
		text := fmt.Sprintf("halo, saya Ayu %d", i)
		began := time.Now()
		s.box.answer(2, int64(1000+i), message.AuthorAgent, message.Out{Text: text}, s.clock.now())
		select {
		case e := <-streams[1]:
			if e.data.Text != text {
				t.Fatalf("got %+v", e)
			}
			worst = max(worst, time.Since(began))
		case <-time.After(5 * time.Second):
			t.Fatal("the reply did not come")
		}
	}
	if worst > 500*time.Millisecond {
		t.Errorf("the slowest of 8 replies came after %s, want half a second", worst)
	}
	if len(streams[0]) != 0 || len(streams[2]) != 0 {
		t.Error("others were given what was not theirs")
	}
}

func TestAllQuietStreamsOfAPodAreOneQueryASecond(t *testing.T) {
	s := openIn(t, roomy, NewRoom(100))
	quietStreams(t, s, 20)
	time.Sleep(2 * lookQuiet)
	s.box.forgetReads()
	time.Sleep(4 * lookQuiet)
	looks, reads := s.box.asked()
	if looks < 2 || looks > 5 {
		t.Errorf("%d looks in four of their times, want about 4", looks)
	}
	if reads > 0 {
		t.Errorf("20 quiet streams read %d times by themselves in %s", reads, 4*lookQuiet)
	}
}

func TestNothingIsAskedWhenNoStreamIsOpen(t *testing.T) {
	s := openIn(t, roomy, NewRoom(100))
	ctx, hangUp := context.WithCancel(context.Background())
	s.say("a", "halo")
	events := s.follow(ctx, "", nil)
	<-events
	hangUp()
	for range events { // until it is gone
	}
	time.Sleep(2 * lookQuiet)
	s.box.forgetReads()
	time.Sleep(2 * lookQuiet)
	if looks, reads := s.box.asked(); looks+reads > 0 {
		t.Errorf("nobody is there, and the store was asked %d times", looks+reads)
	}
	again, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if e := <-s.follow(again, "", nil); e.data.ClientID != "a" {
		t.Errorf("the next stream got %+v", e)
	}
}

func TestAStoreThatDoesNotAnswerTheLookIsAskedLessAndTheStreamLivesOn(t *testing.T) {
	s := openIn(t, roomy, NewRoom(100))
	streams := quietStreams(t, s, 1)
	s.box.fail(true)
	time.Sleep(2 * lookQuiet)
	s.box.fail(false)
	s.box.answer(1, 1000, message.AuthorAgent, message.Out{Text: "kembali"}, s.clock.now())
	select {
	case e := <-streams[0]:
		if e.data.Text != "kembali" {
			t.Errorf("got %+v", e)
		}
	case <-time.After(longestLook + time.Second):
		t.Error("the message did not come")
	}
}

func TestStreamsComeAndGoWhileTheBoardLooks(t *testing.T) {
	s := openIn(t, roomy, NewRoom(100))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 5 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(20+10*i)*time.Millisecond)
				for range s.follow(ctx, "", nil) {
				}
				cancel()
			}
		})
	}
	all.Wait()
}
