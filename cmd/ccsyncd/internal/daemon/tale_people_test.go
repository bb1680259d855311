package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/notify"
)

// taleUser is somebody on either side: what the table has and had, and what people did with the
// contact.
type taleUser struct {
	id     int
	email  string
	row    map[string]string // nil: no row
	since  time.Time         // when the row last changed
	before []taleVersion     // earlier rows
	ours   map[string]bool   // all codes that the row ever had
	// when a person, or forget, last changed what is known of the contact; zero once all contacts
	// were read since
	edited  time.Time
	touched time.Time // the same, for ever
	late    time.Time // of what an import of a lost state file may have written
	// edited while something was under way: what happened last cannot be told
	unsure  bool
	contact sandbox.Contact // as it was after the last look or edit; the zero one for none
	left    map[string]bool // lists
}

// taleVersion is a row that stood in the table until a time.
type taleVersion struct {
	row   map[string]string
	until time.Time
}

// taleMemory is what the judges remember of the past.
type taleMemory struct {
	// when the first run began since the last good one; zero when there was none
	failing    time.Time
	moving     time.Time // when the daemon was last seen at work, or began
	run        int64     // of the daemon, of which sent and recheck tell
	recheck    time.Time
	step       string
	sent       map[int]bool // users whose short_code this run replaces
	carryingOf int64
	carrying   int // most contacts that had one since run carryingOf began
	forced     int // forced runs under way
	everForced bool
	restarted  bool
	pending    int      // users of the last whole run
	app        *app.App // that was seen last
	reloaded   time.Time
	// problems that a notification told of, by when they were first tried
	told     map[string]time.Time
	lastTold string
	mapped   map[string]bool // columns that a run ever wrote
	outcome  string          // of the last whole run
	// what was there before then is known to the last whole run, or idle tick
	until time.Time
}

const taleCrowd = 14

func taleAddress(id int) string { return fmt.Sprintf("u%02d@example.com", id) }

// populate makes users: most are contacts and carry their codes, some have none yet, some are no
// contacts.
func (w *taleWorld) populate() {
	r := taleStep{seed: w.seed}.draw()
	w.known.mapped = make(map[string]bool)
	w.known.told = make(map[string]time.Time)
	w.maps(w.rules.fields)
	for id := range taleCrowd {
		u := &taleUser{id: id, email: taleAddress(id), ours: make(map[string]bool), left: make(map[string]bool)}
		w.people[u.email] = u
		kind := r.IntN(10)
		row := map[string]string{"short_code": w.newCode(), "first_name": "Ann", "plan": "free"}
		if kind == 0 {
			row["short_code"] = ""
		}
		if kind < 9 {
			w.put(u, row)
		}
		if kind == 1 {
			continue
		}
		c := sandbox.Contact{Address: u.email, FirstName: "Ann", LastName: "Last", Company: "Co", Tags: []string{"vip"},
			Fields: map[string]string{"Other": "kept", "Plan": "free"}, Lists: []string{[]string{"App users", "Newsletter"}[r.IntN(2)]}}
		if kind > 1 {
			c.Fields["Short code"] = row["short_code"]
		}
		w.box.Seed(c)
	}
	w.box.Seed(sandbox.Contact{Address: "stranger@example.com", Lists: []string{"Newsletter", "App users"}, Fields: map[string]string{"Other": "kept"}})
	w.people["stranger@example.com"] = &taleUser{id: 99, email: "stranger@example.com", ours: make(map[string]bool), left: make(map[string]bool)}
	for _, u := range w.people {
		u.contact, _ = w.box.Contact(u.email)
	}
}

// maps notes which columns a configuration that may write maps.
func (w *taleWorld) maps(fields int) {
	for _, column := range taleFields[fields] {
		w.known.mapped[column] = true
	}
}

func (w *taleWorld) newCode() string {
	w.codes++
	return fmt.Sprintf("C%05d", w.codes)
}

// sorted are all people, in a fixed order.
func (w *taleWorld) sorted() (all []*taleUser) {
	for _, email := range slices.Sorted(maps.Keys(w.people)) {
		all = append(all, w.people[email])
	}
	return all
}

// user is one of those that can have a row.
func (w *taleWorld) user(n int) *taleUser { return w.people[taleAddress(n%taleCrowd)] }

// put changes a row of the table; nil removes it.
func (w *taleWorld) put(u *taleUser, row map[string]string) {
	w.mu.Lock()
	u.before = append(u.before, taleVersion{u.row, time.Now()})
	u.row, u.since = maps.Clone(row), time.Now()
	if row != nil {
		u.ours[row["short_code"]] = true
	}
	w.mu.Unlock()
	w.exec("DELETE FROM users WHERE id = ?", u.id)
	if row != nil {
		w.exec("INSERT INTO users VALUES (?, ?, NULLIF(?, ''), NULLIF(?, ''), NULLIF(?, ''))", u.id, u.email, row["short_code"], row["first_name"], row["plan"])
	}
}

