package notify

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// receiver is a webhook and a heartbeat that remember what they got.
type receiver struct {
	mu     sync.Mutex // guards what follows
	got    []string   // method, path and body
	answer []int      // statuses to come; 200 when there are none left
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, req.Method+" "+req.URL.Path+" "+strings.TrimSpace(string(body)))
	if len(r.answer) == 0 {
		return
	}
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(r.answer[0])
	r.answer = r.answer[1:]
}

// told takes what was received since the last call.
func (r *receiver) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// noticed is a notifier on a state file of its own, and what it logs.
type noticed struct {
	*Notifier
	*receiver
	app   *app.App
	log   bytes.Buffer
	ready bool // codes arrive
	kept  bool // runs are recorded
	runs  int64
}

const webhookSecret = "T0KEN-of-the-webhook"

func newNoticed(t *testing.T) *noticed {
	t.Helper()
	n := &noticed{receiver: &receiver{}, kept: true}
	server := httptest.NewServer(n.receiver)
	t.Cleanup(server.Close)
	cfg := config.Default()
	cfg.Notify.Webhook = config.NewSecret(server.URL + "/" + webhookSecret)
	cfg.Notify.Heartbeat = config.NewSecret(server.URL + "/ping")
	cfg.State.Path = filepath.Join(t.TempDir(), "state.db")
	n.app = app.New(&shell.Shell{Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: &n.log})}, &cfg)
	if err := n.app.OpenState(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.app.Close(); err != nil {
			t.Error(err)
		}
	})
	n.restart()
	return n
}

// restart makes the notifier again, as a new process does. It tries again without a pause.
func (n *noticed) restart() {
	n.Notifier = New(func() *app.App { return n.app }, func(context.Context) bool { return n.ready })
	n.pauses = []time.Duration{0, 0}
}

// run keeps the record of a run, tells of it and delivers at once.
func (n *noticed) run(ctx context.Context, r *ccsync.Report) {
	n.runs++
	r.Run = n.runs
	if r.Whole() {
		n.ready = r.Outcome.Good()
	}
	if n.kept {
		records, err := ccsync.WholeRecord(ctx, n.app.State, r)
		if err == nil {
			err = n.app.State.SetRecords(ctx, records)
		}
		if err != nil {
			panic(err)
		}
	}
	n.Ran(ctx, r)
	n.deliverAll(ctx)
}

func (n *noticed) deliverAll(ctx context.Context) {
	for len(n.jobs) > 0 {
		(<-n.jobs)(ctx)
	}
}

// events are the events that were received.
func (n *noticed) events(t *testing.T) []string {
	t.Helper()
	var events []string
	for _, line := range n.told() {
		method, rest, _ := strings.Cut(line, " ")
		path, body, _ := strings.Cut(rest, " ")
		if method != "POST" || path != "/"+webhookSecret {
			events = append(events, method+" "+path)
			continue
		}
		var m Notice
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		events = append(events, m.Event)
	}
	return events
}

func endedRun(o ccsync.Outcome) *ccsync.Report {
	r := &ccsync.Report{Outcome: o, Error: &ccsync.Problem{Code: string(o), Message: "ann@example.com has K7Q2"}, Push: &ccsync.Pushed{}}
	if o == ccsync.Partial {
		r.OpenProblems = map[string]int{ccsync.Lost: 1}
	}
	return r
}

