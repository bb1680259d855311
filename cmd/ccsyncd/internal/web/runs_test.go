package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPostRunStartsARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Token = token
	w.answer = RunAnswer{Run: 17}
	s := w.serve()
	got := s.ask("POST", "/run", "", "Authorization", "Bearer "+token)
	if got.status != 202 || got.body != `{"run":17}`+"\n" {
		t.Errorf("%d %s, want 202 and the number", got.status, got.body)
	}
	if diff := cmp.Diff(w.asked, []RunRequest{{}}); diff != "" {
		t.Error(diff)
	}
	w.refusal = ErrBusy
	if got := s.ask("POST", "/run", "", "Authorization", "Bearer "+token); got.status != 409 {
		t.Errorf("while a run is under way: %d, want 409", got.status)
	}
	w.refusal = errors.New("disk full: /secret/path")
	if got := s.ask("POST", "/run", "", "Authorization", "Bearer "+token); got.status != 500 || strings.Contains(got.body, "secret") {
		t.Errorf("an error: %d %s", got.status, got.body)
	}
}

func TestPostRunNeedsTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve()
	for _, header := range []string{"", "Bearer x", "Bearer " + token} {
		if got := s.ask("POST", "/run", "", "Authorization", header); got.status != 403 {
			t.Errorf("none is configured: %d, want 403", got.status)
		}
	}
	v := newWorld(t)
	v.options.Token = token
	s = v.serve()
	for _, header := range []string{"", "Bearer ", "Bearer x", "Bearer " + token + "x", basic("", "x")} {
		if got := s.ask("POST", "/run", "", "Authorization", header); got.status != 401 {
			t.Errorf("%q: %d, want 401", header, got.status)
		}
	}
	if got := s.ask("GET", "/run", "", "Authorization", "Bearer "+token); got.status != 405 {
		t.Errorf("GET: %d, want 405", got.status)
	}
	if len(w.asked)+len(v.asked) > 0 {
		t.Errorf("runs were asked for: %v %v", w.asked, v.asked)
	}
}

func TestABackendAsksForUsersByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Token = token
	w.answer = RunAnswer{Run: 18, Users: []RunUser{{Email: "ann@example.com", State: "verified"}, {Email: "bob@", State: "skipped", Reason: "invalid_email"}, {Key: "4711", State: "pending", Reason: "refused"}}}
	s := w.serve()
	got := s.ask("POST", "/run", `{"keys": ["4711"], "emails": ["ann@example.com", "bob@"], "wait": "90s"}`, "Authorization", "Bearer "+token, "Content-Type", "application/json")
	want := `{"run":18,"users":[{"email":"ann@example.com","state":"verified"},{"email":"bob@","state":"skipped","reason":"invalid_email"},{"key":"4711","state":"pending","reason":"refused"}]}` + "\n"
	if got.status != 200 || got.body != want {
		t.Errorf("%d %s, want 200 %s", got.status, got.body, want)
	}
	if diff := cmp.Diff(w.asked, []RunRequest{{Emails: []string{"ann@example.com", "bob@"}, Keys: []string{"4711"}, Wait: 90 * time.Second}}); diff != "" {
		t.Error(diff)
	}
}

func TestWhatPostRunDoesNotUnderstandStartsNoRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Token = token
	s := w.serve()
	tests := map[string]struct {
		body string
		want int
	}{
		"a misspelt member":      {`{"email": ["ann@example.com"]}`, 400},
		"nobody":                 {`{"emails": []}`, 400},
		"no list":                {`{"emails": "ann@example.com"}`, 400},
		"no JSON":                {`emails=ann@example.com`, 400},
		"two objects":            {`{} {}`, 400},
		"a wait for nobody":      {`{"wait": "1s"}`, 400},
		"a wait that is none":    {`{"emails": ["a@example.com"], "wait": "soon"}`, 400},
		"a wait back in time":    {`{"emails": ["a@example.com"], "wait": "-1s"}`, 400},
		"a wait of a day":        {`{"emails": ["a@example.com"], "wait": "24h"}`, 400},
		"emails that are null":   {`{"emails": null}`, 400},
		"keys that are null":     {`{"emails": ["a@example.com"], "keys": null}`, 400},
		"a wait that is null":    {`{"emails": ["a@example.com"], "wait": null}`, 400},
		"an email that is null":  {`{"emails": [null]}`, 400},
		"a key that is empty":    {`{"keys": [""]}`, 400},
		"a key that is a number": {`{"keys": [4711]}`, 400},
		"a bracket too many":     {`{"emails": ["a"]}]`, 400},
		"a list for an object":   {`[]`, 400},
		"null":                   {`null`, 400},
		"too many":               {`{"emails": ["` + strings.Repeat(`a","`, mostUsers) + `a"]}`, 400},
		"too many together":      {`{"keys": ["1"], "emails": ["` + strings.Repeat(`a","`, mostUsers-1) + `a"]}`, 400},
		"too large a body":       {`{"emails": ["` + strings.Repeat("a", maxBody) + `"]}`, 413},
	}
	for name, tt := range tests {
		got := s.ask("POST", "/run", tt.body, "Authorization", "Bearer "+token)
		if got.status != tt.want || !strings.HasPrefix(got.body, `{"error":"`) {
			t.Errorf("%s: %d %s, want %d and an error", name, got.status, got.body, tt.want)
		}
	}
	if len(w.asked) > 0 {
		t.Errorf("runs were asked for: %v", w.asked)
	}
}

