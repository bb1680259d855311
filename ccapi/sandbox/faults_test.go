package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
)

// statuses are what n requests are answered with; 0: no answer.
func (c *client) statuses(n int, method, path string) []int {
	var out []int
	for range n {
		r, err := c.do(method, path, nil)
		if err != nil {
			r.status = 0
		}
		out = append(out, r.status)
	}
	return out
}

func TestFaultsHitByNumberPathAndMethod(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 1, Unlimited: true})
	c.broken = true
	s.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 503, Method: "GET", Path: "/v3/contacts", At: []int{2, 4}})
	s.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 500, Path: "/v3/contact_lists/", Times: 1})
	if diff := cmp.Diff([]int{200, 503, 200, 503, 200}, c.statuses(5, "GET", "/v3/contacts")); diff != "" {
		t.Errorf("by number (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{200, 200}, c.statuses(2, "GET", "/v3/contact_lists")); diff != "" {
		t.Errorf("another path (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{500, 404}, c.statuses(2, "GET", "/v3/contact_lists/x")); diff != "" {
		t.Errorf("a prefix, once (-want +got):\n%s", diff)
	}
	s.ClearFaults()
	if got := len(s.Faults()); got != 0 {
		t.Errorf("got %d faults, want none", got)
	}
	log := s.Requests()
	if log[1].Fault != "status" || log[1].Status != 503 || log[0].Fault != "" {
		t.Errorf("log: got %+v and %+v", log[0], log[1])
	}
}

func TestFaultsByProbabilityAreRepeatable(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []int {
		s, c := serve(t, sandbox.Options{Unlimited: true, Seed: seed})
		c.broken = true
		s.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 503, Probability: 0.25})
		return c.statuses(200, "GET", "/v3/contacts")
	}
	first, second, other := run(1), run(1), run(2)
	if !slices.Equal(first, second) || slices.Equal(first, other) {
		t.Error("the same seed hits other requests, or another seed the same")
	}
	hits := len(first) - strings.Count(fmt.Sprint(first), "200")
	if hits < 25 || hits > 75 {
		t.Errorf("got %d hits of 200, want about 50", hits)
	}
}

func TestEachStatusHasItsBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault  sandbox.Fault
		status int
		body   string
	}{
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400}, 400, `[{"error_key":"contacts.api.validation.error"`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 401}, 401, `{"error_key":"unauthorized"`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 403}, 403, `{"error_key":"forbidden"`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 404}, 404, `[{"error_key":"contacts.api.not_found"`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 409}, 409, `[{"error_key":"contacts.api.conflict"`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 415}, 415, `[{"error_key"`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 429}, 429, `{"error_key":"throttled"`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 500}, 500, `[{"error_key"`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 502}, 502, `<html>`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 503}, 503, `[{"error_key"`},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 504}, 504, `<html>`},
		{sandbox.Fault{Kind: sandbox.FaultThrottled}, 429, `{"error_key":"throttled"`},
		{sandbox.Fault{Kind: sandbox.FaultQueueFull}, 429, `[{"error_key":"contacts.api`},
		{sandbox.Fault{Kind: sandbox.FaultHTML}, 502, `<html>`},
		{sandbox.Fault{Kind: sandbox.FaultHTML, Status: 200}, 200, `<html>`},
		{sandbox.Fault{Kind: sandbox.FaultUnauthorized}, 401, `{"error_key":"unauthorized"`},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %d", tt.fault.Kind, tt.status), func(t *testing.T) {
			t.Parallel()
			s, c := serve(t, sandbox.Options{})
			c.broken = true
			tt.fault.RetryAfter = 7 * time.Second
			s.Fault(tt.fault)
			r := c.call("GET", "/v3/contacts", nil, tt.status)
			if !strings.HasPrefix(r.body, tt.body) || r.header.Get("Retry-After") != "7" {
				t.Errorf("got %s, Retry-After %q, want %s", r.body, r.header.Get("Retry-After"), tt.body)
			}
		})
	}
}

