package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/notify"
	"ccsyncd/cmd/ccsyncd/internal/web"
	ccsync "ccsyncd/sync"
)

// taleJudge is a promise. Each function says what breaks it, "" for nothing, and is called with
// w.mu held; those that are nil are not asked. To add a promise, add a line to taleJudges.
type taleJudge struct {
	promise string
	ran     func(*taleWorld, *daemon, *ccsync.Report) string // a run of the daemon ended
	idle    func(*taleWorld, *daemon) string                 // a tick found nothing to do
	heard   func(*taleWorld, *daemon, string) string         // a notification, or "heartbeat"
	// that a user is verified, of a run that began then
	said func(*taleWorld, *taleUser, time.Time) string
	look func(*taleWorld) string // every few seconds
	end  func(*taleWorld) string // when all is over
}

var taleJudges []taleJudge

func init() {
	taleJudges = []taleJudge{
		{promise: "all that can land has landed", end: allLanded},
		{promise: "while a change waits nobody is told that all is well", ran: leavesNothing, idle: idleInVain, heard: wellInVain, look: readyInVain},
		{promise: "nobody is overstepped", look: harmless},
		{promise: "what is called verified is so", ran: verifiedIsSo, said: saidIsSo},
		{promise: "never more than four requests in a second", look: pace},
		{promise: "the guard judges what is sent", look: guarded},
		{promise: "a problem is told once", heard: toldOnce},
		{promise: "recovered is told when no problem is open", heard: recoveredIsSo},
		{promise: "no run panics and nothing is stuck", look: sound},
	}
}

