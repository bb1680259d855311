package web

import (
	"strings"
	"testing"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

const evil = `"<script>alert(1)</script>"@example.com`

// What users, Constant Contact or an attacker wrote is text on every page.
func TestHostileDataIsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Version, w.login.Account = "<b>1</b>", "<script>alert(2)</script>"
	r := synced(2)
	r.Outcome, r.Trigger = ccsync.Failed, "<i>push"
	r.Error = &ccsync.Problem{Code: "x", Message: "<script>alert(3)</script>", Hint: "run `<script>alert(4)</script>`"}
	r.Guard.Details, r.Notes = []string{"<script>alert(5)"}, []string{"<script>alert(6)"}
	r.Reasons = map[string]int{"<script>": 1}
	id := w.ran(r, time.Millisecond)
	w.sent(id, "<script>", []state.BatchRow{{Norm: evil, Address: evil, Key: "<img src=x>", Action: "update", Wanted: "K7Q2"}},
		state.Problem{Norm: evil, Address: evil, Key: "<img src=x>", Reason: "<script>", Detail: "<script>alert(7)", Attempts: 1, Since: time.Now(), RetryAt: time.Now(), Run: id})
	w.explains[evil] = &ccsync.Explanation{Asked: evil, Address: evil, Known: true, Decision: "skip", Reason: "<script>", Detail: "<script>", Advice: "`<script>`",
		Rows:     []ccsync.ExplainedRow{{Key: "<script>", Email: evil, Values: map[string]string{"<script>": "<script>"}}},
		Contacts: []ccsync.ExplainedContact{{ID: "<script>", Email: evil, Permission: "<script>", Lists: []string{"<script>"}, Left: []string{"<script>"}, Values: map[string]string{"<script>": "<script>"}, UpdatedAt: "<script>"}},
		Problem:  &ccsync.ExplainedProblem{Reason: "<script>", Detail: "<script>", RetryAt: "<script>"},
		Pushes:   []ccsync.ExplainedPush{{Run: 1, Activity: "<script>", Result: "<script>", At: "<script>", Values: map[string]string{"<script>": "<script>"}}}}
	for _, path := range []string{"/", "/problems", "/runs/1", "/explain?who=%22%3Cscript%3Ealert(1)%3C/script%3E%22@example.com"} {
		page := w.look(path)
		for _, bad := range []string{"<script", "<img", "<b>", "<i>", "style=", "onclick", "javascript:"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s has %s", path, bad)
			}
		}
		if !strings.Contains(page, "&lt;script&gt;") {
			t.Errorf("%s does not show the text", path)
		}
	}
}

func TestThePagesShowNoAddressAndNoValueOfAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.ran(synced(2), time.Millisecond)
	w.sent(id, "a1", []state.BatchRow{{Norm: "bob@example.com", Address: "bob@example.com", Key: "7", Action: "update", Wanted: "M9X4"}},
		state.Problem{Norm: "bob@example.com", Address: "bob@example.com", Key: "7", Reason: ccsync.Rejected, Detail: "the import counted 1 errors: Line 2: M9X4 bob@example.com",
			Wanted: "M9X4", Attempts: 1, Since: time.Now(), RetryAt: time.Now(), Run: id})
	for path, told := range map[string]string{"/": "Rejected by Constant Contact", "/problems": "the import counted 1 errors", "/runs/1": "the import counted 1 errors"} {
		page := w.look(path)
		if strings.Contains(page, "bob@") || strings.Contains(page, "M9X4") {
			t.Errorf("%s shows an address or a value", path)
		}
		if !strings.Contains(page, "b••@example.com") || !strings.Contains(page, told) {
			t.Errorf("%s does not tell of the problem", path)
		}
	}
}

// What a run says may quote an address: an error of a server, or a note.
func TestAnAddressInWhatARunSaysIsMasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := synced(2)
	r.Outcome, r.Notes = ccsync.Failed, []string{"bob@example.com was looked up"}
	r.Error = &ccsync.Problem{Code: "x", Message: "no answer for bob@example.com", Hint: "look at bob@example.com"}
	r.Guard.Details = []string{"bob@example.com changed"}
	w.ran(r, time.Millisecond)
	for _, path := range []string{"/", "/runs/1"} {
		if page := w.look(path); strings.Contains(page, "bob@") || strings.Contains(page, "bob%40") || !strings.Contains(page, "b••@example.com") {
			t.Errorf("%s shows the address, or not even a masked one", path)
		}
	}
	w.options.Token = token
	if page := w.look("/runs/1", "Authorization", "Bearer "+token); !strings.Contains(page, "no answer for bob@example.com") && !strings.Contains(page, "No answer for bob@example.com") {
		t.Error("who has the token sees no address")
	}
}

func TestRunsAndNamesThatAreNotThere(t *testing.T) {
	t.Parallel()
	s := newWorld(t).serve()
	for path, want := range map[string]int{"/runs/1": 404, "/runs/x": 404, "/runs/-1": 404, "/nothing": 404, "/explain?who=" + strings.Repeat("a", 400): 200, "/explain?who=a@example.com": 502} {
		if got := s.ask("GET", path, ""); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	if got := s.ask("DELETE", "/runs/1", ""); got.status != 405 {
		t.Errorf("DELETE: %d, want 405", got.status)
	}
}