func TestAnswersThatAreLost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind sandbox.FaultKind
		done bool // the work was done
		want error
	}{
		{sandbox.FaultResetBefore, false, syscall.ECONNRESET},
		{sandbox.FaultResetAfter, true, syscall.ECONNRESET},
		{sandbox.FaultCutBody, true, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind), func(t *testing.T) {
			t.Parallel()
			s, c := serve(t, sandbox.Options{})
			s.Fault(sandbox.Fault{Kind: tt.kind, Times: 1})
			_, err := c.do("POST", "/v3/contact_lists", `{"name":"A"}`)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if done := len(c.lists()) == 1; done != tt.done {
				t.Errorf("work done: got %v, want %v", done, tt.done)
			}
		})
	}
}

func TestAnAnswerWithoutABodyIsLostWhole(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 1})
	who, _ := s.Contact("user000001@example.com")
	s.Fault(sandbox.Fault{Kind: sandbox.FaultCutBody, Method: "DELETE"})
	if r, err := c.do("DELETE", "/v3/contacts/"+who.ID, nil); err == nil {
		t.Errorf("got %d, want an error", r.status)
	}
	if who, _ = s.Contact(who.ID); !who.Deleted {
		t.Error("the work was not done")
	}
}

func TestAnswersThatComeLateOrNever(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind  sandbox.FaultKind
		delay time.Duration
		done  bool
		after time.Duration // when the client knows
		fails bool
	}{
		{sandbox.FaultHangBefore, 0, false, 30 * time.Second, true}, // the client's own time-out
		{sandbox.FaultHangAfter, 0, true, 30 * time.Second, true},
		{sandbox.FaultHangBefore, 5 * time.Second, false, 5 * time.Second, true},
		{sandbox.FaultSlow, 5 * time.Second, true, 5 * time.Second, false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %v", tt.kind, tt.delay), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, c := pipe(t, sandbox.Options{})
				c.http.Timeout = 30 * time.Second
				s.Fault(sandbox.Fault{Kind: tt.kind, Delay: tt.delay, Times: 1})
				begun := time.Now()
				_, err := c.do("POST", "/v3/contact_lists", `{"name":"A"}`)
				if took := time.Since(begun); (err != nil) != tt.fails || took != tt.after {
					t.Errorf("got %v after %v, want an error %v after %v", err, took, tt.fails, tt.after)
				}
				if done := len(c.lists()) == 1; done != tt.done {
					t.Errorf("work done: got %v, want %v", done, tt.done)
				}
			})
		})
	}
}

func TestAQuotaDeclaredUsedUpStaysSoUntilMidnightUTC(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{Tokens: sandbox.Lifetimes{Access: 100 * time.Hour}})
		s.Fault(sandbox.Fault{Kind: sandbox.FaultQuotaExceeded, Times: 1})
		c.call("GET", "/v3/contacts", nil, http.StatusTooManyRequests)
		time.Sleep(23 * time.Hour)
		r := c.call("GET", "/v3/contacts", nil, http.StatusTooManyRequests)
		if got := decode[errorView](t, r).Key; got != "quota_exceeded" {
			t.Errorf("got %s", got)
		}
		time.Sleep(time.Hour)
		c.call("GET", "/v3/contacts", nil, http.StatusOK)
	})
}

func TestFaultsOfTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{Grace: 30 * time.Second})
		s.Fault(sandbox.Fault{Kind: sandbox.FaultRevoked, Times: 1})
		c.broken = true
		if got := c.statuses(2, "GET", "/v3/contacts"); !slices.Equal(got, []int{401, 401}) {
			t.Errorf("a revoked token: got %v", got)
		}
		_, first := s.Authorize()
		s.Fault(sandbox.Fault{Kind: sandbox.FaultTokenLost, Times: 1})
		req, _ := http.NewRequest("POST", c.base+"/oauth2/default/v1/token", strings.NewReader("client_id=a&grant_type=refresh_token&refresh_token="+first))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if _, err := c.send(req); err == nil {
			t.Error("the answer was not lost")
		}
		time.Sleep(time.Second)
		if got := c.refresh(first); got.Refresh == "" {
			t.Errorf("within the grace period: got %+v", got)
		}
		s.Fault(sandbox.Fault{Kind: sandbox.FaultInvalidGrant})
		time.Sleep(time.Second)
		if got := c.refresh(first); got.Error != "invalid_grant" {
			t.Errorf("got %+v", got)
		}
		if got := s.TokenSpends()[first]; got != 2 {
			t.Errorf("spends: got %d, want 2: a fault before the work spends nothing", got)
		}
	})
}