// ran hears of each run of the daemon.
func (w *taleWorld) ran(_ context.Context, r *ccsync.Report) {
	d := w.running()
	if d == nil || w.life.isDead() {
		return
	}
	text := ""
	if r.Error != nil {
		text = r.Error.Message
	}
	w.note("run %d for %d ended %s: %s %+v %s", r.Run, r.Only, r.Outcome, r.Mirror.Refresh, r.Coverage, text)
	w.judge(func(j *taleJudge) string {
		if j.ran == nil {
			return ""
		}
		return j.ran(w, d, r)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	began := taleBegan(r)
	k := &w.known
	k.moving = time.Now()
	if !r.Whole() {
		return
	}
	k.outcome, k.until, k.pending = string(r.Outcome), began, r.Coverage.Pending
	if r.PutOff() {
		k.outcome = string(ccsync.Deferred)
	}
	if k.failing.IsZero() || began.Before(k.failing) {
		k.failing = began
	}
	if !r.Outcome.Good() {
		return
	}
	if r.Mirror.Refresh == "snapshot" && k.outcome != string(ccsync.Deferred) {
		for _, u := range w.people {
			if !u.edited.IsZero() && u.edited.Before(k.failing.Add(-2*time.Minute)) {
				u.edited, u.unsure = time.Time{}, false
				u.since = time.Now() // from now on it is known: the last reading may have shown it
			}
		}
	}
	k.failing = time.Time{}
}

// taleBegan is when a run began. The server's clock tells whole seconds.
func taleBegan(r *ccsync.Report) time.Time {
	return time.Now().Add(-time.Duration(r.Seconds * float64(time.Second)))
}

func (w *taleWorld) idle(context.Context) {
	d := w.running()
	if d == nil || w.life.isDead() {
		return
	}
	w.mu.Lock()
	w.known.until = time.Now()
	w.mu.Unlock()
	w.judge(func(j *taleJudge) string {
		if j.idle == nil {
			return ""
		}
		return j.idle(w, d)
	})
}

func (w *taleWorld) hear(d *daemon, event string) {
	w.judge(func(j *taleJudge) string {
		if j.heard == nil {
			return ""
		}
		return j.heard(w, d, event)
	})
}

func (w *taleWorld) said(who, email, state string, began time.Time) {
	if state != "verified" {
		return
	}
	w.judge(func(j *taleJudge) string {
		u := w.people[email]
		if j.said == nil || u == nil {
			return ""
		}
		if wrong := j.said(w, u, began); wrong != "" {
			return who + " says so of " + wrong
		}
		return ""
	})
}

func (w *taleWorld) look() {
	w.judge(func(j *taleJudge) string {
		if j.look == nil {
			return ""
		}
		return j.look(w)
	})
}

// judge asks all judges.
func (w *taleWorld) judge(ask func(*taleJudge) string) {
	for i := range taleJudges {
		w.mu.Lock()
		w.reloaded()
		seen := ask(&taleJudges[i])
		w.mu.Unlock()
		w.breaks(taleJudges[i].promise, seen)
	}
}

// reloaded notes that the daemon has another configuration: from now on it may want something else
// of every contact. w.mu is held.
func (w *taleWorld) reloaded() {
	if w.d == nil || w.d.app.Load() == w.known.app {
		return
	}
	if w.known.app != nil {
		for _, u := range w.people {
			u.since = time.Now()
		}
		w.known.reloaded = time.Now()
	}
	w.known.app = w.d.app.Load()
}

// unnamed are the users whose changes have waited since before a time, though the program names no
// reason. w.mu is held.
func (w *taleWorld) unnamed(d *daemon, before time.Time) string {
	var waiting []string
	for _, u := range w.sorted() {
		w.seesLate(u)
		if u.since.Before(before) && w.waits(u) {
			waiting = append(waiting, u.email)
		}
	}
	if w.rules.canary && w.known.pending > 0 {
		return "" // for the contacts that went ahead; that they do is told, as pending
	}
	if len(waiting) == 0 || w.known.outcome == string(ccsync.Deferred) {
		return ""
	}
	named, err := w.named(d)
	if err != nil {
		return "" // the state file was moved away, or the process is dead
	}
	for _, email := range waiting {
		if u := w.people[email]; !named[email] {
			c, _ := w.box.Contact(email)
			return fmt.Sprintf("%s has waited for %s: the row is %v, the contact %+v", email, time.Since(u.since), u.row, c)
		}
	}
	return ""
}

// seesLate notes what an import of a lost state file may have written to a contact late, or one
// whose results are shown minutes later. Nobody can know of it yet, like of an edit by hand. w.mu
// is held.
func (w *taleWorld) seesLate(u *taleUser) {
	if c, known := w.box.Contact(u.email); (w.stateLost || w.shownLate) && known && c.UpdatedAt.After(u.since) && c.UpdatedAt.After(u.late) {
		u.late, u.edited = c.UpdatedAt, time.Now()
	}
}

// leavesNothing: a whole run that ended well has seen to every change that was there before it
// began.
func leavesNothing(w *taleWorld, d *daemon, r *ccsync.Report) string {
	if !r.Whole() || r.PutOff() || r.Outcome != ccsync.Synced && r.Outcome != ccsync.Partial {
		return ""
	}
	outcome, pending := w.known.outcome, w.known.pending
	defer func() { w.known.outcome, w.known.pending = outcome, pending }()
	w.known.outcome, w.known.pending = string(r.Outcome), r.Coverage.Pending
	if left := w.unnamed(d, taleBegan(r).Add(-time.Second)); left != "" {
		return fmt.Sprintf("run %d ended %s, and %s", r.Run, r.Outcome, left)
	}
	return ""
}

// idleInVain: no tick is idle while a change waits.
func idleInVain(w *taleWorld, d *daemon) string {
	// the same plan would be refused again
	if w.known.outcome == string(ccsync.Refused) && !w.rowsMoved(w.known.until) {
		return ""
	}
	if left := w.unnamed(d, time.Now().Add(-100*time.Millisecond)); left != "" {
		return "a tick was idle, and " + left
	}
	return ""
}

// rowsMoved tells whether a row has changed after a time, and not just now.
func (w *taleWorld) rowsMoved(after time.Time) bool {
	return slices.ContainsFunc(w.sorted(), func(u *taleUser) bool {
		return u.since.After(after) && u.since.Before(time.Now().Add(-100*time.Millisecond))
	})
}

// talePatience is what a change may wait: two scheduled times. A run that takes longer is looked at
// when it ends.
const talePatience = 2*taleEvery + time.Second

// wellInVain: no heartbeat and no "recovered" while a change waits that was there before the whole
// run, or the idle tick, that they tell of.
func wellInVain(w *taleWorld, d *daemon, event string) string {
	if event != "heartbeat" && event != notify.EventRecovered {
		return ""
	}
	if left := w.unnamed(d, w.known.until.Add(-time.Second)); left != "" {
		return event + ", and " + left
	}
	return ""
}

// latest is when the daemon was last at work on something that no change could have part in. w.mu
// is held.
func (w *taleWorld) latest() time.Time {
	if w.known.moving.IsZero() {
		return w.began
	}
	return w.known.moving
}

// readyInVain: /readyz and the page say nothing better while a change waits, and no run is under
// way.
func readyInVain(w *taleWorld) string {
	d := w.d
	if d == nil || w.life.isDead() || d.progress.now().Run != 0 {
		w.known.moving = time.Now()
		return ""
	}
	left := w.unnamed(d, time.Now().Add(-talePatience))
	if left == "" || time.Since(w.latest()) < talePatience {
		return ""
	}
	for path, well := range map[string]string{"/readyz": "ready\n", "/": "In sync"} {
		a := newTaleAnswer()
		r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "http://127.0.0.1:8484"+path, nil)
		w.must(err)
		r.Header.Set("Authorization", "Bearer "+bubbleToken)
		d.site.ServeHTTP(a, r)
		if a.Code == http.StatusOK && strings.Contains(a.Body.String(), well) {
			return fmt.Sprintf("GET %s says %q, and %s", path, well, left)
		}
	}
	return ""
}

// harmless: nothing changed in a contact but what the configuration maps, and what people did.
func harmless(w *taleWorld) string {
	seen := make(map[string]bool)
	for _, c := range w.box.Contacts() {
		email := strings.ToLower(c.Address)
		u := w.people[email]
		if u == nil || seen[email] {
			return fmt.Sprintf("a contact that nobody made: %+v", c)
		}
		seen[email] = true
		if wrong := w.overstepped(u, &c); wrong != "" {
			return fmt.Sprintf("%s: %s: it is %+v, was %+v; lists left %v", u.email, wrong, c, u.contact, u.left)
		}
		u.contact = c
	}
	return ""
}

func (w *taleWorld) overstepped(u *taleUser, c *sandbox.Contact) string {
	was := &u.contact
	if was.ID == "" {
		switch {
		case !w.rules.create:
			return "created"
		case c.Permission != "implicit" || !slices.Equal(c.Lists, taleLists[:1]):
			return "created otherwise than is configured"
		}
		was = &sandbox.Contact{ID: c.ID, Address: c.Address, Permission: c.Permission, Lists: c.Lists}
	}
	rest := func(c *sandbox.Contact) string {
		return fmt.Sprint(c.ID, c.Address, c.LastName, c.Company, c.JobTitle, c.Tags, taleValue(c, "other"))
	}
	switch {
	case rest(c) != rest(was):
		return "more changed than is mapped"
	case c.Permission != was.Permission && !u.unsure:
		return "the permission changed"
	case c.Deleted != was.Deleted && !u.unsure:
		return "revived or deleted"
	}
	// a forced run lets contacts join though nobody knows
	unknown := w.stateLost && w.known.everForced
	for _, list := range c.Lists {
		if !slices.Contains(was.Lists, list) && !u.unsure && (!w.rules.lists || list != taleLists[0] || u.left[list] && !unknown || c.Permission == sandbox.Unsubscribed) {
			return "put on " + list
		}
	}
	for _, list := range was.Lists {
		if !slices.Contains(c.Lists, list) && !u.unsure {
			return "taken off " + list
		}
	}
	for _, column := range taleFields[1] {
		is, before := taleValue(c, column), taleValue(was, column)
		if is == before || strings.HasPrefix(is, "altered ") {
			continue
		}
		if is == "" || !w.known.mapped[column] || column == "short_code" && !u.ours[is] {
			return fmt.Sprintf("%s became %q, was %q", column, is, before)
		}
	}
	return ""
}

// verifiedIsSo: coverage counts no more users as verified than were seen with what the table had
// while the run lasted, and synced is said when all were.
func verifiedIsSo(w *taleWorld, _ *daemon, r *ccsync.Report) string {
	began := taleBegan(r).Add(-time.Second)
	for _, s := range r.Users {
		if u := w.people[s.Email]; u != nil && s.State == "verified" {
			if wrong := saidIsSo(w, u, began); wrong != "" {
				return fmt.Sprintf("run %d says so of %s", r.Run, wrong)
			}
		}
	}
	if !r.Whole() || r.Coverage.Users == 0 {
		return ""
	}
	most, lacking := 0, ""
	for _, u := range w.sorted() {
		c, known := w.box.Contact(u.email)
		unread := !u.touched.Before(began) || !u.edited.IsZero()
		switch {
		case u.gone(began):
		case unread || w.had(&c, u, began):
			most++
		case u.absent(began): // it need not have been read
		case known && !c.Deleted && c.Permission != sandbox.Unsubscribed && len(c.Lists) > 0 && !u.unsure:
			lacking = fmt.Sprintf("%s carries %+v, the row is %v", u.email, c, u.row)
		}
	}
	switch {
	case r.Coverage.Verified > most:
		return fmt.Sprintf("run %d counts %d users as verified, %d are; %s", r.Run, r.Coverage.Verified, most, lacking)
	case r.Outcome == ccsync.Synced && lacking != "":
		return fmt.Sprintf("run %d ended synced, and %s", r.Run, lacking)
	}
	return ""
}

func saidIsSo(w *taleWorld, u *taleUser, began time.Time) string {
	c, _ := w.box.Contact(u.email)
	if w.reloaded(); w.known.reloaded.After(began) {
		return "" // it was said under another configuration
	}
	if !u.edited.IsZero() || !u.touched.Before(began) || w.had(&c, u, began.Add(-time.Second)) {
		return ""
	}
	return fmt.Sprintf("%s, who carries %+v; the row is %v", u.email, c, u.row)
}

func pace(w *taleWorld) string {
	if most := w.box.MaxPerSecond(); most > 4 {
		return fmt.Sprintf("there were %d", most)
	}
	return ""
}

// sees is told of each request before it is sent. It counts what an import of the daemon would
// replace.
func (w *taleWorld) sees(wire *taleWire, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := &w.known
	if w.d == nil || wire.life != w.life {
		return
	}
	now := w.d.progress.now()
	if now.Run != k.run {
		k.run, k.recheck, k.sent = now.Run, time.Now(), make(map[int]bool)
	}
	if now.Step == "recheck" && k.step != "recheck" {
		k.recheck = time.Now()
	}
	k.step = now.Step
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/contacts_json_import") {
		return
	}
	body, err := io.ReadAll(r.Body)
	w.must(err)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var sent struct {
		Rows []map[string]string `json:"import_data"`
	}
	w.must(json.Unmarshal(body, &sent))
	for _, row := range sent.Rows {
		c, _ := w.box.Contact(row["email"])
		is, code := taleValue(&c, "short_code"), ""
		for name, value := range row {
			if strings.EqualFold(name, "cf:short_code") {
				code = value
			}
		}
		if u := w.people[strings.ToLower(row["email"])]; u != nil && is != "" && code != "" && is != code && u.touched.Before(k.recheck) {
			k.sent[u.id] = true // once, however often the import goes out
		}
	}
}