// Waiting outlasts the time-outs of the server, and ends when the client leaves.
func TestPostRunWaitsLongerThanOtherRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Token = token
	const pause = 300 * time.Millisecond
	left := make(chan error, 1)
	w.options.Run = func(ctx context.Context, r RunRequest) (RunAnswer, error) {
		if r.Wait > time.Minute {
			<-ctx.Done()
			left <- ctx.Err()
			return RunAnswer{}, ctx.Err()
		}
		select {
		case <-time.After(pause):
			return RunAnswer{Run: 3, Users: []RunUser{{Email: "a@example.com", State: "verified"}}}, nil
		case <-ctx.Done():
			return RunAnswer{}, ctx.Err()
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	server := NewServer(w.site(), slog.New(slog.DiscardHandler))
	server.ReadTimeout, server.WriteTimeout = pause/3, pause/3
	go func() { _ = server.Serve(l) }() // Close ends it
	t.Cleanup(func() { _ = server.Close() })
	s := &served{w, l.Addr().String()}
	got := s.ask("POST", "/run", `{"emails": ["a@example.com"], "wait": "1s"}`, "Authorization", "Bearer "+token)
	if got.status != 200 || !strings.Contains(got.body, "verified") {
		t.Errorf("%d %s, want 200", got.status, got.body)
	}
	c, err := net.Dial("tcp", s.at)
	w.must(err)
	body := `{"emails": ["a@example.com"], "wait": "5m"}`
	_, err = c.Write([]byte("POST /run HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 43\r\n\r\n" + body))
	w.must(err)
	w.must(c.Close())
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the client left: %v", err)
	}
}

func TestTheButtonStartsARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve()
	const button = `<form action="/runs" method="post">`
	if page := s.ask("GET", "/", "").body; strings.Contains(page, button) {
		t.Error("there is a button, and no token is configured")
	}
	if got := s.ask("POST", "/runs", ""); got.status != 403 || len(w.asked) > 0 {
		t.Errorf("no token is configured: %d, %v", got.status, w.asked)
	}

	w = newWorld(t)
	w.options.Token = token
	s = w.serve()
	if got := s.ask("POST", "/runs", ""); got.status != 401 || len(w.asked) > 0 {
		t.Errorf("the token was not given: %d, %v", got.status, w.asked)
	}
	if page := s.ask("GET", "/", "", "Authorization", basic("", token)).body; !strings.Contains(page, button) {
		t.Error("the token was given: no button")
	}
	got := s.ask("POST", "/runs", "", "Authorization", basic("", token), "Origin", "http://"+s.at)
	if got.status != 303 || got.header.Get("Location") != "/?follow=yes" || len(w.asked) != 1 {
		t.Errorf("the button: %d %v, asked %v", got.status, got.header, w.asked)
	}
	w.refusal = ErrBusy
	if got := s.ask("POST", "/runs", "", "Authorization", basic("", token)); got.status != 303 {
		t.Errorf("the button while a run is under way: %d, want back to the page", got.status)
	}
	w.refusal = errors.New("no")
	if got := s.ask("POST", "/runs", "", "Authorization", basic("", token)); got.status != 500 {
		t.Errorf("the button, and an error: %d, want 500", got.status)
	}
}

func TestAFullQueueSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{ErrFull, ErrStopping} {
		w := newWorld(t)
		w.options.Token, w.refusal = token, refusal
		s := w.serve()
		for _, body := range []string{"", `{"emails": ["ann@example.com"]}`} {
			got := s.ask("POST", "/run", body, "Authorization", "Bearer "+token)
			if got.status != 503 || got.header.Get("Retry-After") != retryAfter {
				t.Errorf("%v: %d, Retry-After %q", refusal, got.status, got.header.Get("Retry-After"))
			}
		}
	}
}

// A program learns why its run did not start, and whether a retry can help.
func TestARunThatCouldNotBeRecordedIsAnsweredWithTheCause(t *testing.T) {
	t.Parallel()
	for code, status := range map[string]int{"state_full": 503, "state_busy": 503, "state_readonly": 500, "state_key": 500} {
		w := newWorld(t)
		w.options.Token = token
		w.refusal = &NotStartedError{Code: code, Message: "ann@example.com", Hint: "do this"}
		got := w.serve().ask("POST", "/run", "", "Authorization", "Bearer "+token)
		if want := "the run could not be started (" + code + "): do this"; got.status != status || !strings.Contains(got.body, want) {
			t.Errorf("%d %s, want %d and %q", got.status, got.body, status, want)
		}
		if again := got.header.Get("Retry-After"); (again != "") != (status == 503) {
			t.Errorf("%s: Retry-After %q", code, again)
		}
	}
}