// set changes one column of a user who has a row.
func (w *taleWorld) set(u *taleUser, column, value string) {
	if u.row == nil {
		return
	}
	row := maps.Clone(u.row)
	row[column] = value
	w.put(u, row)
}

// by lets a person edit the contact of a user.
func (w *taleWorld) by(u *taleUser, edit func() bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !edit() {
		return
	}
	u.edited, u.touched = time.Now(), time.Now()
	now, _ := w.box.Contact(u.email)
	for _, l := range u.contact.Lists {
		if !slices.Contains(now.Lists, l) {
			u.left[l] = true
		}
	}
	for _, l := range now.Lists {
		delete(u.left, l)
	}
	u.contact = now
	u.unsure = u.unsure || w.busy()
}

// busy tells whether something is under way that may not know yet what a person does now.
func (w *taleWorld) busy() bool {
	return w.box.Status().Queued > 0 || w.d != nil && w.d.progress.now().Run != 0
}

// carries tells whether a contact carries the values of a row, in the columns of the daemon's
// configuration.
func (w *taleWorld) carries(c *sandbox.Contact, row map[string]string) bool {
	if row == nil || c.ID == "" || c.Deleted {
		return false
	}
	for _, column := range w.columns() {
		if want := row[column]; want != "" && taleValue(c, column) != want {
			return false
		}
	}
	return true
}

// columns are those of the daemon's configuration.
func (w *taleWorld) columns() (all []string) {
	if w.d == nil {
		return taleFields[w.rules.fields]
	}
	for _, f := range w.d.app.Load().Config.Fields {
		all = append(all, f.Column)
	}
	return all
}

func taleValue(c *sandbox.Contact, column string) string {
	if column == "first_name" {
		return c.FirstName
	}
	for name, value := range c.Fields {
		if strings.EqualFold(name, column) {
			return value
		}
	}
	return ""
}

// had tells whether a contact carries what the row was at any time since.
func (w *taleWorld) had(c *sandbox.Contact, u *taleUser, since time.Time) bool {
	if w.carries(c, u.row) {
		return true
	}
	for _, v := range u.before {
		if !v.until.Before(since) && w.carries(c, v.row) {
			return true
		}
	}
	return false
}

// absent tells whether the table had no row of the user at any time since.
func (u *taleUser) absent(since time.Time) bool {
	return u.row == nil || slices.ContainsFunc(u.before, func(v taleVersion) bool { return v.row == nil && !v.until.Before(since) })
}

// gone tells whether the table had a row of the user at no time since.
func (u *taleUser) gone(since time.Time) bool {
	return u.row == nil && !slices.ContainsFunc(u.before, func(v taleVersion) bool { return v.row != nil && !v.until.Before(since) })
}

// waits tells whether a user's row can land and has not. What a person did to the contact shows
// when all contacts are read again.
func (w *taleWorld) waits(u *taleUser) bool {
	if u.row == nil || !u.edited.IsZero() || u.unsure {
		return false
	}
	c, known := w.box.Contact(u.email)
	switch {
	case !known:
		return w.rules.create && slices.ContainsFunc(w.columns(), func(column string) bool { return u.row[column] != "" })
	case c.Deleted, c.Permission == sandbox.Unsubscribed, len(c.Lists) == 0:
		return false
	}
	return !w.carries(&c, u.row)
}

// named tells which users' changes the program itself says are not there yet: a problem, or an
// import under way.
func (w *taleWorld) named(d *daemon) (map[string]bool, error) {
	db := d.app.Load().State
	named, err := db.Pending(w.ctx, slices.Sorted(maps.Keys(w.people)))
	if err != nil {
		return nil, err
	}
	for p, err := range db.Problems(w.ctx) {
		if err != nil {
			return nil, err
		}
		named[p.Norm] = true
	}
	return named, nil
}

// taleAnswer records the answer of a page.
type taleAnswer struct{ *httptest.ResponseRecorder }

func newTaleAnswer() taleAnswer { return taleAnswer{httptest.NewRecorder()} }

func (taleAnswer) SetReadDeadline(time.Time) error  { return nil }
func (taleAnswer) SetWriteDeadline(time.Time) error { return nil }

// receive is the receiver of notifications and heartbeats.
func (w *taleWorld) receive(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	deaf := w.deaf > 0
	if deaf {
		w.deaf--
	}
	w.mu.Unlock()
	answer := &http.Response{StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header), Body: http.NoBody, Request: r}
	if deaf {
		answer.StatusCode = http.StatusNotFound
		return answer, nil
	}
	event := "heartbeat"
	if r.Method == http.MethodPost {
		var n notify.Notice
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&n); err != nil {
			return nil, err
		}
		event = n.Event
		w.note("told: %s, %s", n.Event, n.Text)
	}
	if d := w.running(); d != nil {
		w.hear(d, event)
	}
	return answer, nil
}