// guarded: no run replaces more values than the guard lets pass, unless it was forced.
func guarded(w *taleWorld) string {
	carrying := 0
	for _, c := range w.box.Contacts() {
		if !c.Deleted && taleValue(&c, "short_code") != "" {
			carrying++
		}
	}
	k := &w.known
	if k.carryingOf != k.run { // a person may empty contacts after the run
		k.carryingOf, k.carrying = k.run, 0
	}
	k.carrying = max(k.carrying, carrying)
	if n := len(k.sent); w.rules.guarded && k.forced == 0 && n >= 3 && n*100 > 25*(k.carrying+n) {
		return fmt.Sprintf("run %d replaces %d values of %d", k.run, n, k.carrying)
	}
	return ""
}

// forces notes that a forced run starts or has ended. What it sent is judged no more.
func (w *taleWorld) forces(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known.everForced = true
	if w.known.forced += n; n < 0 {
		w.known.sent = make(map[int]bool)
	}
}

// toldOnce: nothing is told twice, and partial only of a problem that is new.
func toldOnce(w *taleWorld, d *daemon, event string) string {
	if event == "heartbeat" {
		return ""
	}
	k := &w.known
	again := event == k.lastTold && !k.restarted
	if event == string(ccsync.Partial) {
		is := make(map[string]time.Time)
		for p, err := range d.app.Load().State.Problems(w.ctx) {
			if err != nil {
				return ""
			}
			if was, ok := k.told[p.Norm]; !ok || !was.Equal(p.Since) {
				again = false
			}
			is[p.Norm] = p.Since
		}
		again = again && len(is) > 0
		maps.Copy(k.told, is)
	}
	k.lastTold, k.restarted = event, false
	if again {
		return event + " was told twice"
	}
	return ""
}