func TestAPageMayBeShifted(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 100, Unlimited: true})
	s.Fault(sandbox.Fault{Kind: sandbox.FaultShiftedPage, At: []int{2}, Rows: 3})
	seen := map[string]bool{}
	for _, p := range c.pages("/v3/contacts?include_count=true") {
		for _, contact := range p.Contacts {
			seen[contact.ID] = true
		}
	}
	if len(seen) != 97 {
		t.Errorf("got %d distinct contacts, want 97", len(seen))
	}
}

// tenRows are ten new contacts.
func tenRows() []string {
	var rows []string
	for i := range 10 {
		rows = append(rows, fmt.Sprintf(`{"email":"u%d@example.com","first_name":"New"}`, i))
	}
	return rows
}

func TestFaultsOfActivities(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault sandbox.Fault
		state string
		there int // contacts that have arrived
	}{
		{"failed with nothing done", sandbox.Fault{Kind: sandbox.FaultFailed}, "failed", 0},
		{"failed half way", sandbox.Fault{Kind: sandbox.FaultFailed, Share: 0.5}, "failed", 5},
		{"timed out", sandbox.Fault{Kind: sandbox.FaultTimedOut, Share: 0.2}, "timed_out", 2},
		{"cancelled", sandbox.Fault{Kind: sandbox.FaultCancelled}, "cancelled", 0},
		{"stuck for ever", sandbox.Fault{Kind: sandbox.FaultStuck, Share: 0.4}, "processing", 4},
		{"all rows lost", sandbox.Fault{Kind: sandbox.FaultLostRows}, "completed", 0},
		{"some rows lost", sandbox.Fault{Kind: sandbox.FaultLostRows, Rows: 3}, "completed", 7},
		{"a share of rows lost", sandbox.Fault{Kind: sandbox.FaultLostRows, Share: 0.5}, "completed", 5},
		{"one address lost", sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "U4@"}, "completed", 9},
		{"rows refused", sandbox.Fault{Kind: sandbox.FaultRefused, Rows: 2}, "completed", 8},
		{"a poisonous row", sandbox.Fault{Kind: sandbox.FaultPoisoned, Match: "u7@"}, "completed", 0},
		{"no poisonous row", sandbox.Fault{Kind: sandbox.FaultPoisoned, Match: "other"}, "completed", 10},
		{"slow", sandbox.Fault{Kind: sandbox.FaultSlowWork, Delay: time.Minute}, "completed", 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, c := pipe(t, sandbox.Options{})
				s.Fault(tt.fault)
				a := c.sendRows(s.AddList("L"), tenRows()...)
				time.Sleep(2 * time.Minute)
				if got := get[activityView](c, "/v3/activities/"+a.ID); got.State != tt.state || got.State == "completed" != (got.Percent == 100) {
					t.Errorf("got %+v, want %s", got, tt.state)
				}
				if got := len(s.Contacts()); got != tt.there {
					t.Errorf("got %d contacts, want %d", got, tt.there)
				}
			})
		})
	}
}

func TestAnActivityMayBeGone(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant})
	s.Fault(sandbox.Fault{Kind: sandbox.FaultGone})
	a := c.sendRows(s.AddList("L"), tenRows()...)
	c.call("GET", "/v3/activities/"+a.ID, nil, http.StatusNotFound)
	if got := len(s.Contacts()); got != 10 {
		t.Errorf("got %d contacts, want 10", got)
	}
}

