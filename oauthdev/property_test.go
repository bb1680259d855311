package oauthdev_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"pgregory.net/rapid"

	"ccsyncd/oauthdev"
)

// step is one thing that happens to an installation.
type step struct {
	Do        string
	Processes int           // that do it at once
	Faults    []fault       // of the next token requests
	Refuse    int           // requests that the transport turns away first
	Save      int           // at which the process dies, or the store begins to fail
	Pause     time.Duration // afterwards
}

func (s step) String() string {
	return fmt.Sprintf("%s x%d faults %q refuse %d save %d, then %v", s.Do, s.Processes, s.Faults, s.Refuse, s.Save, s.Pause)
}

// scenario is the life of an installation beside a strict server.
type scenario struct {
	Grace time.Duration
	Life  int // seconds
	Steps []step
}

func drawScenario(rt *rapid.T) scenario {
	faults := rapid.SampledFrom([]fault{none, none, none, throttled, unavailable, page, badClient,
		resetBefore, resetAfter, cutAfter, emptyAfter, hangBefore, hangAfter, garbage})
	steps := rapid.Custom(func(rt *rapid.T) step {
		return step{
			Do:        rapid.SampledFrom([]string{"token", "token", "renew", "die", "fail", "login"}).Draw(rt, "do"),
			Processes: rapid.IntRange(1, 4).Draw(rt, "processes"),
			Faults:    rapid.SliceOfN(faults, 0, 4).Draw(rt, "faults"),
			Refuse:    rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(rt, "refuse"),
			Save:      rapid.IntRange(1, 4).Draw(rt, "save"),
			Pause:     rapid.SampledFrom([]time.Duration{0, time.Second, 10 * time.Second, 2 * time.Minute, 25 * time.Hour}).Draw(rt, "pause"),
		}
	})
	return scenario{
		Grace: rapid.SampledFrom([]time.Duration{0, 30 * time.Second, time.Minute}).Draw(rt, "grace"),
		Life:  rapid.SampledFrom([]int{2, 600, 86_400}).Draw(rt, "life"),
		Steps: rapid.SliceOfN(steps, 1, 12).Draw(rt, "steps"),
	}
}

// TestNoRefreshTokenIsSpentTwice replays random lives of installations: many processes on one
// store, lost answers, crashes and a failing disk, against a server that counts.
func TestNoRefreshTokenIsSpentTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		var broken []string
		synctest.Test(t, func(t *testing.T) { broken = s.play(newWorld(t)) })
		if len(broken) > 0 {
			rt.Fatalf("%s", strings.Join(broken, "\n"))
		}
	})
}

// play returns the promises that were broken.
func (s scenario) play(w *world) []string {
	w.server.grace, w.server.life = s.Grace, s.Life
	w.login()
	p := &player{world: w, clients: []*oauthdev.Client{w.client, w.newClient(), w.newClient(), w.newClient()}}
	for _, st := range s.Steps {
		p.step(st)
		time.Sleep(st.Pause)
	}
	w.store.failing(0, 0)
	w.server.next()
	w.door.refuse = nil
	p.ends()
	p.counts()
	return p.broken
}

// player carries a scenario out.
type player struct {
	*world
	clients []*oauthdev.Client
	crashed bool // a process died or the store failed
	excuse  bool // something happened that may have cost the present login
	broken  []string
	mu      sync.Mutex
}

func (p *player) fail(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = append(p.broken, fmt.Sprintf(format, args...))
}

func (p *player) step(s step) {
	p.server.next(s.Faults...)
	p.door.refuse = nil
	for i := range s.Refuse {
		p.door.refuse = append(p.door.refuse, []error{dialError, errQuota}[i%2])
	}
	for _, f := range s.Faults {
		p.excuse = p.excuse || f.loses()
	}
	switch s.Do {
	case "login":
		p.excuse = false
		p.login()
	case "die":
		p.excuse, p.crashed = true, true
		p.clients[0] = p.dyingClient(s.Save)
		p.use(s, (*oauthdev.Client).Token)
		p.clients[0] = p.newClient()
	case "fail":
		p.excuse, p.crashed = true, true
		p.store.failing(s.Save, s.Save+s.Processes)
		p.use(s, (*oauthdev.Client).Token)
		p.store.failing(0, 0)
	case "renew":
		refused, err := p.clients[0].Token(p.t.Context())
		if err == nil {
			p.use(s, func(c *oauthdev.Client, ctx context.Context) (*oauth2.Token, error) { return c.Renew(ctx, refused) })
		}
	default:
		p.use(s, (*oauthdev.Client).Token)
	}
}

// use has the processes call f at once. What it returns was stored before.
func (p *player) use(s step, f func(*oauthdev.Client, context.Context) (*oauth2.Token, error)) {
	var all sync.WaitGroup
	for _, c := range p.clients[:s.Processes] {
		all.Go(func() {
			t, err := f(c, p.t.Context())
			if err != nil {
				return
			}
			data, _ := p.store.Load(p.t.Context())
			if !strings.Contains(string(data), t.AccessToken) {
				p.fail("%s was returned, but is not stored", t.AccessToken)
			}
		})
	}
	all.Wait()
}

// ends expects that the login works, or that it is dead for a reason and a new one solves it.
func (p *player) ends() {
	for range 2 { // the first may find the server's last 429 or settle a mark
		for _, c := range p.clients {
			time.Sleep(time.Until(p.status().NextTry))
			t, err := c.Token(p.t.Context())
			if err == nil && p.crashed && !p.server.takes(t.AccessToken) {
				// Another process found the mark of one that died, and the answer to its try in
				// grace was lost.
				t, err = c.Renew(p.t.Context(), t)
			}
			if err == nil && !p.server.takes(t.AccessToken) {
				p.fail("Token returned one that the API does not take")
			}
		}
	}
	var dead *oauthdev.LoginError
	_, err := p.newClient().Token(p.t.Context())
	switch {
	case errors.As(err, &dead) && !p.excuse:
		p.fail("the login was lost without a cause: %v", err)
	case err != nil && dead == nil:
		p.fail("the login does not work: %v", err)
	case dead != nil:
		p.login()
		p.token(p.newClient())
	}
}

// counts checks what the server has seen.
func (p *player) counts() {
	s := p.server
	for token, n := range s.sent {
		used := s.used[token]
		if len(used) > s.doubts[token]+1 && !p.crashed {
			p.fail("%s came %d times, and was used %d times though only %d answers were lost", token, n, len(used), s.doubts[token])
		}
		for i := 2; i < len(used); i++ {
			if used[i].Sub(used[i-2]) < 59*time.Second {
				p.fail("%s was used three times within a minute: %v", token, used)
			}
		}
		if s.refused[token] > 1 && !p.crashed {
			p.fail("%s was sent again after the server had called it invalid", token)
		}
		if s.spent[token] == 2 && s.doubts[token] == 0 && !p.crashed {
			p.fail("%s was spent twice although its answer came", token)
		}
	}
	if s.tooEarly > 0 {
		p.fail("%d token requests came within a second of another", s.tooEarly)
	}
}