func recoveredIsSo(w *taleWorld, d *daemon, event string) string {
	if event != notify.EventRecovered {
		return ""
	}
	for p, err := range d.app.Load().State.Problems(w.ctx) {
		if err == nil {
			return fmt.Sprintf("%s is open: %s", p.Norm, p.Reason)
		}
	}
	return ""
}

// sound: no panic, and the loop looks around.
func sound(w *taleWorld) string {
	text := w.log.String()
	if at := strings.Index(text, `"msg":"panic"`); at >= 0 {
		return text[at:min(len(text), at+3000)]
	}
	if w.d != nil && !w.life.isDead() && !w.d.works() {
		return "nothing moves any more"
	}
	return ""
}

// conclude lets all faults pass, and judges what two runs make good, and what some days do.
func (w *taleWorld) conclude() {
	w.note("the end: all faults pass")
	w.box.ClearFaults()
	w.manage()
	w.wait(time.Second)
	w.life.endAt(0, 0)
	w.login()
	w.wait(25 * time.Second)
	w.mu.Lock()
	outcome := w.known.outcome
	w.mu.Unlock()
	// nobody can log in while the day's requests are used up
	if outcome == string(ccsync.Unauthorized) {
		w.stop()
		time.Sleep(25 * time.Hour)
		w.start()
		w.login()
		w.wait(25 * time.Second)
	}
	w.push(Request{Force: true}, nil)
	w.recovers()
	// an import under way may take its time, a guard may have to be passed, a day's requests may be
	// used up
	for range 3 {
		w.push(Request{Force: true, Full: true}, nil)
		w.wait(2*taleEvery + 30*time.Second)
		if !w.whole() {
			return
		}
		w.stop()
		time.Sleep(49 * time.Hour)
		w.start()
		w.wait(30 * time.Second)
	}
	w.judge(func(j *taleJudge) string {
		if j.end == nil {
			return ""
		}
		return j.end(w)
	})
	w.note("the end")
}