func TestTheWebhookIsToldOfEachChangeOnce(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	tests := []struct {
		outcome ccsync.Outcome
		want    []string
	}{
		{ccsync.Synced, []string{"GET /ping"}},
		{ccsync.Failed, []string{"failed"}},
		{ccsync.Failed, nil},
		{ccsync.Deferred, []string{"GET /ping"}},
		{ccsync.Failed, nil},
		{ccsync.Refused, []string{"refused"}},
		{ccsync.Unauthorized, []string{"unauthorized"}},
		{ccsync.Unauthorized, nil},
		{ccsync.Synced, []string{"recovered", "GET /ping"}},
		{ccsync.Synced, []string{"GET /ping"}},
		{ccsync.Partial, []string{"partial", "GET /ping"}},
		{ccsync.Partial, []string{"GET /ping"}},
		{ccsync.Synced, []string{"recovered", "GET /ping"}},
	}
	for i, tt := range tests {
		n.run(t.Context(), endedRun(tt.outcome))
		if diff := cmp.Diff(n.events(t), tt.want); diff != "" {
			t.Errorf("run %d, %s:\n%s", i, tt.outcome, diff)
		}
		n.restart() // and repeats nothing
	}
	n.Idle(t.Context())
	n.deliverAll(t.Context())
	if diff := cmp.Diff(n.events(t), []string{"GET /ping"}); diff != "" {
		t.Errorf("an idle tick:\n%s", diff)
	}
}

// A run that ended synced beside something else that is wrong has recovered nothing: that is told
// when all is well.
func TestRecoveredWaitsUntilAllIsWell(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	n.run(t.Context(), endedRun(ccsync.Failed))
	well := n.well
	n.well = func(context.Context) bool { return false }
	n.run(t.Context(), endedRun(ccsync.Synced))
	n.Idle(t.Context())
	n.deliverAll(t.Context())
	if diff := cmp.Diff(n.events(t), []string{"failed"}); diff != "" {
		t.Errorf("while something is wrong:\n%s", diff)
	}
	n.well = well
	for range 2 {
		n.Idle(t.Context())
	}
	n.deliverAll(t.Context())
	if diff := cmp.Diff(n.events(t), []string{"recovered", "GET /ping", "GET /ping"}); diff != "" {
		t.Errorf("when all is well:\n%s", diff)
	}
}

func TestNothingHasRecoveredWhenTheNextRunFailsFirst(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	n.run(t.Context(), endedRun(ccsync.Failed))
	n.well = func(context.Context) bool { return false }
	n.run(t.Context(), endedRun(ccsync.Synced))
	n.run(t.Context(), endedRun(ccsync.Failed))
	n.well = func(context.Context) bool { return true }
	n.Idle(t.Context())
	n.deliverAll(t.Context())
	if diff := cmp.Diff(n.events(t), []string{"failed", "GET /ping"}); diff != "" {
		t.Error(diff)
	}
}