func TestRowsMayBeAltered(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant})
	s.Fault(sandbox.Fault{Kind: sandbox.FaultAltered, Match: "u3@"})
	c.importRows(s.AddList("L"), tenRows()...)
	three, _ := s.Contact("u3@example.com")
	four, _ := s.Contact("u4@example.com")
	if three.FirstName == "New" || four.FirstName != "New" {
		t.Errorf("got %q and %q", three.FirstName, four.FirstName)
	}
}

func TestAReadDelayHidesWhatAnImportDid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{ImportTime: instant})
		s.Fault(sandbox.Fault{Kind: sandbox.FaultReadDelay, Delay: 5 * time.Minute})
		c.importRows(s.AddList("L"), tenRows()...)
		if got := len(get[contactsPage](c, "/v3/contacts").Contacts); got != 0 {
			t.Errorf("at once: got %d contacts, want none", got)
		}
		time.Sleep(5 * time.Minute)
		if got := len(get[contactsPage](c, "/v3/contacts").Contacts); got != 10 {
			t.Errorf("later: got %d contacts, want 10", got)
		}
	})
}

func TestFaultsAreReadFromJSON(t *testing.T) {
	t.Parallel()
	want := []sandbox.Fault{
		{Kind: sandbox.FaultSlow, Method: "GET", Path: "/v3/contacts", Probability: 0.25, Delay: 90 * time.Second},
		{Kind: sandbox.FaultStatus, At: []int{1, 3}, Times: 1, Status: 503, RetryAfter: time.Second, Share: 0.5, Rows: 2, Match: "x"},
	}
	got, err := sandbox.ParseFaults(strings.NewReader(`[
		{"kind":"slow","method":"GET","path":"/v3/contacts","probability":0.25,"delay":"1m30s"},
		{"kind":"status","at":[1,3],"times":1,"status":503,"retry_after":"1s","share":0.5,"rows":2,"match":"x"}]`))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, text := range map[string]string{
		"no JSON": `x`, "an unknown kind": `{"kind":"earthquake"}`, "an unknown member": `{"kind":"slow","speed":1}`,
		"a probability over 1": `{"kind":"slow","probability":2}`, "a share under 0": `{"kind":"lost_rows","share":-1}`,
		"request 0": `{"kind":"slow","at":[0]}`, "a delay that is none": `{"kind":"slow","delay":"soon"}`,
		"a status of success": `{"kind":"status","status":200}`, "a broken pattern": `{"kind":"slow","path":"["}`,
		"a body that is none": `{"kind":"gateway","body":"poem"}`, "a gateway that succeeds": `{"kind":"gateway","status":200}`,
		"no field": `{"kind":"field_deleted"}`, "no new label": `{"kind":"field_renamed","field":"a"}`,
		"a limit's switch": `{"kind":"switch","switches":{"authorization_counts":true}}`,
		"no switch":        `{"kind":"switch"}`, "an unknown switch": `{"kind":"switch","switches":{"gravity":true}}`,
		"a position that is none": `{"kind":"switch","switches":{"put_sets_permission":"loud"}}`, "switches for another kind": `{"kind":"slow","switches":{"blank_clears":true}}`,
		"poison for nobody": `{"kind":"poisoned"}`, "negative rows": `{"kind":"lost_rows","rows":-1}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := sandbox.ParseFaults(strings.NewReader(text)); err == nil {
				t.Errorf("got %+v, want an error", got)
			}
		})
	}
}

func TestEveryKindOfFaultIsRead(t *testing.T) {
	t.Parallel()
	for _, kind := range sandbox.FaultKinds() {
		text := fmt.Sprintf(`{"kind":%q,"status":503,"match":"x","field":"a","to":"b"}`, kind)
		if kind == sandbox.FaultSwitch {
			text = `{"kind":"switch","switches":{"contacts_count_high":2}}`
		}
		if _, err := sandbox.ParseFaults(strings.NewReader(text)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