// recovers waits until a whole run that began after the last fault has ended well. An import that
// was sent before may hold one up for ten minutes, and so may an answer that never comes.
func (w *taleWorld) recovers() {
	const soon = 90 * time.Minute // an import of 20 minutes, and some that wait for 10
	for began := time.Now(); ; w.wait(10 * time.Second) {
		w.mu.Lock()
		well := w.known.until.After(began) && ccsync.Outcome(w.known.outcome).Good()
		w.mu.Unlock()
		switch {
		case well || !w.whole():
			return
		case time.Since(began) > soon:
			w.breaks("all that can land has landed", "no run has ended well since the last fault; the last one ended "+w.known.outcome)
			return
		}
	}
}

// allLanded: after the last fault, and the pauses of what was retried, every user that can have
// his values has them.
func allLanded(w *taleWorld) string {
	if w.d == nil {
		return "no daemon runs"
	}
	for _, u := range w.sorted() {
		u.edited, u.unsure = time.Time{}, false
		if w.waits(u) {
			c, _ := w.box.Contact(u.email)
			return fmt.Sprintf("%s carries %+v, the row is %v", u.email, c, u.row)
		}
	}
	if w.known.outcome != string(ccsync.Synced) {
		return "the last run ended " + w.known.outcome
	}
	return ""
}

var _ = web.ErrBusy