// A state file that takes nothing, as on a full disk, makes nothing told twice, and hides no
// end.
func TestWhatCouldNotBeRecordedIsToldOnce(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	n.run(t.Context(), endedRun(ccsync.Synced))
	n.events(t)
	other, err := sql.Open("sqlite3", n.app.Config.State.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	exec := func(statement string) {
		t.Helper()
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TRIGGER full BEFORE INSERT ON facts BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
	n.kept = false
	for range 3 {
		n.run(t.Context(), endedRun(ccsync.Failed))
	}
	exec("DROP TRIGGER full")
	n.kept = true
	n.run(t.Context(), endedRun(ccsync.Failed))
	n.restart() // by now it is recorded
	n.run(t.Context(), endedRun(ccsync.Failed))
	n.run(t.Context(), endedRun(ccsync.Synced))
	if diff := cmp.Diff(n.events(t), []string{"failed", "recovered", "GET /ping"}); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(n.log.String(), "it may be repeated after a restart"); n != 3 {
		t.Errorf("the log says %d times that it could not be written down, want 3", n)
	}
}

// Somebody makes room on the disk and restarts the daemon before it runs again.
func TestRecoveredIsToldAfterARestartThoughTheFailureCouldNotBeRecorded(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	n.run(t.Context(), endedRun(ccsync.Synced))
	n.events(t)
	exec := func(statement string) {
		t.Helper()
		other, err := sql.Open("sqlite3", n.app.Config.State.Path)
		if err == nil {
			_, err = other.ExecContext(t.Context(), statement)
		}
		if err != nil {
			t.Fatal(err)
		}
		other.Close()
	}
	exec("CREATE TRIGGER full BEFORE INSERT ON facts BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
	n.kept = false
	n.run(t.Context(), endedRun(ccsync.Failed))
	exec("DROP TRIGGER full")
	n.kept = true
	stopping, stop := context.WithCancel(t.Context())
	stop()
	n.Deliver(stopping)
	n.restart()
	n.run(t.Context(), endedRun(ccsync.Synced))
	if diff := cmp.Diff(n.events(t), []string{"failed", "recovered", "GET /ping"}); diff != "" {
		t.Error(diff)
	}
}

func TestARunThatIsNotForAllTellsNobody(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	n.run(t.Context(), endedRun(ccsync.Refused))
	for _, change := range []func(*ccsync.Report){
		func(r *ccsync.Report) { r.Only = 1 }, func(r *ccsync.Report) { r.Limited = 1 }, func(r *ccsync.Report) { r.DryRun = true },
	} {
		for _, o := range []ccsync.Outcome{ccsync.Synced, ccsync.Failed, ccsync.Partial} {
			r := endedRun(o)
			change(r)
			n.run(t.Context(), r)
		}
	}
	if diff := cmp.Diff(n.events(t), []string{"refused"}); diff != "" {
		t.Error(diff)
	}
}

// An import under way is no problem, a retry that fails again is not news, and all is well again
// when no problem is open any more.
func TestAProblemIsToldOnce(t *testing.T) {
	t.Parallel()
	was := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	whole := func(o ccsync.Outcome, problems int, newest time.Duration) *ccsync.LastWhole {
		l := &ccsync.LastWhole{Outcome: o}
		if problems > 0 {
			l.Problems, l.NewestProblem = map[string]int{ccsync.Lost: problems}, was.Add(newest)
		}
		return l
	}
	overstepped := func(newest time.Duration) *ccsync.LastWhole {
		return &ccsync.LastWhole{Outcome: ccsync.Partial, Problems: map[string]int{ccsync.Overstepped: 1}, NewestProblem: was.Add(newest)}
	}
	var now told
	for i, tt := range []struct {
		whole *ccsync.LastWhole
		want  string
	}{
		{whole(ccsync.Synced, 0, 0), ""},
		{whole(ccsync.Partial, 0, 0), ""},
		{whole(ccsync.Partial, 1, 0), "partial"},
		{whole(ccsync.Partial, 1, 0), ""},
		{whole(ccsync.Partial, 2, time.Hour), "partial"},
		{whole(ccsync.Partial, 1, 0), ""},
		{whole(ccsync.Partial, 0, 0), ""},
		{whole(ccsync.Deferred, 2, time.Hour), ""},
		{whole(ccsync.Failed, 2, time.Hour), "failed"},
		{whole(ccsync.Partial, 0, 0), ""},
		{whole(ccsync.Partial, 2, time.Hour), "partial"},
		{whole(ccsync.Synced, 0, 0), "recovered"},
		{whole(ccsync.Synced, 0, 0), ""},
		{overstepped(3 * time.Hour), "partial"},
		{overstepped(3 * time.Hour), ""},
		{overstepped(4 * time.Hour), "partial"}, // another contact
		{whole(ccsync.Partial, 2, 4*time.Hour), ""},
		{whole(ccsync.Partial, 2, 5*time.Hour), "partial"},
		{whole(ccsync.Synced, 0, 0), "recovered"},
	} {
		var name string
		if name, now = event(now, tt.whole); name != tt.want {
			t.Errorf("run %d: %q, want %q", i, name, tt.want)
		}
	}
}

func TestARestartKnowsWhichProblemWasTold(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	l := ccsync.LastWhole{Run: 1, Outcome: ccsync.Partial, Problems: map[string]int{ccsync.Lost: 1}, NewestProblem: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}
	tell := func(want ...string) {
		t.Helper()
		n.webhook(t.Context(), l)
		if diff := cmp.Diff(n.events(t), want); diff != "" {
			t.Error(diff)
		}
		n.restart()
	}
	tell("partial")
	tell()
	l.NewestProblem = l.NewestProblem.Add(time.Nanosecond)
	tell("partial")
}

// What was told before is not known then, and may be the same.
func TestWhoCannotReadWhatWasToldTellsNothingAndLogsThat(t *testing.T) {
	t.Parallel()
	for _, fact := range []map[string]string{{factNotifiedProblem: "yesterday"}, nil} {
		n := newNoticed(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := n.app.State.SetFacts(t.Context(), fact); err != nil {
			t.Fatal(err)
		}
		if fact == nil {
			cancel()
		}
		n.webhook(ctx, ccsync.LastWhole{Outcome: ccsync.Failed})
		if told, log := n.told(), n.log.String(); len(told) > 0 || !strings.Contains(log, "could not read the last notification") {
			t.Errorf("told %v; log: %s", told, log)
		}
	}
}

func TestARunWhoseRecordCannotBeReadIsTold(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	n.Ran(ended, endedRun(ccsync.Failed))
	n.deliverAll(t.Context())
	if diff := cmp.Diff(n.events(t), []string{"failed"}); diff != "" || !strings.Contains(n.log.String(), "could not read how the last run ended") {
		t.Errorf("%s; log: %s", diff, n.log.String())
	}
}

func TestARunThatCouldNotBeRecordedIsStillTold(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	n.run(t.Context(), endedRun(ccsync.Synced))
	n.kept = false
	n.run(t.Context(), endedRun(ccsync.Failed))
	if diff := cmp.Diff(n.events(t), []string{"GET /ping", "failed"}); diff != "" {
		t.Error(diff)
	}
}

func TestWhatWasNotDeliveredIsToldByTheNextRun(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	n.answer = []int{404}
	n.run(t.Context(), endedRun(ccsync.Failed))
	n.run(t.Context(), endedRun(ccsync.Failed))
	if diff := cmp.Diff(n.events(t), []string{"failed", "failed"}); diff != "" {
		t.Error(diff)
	}
	n.answer = []int{302, 200}
	n.run(t.Context(), endedRun(ccsync.Refused))
	if diff := cmp.Diff(n.events(t), []string{"refused"}); diff != "" {
		t.Errorf("a redirect was followed, or taken for a receipt:\n%s", diff)
	}
	n.answer = []int{503}
	n.run(t.Context(), endedRun(ccsync.Partial))
	if diff := cmp.Diff(n.events(t), []string{"partial", "partial", "GET /ping"}); diff != "" {
		t.Errorf("a passing failure:\n%s", diff)
	}
}

func TestANotificationHoldsNeitherAddressNorValue(t *testing.T) {
	t.Parallel()
	counted := func(o ccsync.Outcome, code string) *ccsync.LastWhole {
		return &ccsync.LastWhole{Run: 17, Outcome: o, Error: &ccsync.Problem{Code: code, Message: "ann@example.com has K7Q2"},
			Coverage: &ccsync.Coverage{Users: 1010, Contacts: 988, Verified: 986, Missing: 2, Skipped: 22}, Verified: 12, Rejected: 1, Unverified: 1,
			Problems: map[string]int{ccsync.Altered: 1, ccsync.Lost: 1, ccsync.Rejected: 2}, Guard: []string{"max_clears", "max_joins"}}
	}
	tests := map[string]struct {
		event string
		whole *ccsync.LastWhole
		text  string
		hint  string
	}{
		"failed":                {"failed", counted(ccsync.Failed, "failed"), "the run failed: an error that retries did not fix; the next scheduled run retries", "ccsyncd runs show 17"},
		"no field":              {"failed", counted(ccsync.Failed, "field_gone"), "the run failed: a mapped custom field or list is missing, deleted or ambiguous (field_gone); the next scheduled run retries", "ccsyncd runs show 17"},
		"no source":             {"failed", counted(ccsync.Failed, "source"), "the run failed: the app's database could not be read; the next scheduled run retries", "ccsyncd runs show 17"},
		"a replaced state file": {"failed", counted(ccsync.Failed, "state_replaced"), "the run failed: state_replaced; the daemon stops", "ccsyncd runs show 17"},
		"refused":               {"refused", counted(ccsync.Refused, "refused"), "the guard refused the changes (max_clears, max_joins); nothing more was sent", "ccsyncd runs show 17"},
		"refused, nothing sent": {"refused", &ccsync.LastWhole{Run: 17, Outcome: ccsync.Refused, Guard: []string{"max_clears"}}, "the guard refused the changes (max_clears); nothing was sent", "ccsyncd runs show 17"},
		"refused, one verified": {"refused", &ccsync.LastWhole{Run: 17, Verified: 1, Guard: []string{"max_clears"}}, "the guard refused the changes (max_clears); nothing more was sent", "ccsyncd runs show 17"},
		"refused, one rejected": {"refused", &ccsync.LastWhole{Run: 17, Rejected: 1, Guard: []string{"max_clears"}}, "the guard refused the changes (max_clears); nothing more was sent", "ccsyncd runs show 17"},
		"refused, one missing":  {"refused", &ccsync.LastWhole{Run: 17, Unverified: 1, Guard: []string{"max_clears"}}, "the guard refused the changes (max_clears); nothing more was sent", "ccsyncd runs show 17"},
		"unauthorized":          {"unauthorized", counted(ccsync.Unauthorized, "unauthorized"), "there is no valid login; nothing is sent until someone logs in", "ccsyncd auth login"},
		"partial":               {"partial", counted(ccsync.Partial, "partial"), "4 codes did not arrive (2 rejected, 1 altered, 1 lost); ccsyncd retries where it can", "ccsyncd runs show 17"},
		"recovered":             {"recovered", counted(ccsync.Synced, ""), "recovered: 986 of 1,010 users are up to date", "ccsyncd runs show 17"},
		"a run without number":  {"failed", &ccsync.LastWhole{Outcome: ccsync.Failed, Error: &ccsync.Problem{Code: "crashed"}}, "the run failed: crashed; the next scheduled run retries", "ccsyncd check"},
	}
	for name, tt := range tests {
		m := noticeOf(tt.event, tt.whole)
		if m.Text != tt.text || m.Hint != tt.hint || m.Schema != 1 || m.Event != tt.event {
			t.Errorf("%s: %+v", name, m)
		}
		for _, format := range []string{config.FormatJSON, config.FormatSlack} {
			if body := m.encode(format); bytes.Contains(body, []byte("ann@")) || bytes.Contains(body, []byte("K7Q2")) {
				t.Errorf("%s: %s", name, body)
			}
		}
	}
	body := noticeOf("partial", counted(ccsync.Partial, "partial")).encode(config.FormatJSON)
	want := `{"schema":1,"event":"partial","text":"4 codes did not arrive (2 rejected, 1 altered, 1 lost); ccsyncd retries where it can","run":17,` +
		`"counts":{"users":1010,"contacts":988,"verified":986,"pending":0,"missing":2,"skipped":22,"rejected":1,"unverified":1},"hint":"ccsyncd runs show 17"}` + "\n"
	if string(body) != want {
		t.Errorf("%s, want %s", body, want)
	}
	body = Notice{Event: "failed", Text: "<a> & b", Hint: "ccsyncd check"}.encode(config.FormatSlack)
	if want := `{"text":"*ccsyncd failed*: &lt;a&gt; &amp; b\nnow: ` + "`ccsyncd check`" + `"}` + "\n"; string(body) != want {
		t.Errorf("%s, want %s", body, want)
	}
}

func TestASlowReceiverDelaysNoRun(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	n.ready = true
	for range 2 * maxNotices { // nobody delivers
		n.Ran(t.Context(), endedRun(ccsync.Synced))
	}
	if len(n.jobs) != maxNotices || !strings.Contains(n.log.String(), "too slow") {
		t.Errorf("%d messages wait; log: %s", len(n.jobs), n.log.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.Deliver(ctx) // ends
	if err := kit.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
