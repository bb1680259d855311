package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/doctor"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/web"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// taleEvent is something that can happen in a tale.
type taleEvent struct {
	name  string
	often int // beside the others
	do    func(w *taleWorld, r *rand.Rand)
}

// taleEvents are all that can happen. To add one, add a line: it may do anything to the world,
// draws from r alone, and does not wait.
var taleEvents []taleEvent

func init() {
	taleEvents = []taleEvent{
		// The app.
		{"a new code", 8, func(w *taleWorld, r *rand.Rand) { w.set(w.user(r.Int()), "short_code", w.newCode()) }},
		{"several new codes", 4, severalCodes},
		{"a code is put back", 6, func(w *taleWorld, r *rand.Rand) {
			u := w.user(r.Int())
			if c, ok := w.box.Contact(u.email); ok && u.row != nil {
				w.set(u, "short_code", taleValue(&c, "short_code"))
			}
		}},
		{"a code goes", 1, func(w *taleWorld, r *rand.Rand) { w.set(w.user(r.Int()), "short_code", "") }},
		{"another name and plan", 3, anotherName},
		{"a user signs up, or comes back", 3, comesBack},
		{"a user goes", 1, func(w *taleWorld, r *rand.Rand) { w.put(w.user(r.Int()), nil) }},
		{"half of the users go", 1, halfGoes},
		// People in Constant Contact.
		{"a contact gets a code by hand", 3, codeByHand},
		{"contacts and rows are filled at once", 3, filledAtOnce},
		{"a contact's other field changes", 1, otherChanges},
		{"a contact opts out", 1, func(w *taleWorld, r *rand.Rand) {
			u := w.user(r.Int())
			w.by(u, func() bool { return w.box.OptOut(u.email) })
		}},
		{"a contact is deleted", 1, func(w *taleWorld, r *rand.Rand) {
			u := w.user(r.Int())
			w.by(u, func() bool { return w.box.Delete(u.email) })
		}},
		{"a contact leaves a list", 2, leavesList},
		{"a contact joins a list", 1, joinsList},
		{"a contact is added", 1, added},
		// Constant Contact and the network.
		{"a fault", 5, aFault},
		{"an outage", 3, outage},
		{"an import takes long", 3, slowImport},
		{"an import loses a row", 2, losesRow},
		{"the faults pass", 7, func(w *taleWorld, _ *rand.Rand) { w.box.ClearFaults() }},
		{"the receiver is away", 1, func(w *taleWorld, r *rand.Rand) { w.mu.Lock(); w.deaf += 1 + r.IntN(3); w.mu.Unlock() }},
		// Who looks.
		{"a dry run", 4, dryRun},
		{"a check", 1, check},
		{"an explain", 3, explain},
		{"the page is opened", 2, func(w *taleWorld, _ *rand.Rand) { w.opened("/") }},
		{"a user is looked up on the page", 3, func(w *taleWorld, r *rand.Rand) { w.opened("/explain?who=" + w.user(r.Int()).email) }},
		// Who asks for a run.
		{"POST /run for all", 2, func(w *taleWorld, _ *rand.Rand) { w.postRun(nil) }},
		{"POST /run for some", 5, func(w *taleWorld, r *rand.Rand) { w.postRun(w.some(r)) }},
		{"push for some", 4, func(w *taleWorld, r *rand.Rand) { w.push(Request{}, w.some(r)) }},
		{"push for all", 1, func(w *taleWorld, r *rand.Rand) { w.push(Request{Full: r.IntN(2) == 0}, nil) }},
		{"push --force", 1, func(w *taleWorld, _ *rand.Rand) { w.push(Request{Force: true}, nil) }},
		// The operator.
		{"forget", 1, forget},
		{"a reload", 1, func(w *taleWorld, _ *rand.Rand) { w.reload(w.rules.fields) }},
		{"another configuration", 2, func(w *taleWorld, r *rand.Rand) { w.reload(r.IntN(len(taleFields))) }},
		{"a logout", 1, logout},
		{"a login", 2, func(w *taleWorld, _ *rand.Rand) { w.login() }},
		{"a restart", 1, func(w *taleWorld, _ *rand.Rand) { w.stop() }},
		{"a kill", 4, kill},
		{"the state file is moved away", 1, moveState},
	}
}

func severalCodes(w *taleWorld, r *rand.Rand) {
	from := r.IntN(taleCrowd)
	for i := range 2 + r.IntN(4) {
		w.set(w.user(from+i), "short_code", w.newCode())
	}
}

func anotherName(w *taleWorld, r *rand.Rand) {
	u := w.user(r.Int())
	w.set(u, "first_name", []string{"Ann", "Bea", "Cy"}[r.IntN(3)])
	w.set(u, "plan", []string{"free", "paid"}[r.IntN(2)])
}

func comesBack(w *taleWorld, r *rand.Rand) {
	from := r.IntN(taleCrowd)
	for i := range taleCrowd {
		if u := w.user(from + i); u.row == nil {
			w.put(u, map[string]string{"short_code": w.newCode(), "first_name": "New", "plan": "free"})
			return
		}
	}
}

func halfGoes(w *taleWorld, _ *rand.Rand) {
	for i := range taleCrowd / 2 {
		w.put(w.user(2*i), nil)
	}
}

func codeByHand(w *taleWorld, r *rand.Rand) {
	u := w.user(r.Int())
	value := []string{"HAND", "", u.row["short_code"]}[r.IntN(3)]
	w.by(u, func() bool { return w.box.SetField(u.email, "Short code", value) })
}

// filledAtOnce empties some contacts and rows, lets the program see that, and fills both in
// different ways.
func filledAtOnce(w *taleWorld, r *rand.Rand) {
	from := r.IntN(taleCrowd)
	n := 3 + r.IntN(5)
	for i := range n {
		u := w.user(from + i)
		w.set(u, "short_code", "")
		w.by(u, func() bool { return w.box.SetField(u.email, "Short code", "") })
	}
	w.push(Request{Full: true}, nil)
	w.wait(20 * time.Second)
	for i := range n {
		u := w.user(from + i)
		w.by(u, func() bool { return w.box.SetField(u.email, "Short code", "HAND"+u.email[:3]) })
		w.set(u, "short_code", w.newCode())
	}
}

func otherChanges(w *taleWorld, r *rand.Rand) {
	u := w.user(r.Int())
	w.by(u, func() bool {
		return w.box.SetField(u.email, "Other", fmt.Sprint(r.IntN(100))) || w.box.SetProperty(u.email, "last_name", "Else")
	})
}

var taleLists = []string{"App users", "Newsletter"}

func leavesList(w *taleWorld, r *rand.Rand) {
	u, list := w.user(r.Int()), taleLists[r.IntN(2)]
	w.by(u, func() bool { return w.box.LeaveList(u.email, list) })
}

func joinsList(w *taleWorld, r *rand.Rand) {
	u, list := w.user(r.Int()), taleLists[r.IntN(2)]
	w.by(u, func() bool { return w.box.JoinList(u.email, list) })
}

func added(w *taleWorld, r *rand.Rand) {
	u := w.user(r.Int())
	w.by(u, func() bool {
		return w.box.AddContact(sandbox.Contact{Address: u.email, Lists: []string{"Newsletter"}}) != ""
	})
}

var talePaths = []string{"/v3/activities/contacts_json_import", "/v3/activities/contacts_json_import", "/v3/contacts", "/v3/contacts/*", "/v3/activities/*",
	"/v3/contact_custom_fields", "/v3/contact_lists", ""}

// aFault is any that the sandbox knows, but for those that take the field away.
func aFault(w *taleWorld, r *rand.Rand) {
	kinds := sandbox.FaultKinds()
	f := sandbox.Fault{Kind: kinds[r.IntN(len(kinds))], Path: talePaths[r.IntN(len(talePaths))], Status: []int{400, 408, 429, 500, 503, 504}[r.IntN(6)]}
	switch f.Kind {
	case sandbox.FaultFieldRenamed, sandbox.FaultFieldDeleted, sandbox.FaultSwitch:
		f.Kind = sandbox.FaultResetAfter
	case sandbox.FaultPoisoned:
		f.Match = w.user(r.Int()).email
	case sandbox.FaultFailed, sandbox.FaultTimedOut, sandbox.FaultCancelled, sandbox.FaultStuck:
		f.Share = []float64{0, 0.5, 1}[r.IntN(3)]
	}
	if f.Kind != sandbox.FaultStatus {
		f.Status = 0
	}
	f.Delay = []time.Duration{3 * time.Second, 30 * time.Second, 4 * time.Minute}[r.IntN(3)]
	switch r.IntN(3) {
	case 0:
		f.Times = 1 + r.IntN(3)
	case 1:
		f.Probability = 0.4
	case 2:
		f.At = []int{1 + r.IntN(4)}
	}
	w.box.Fault(f)
	w.mu.Lock()
	w.shownLate = w.shownLate || f.Kind == sandbox.FaultReadDelay
	w.mu.Unlock()
	text, _ := json.Marshal(f)
	w.note("fault %s", text)
}

// outage is one in which a code changes, too.
func outage(w *taleWorld, r *rand.Rand) {
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: []int{400, 500, 503}[r.IntN(3)]})
	w.set(w.user(r.Int()), "short_code", w.newCode())
}

// slowImport lets the next import take long, and a row change while it is under way.
func slowImport(w *taleWorld, r *rand.Rand) {
	u := w.user(r.Int())
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultSlowWork, Delay: []time.Duration{time.Minute, 5 * time.Minute, 20 * time.Minute}[r.IntN(3)], Times: 1})
	w.set(u, "short_code", w.newCode())
	w.wait(taleEvery + 3*time.Second)
	switch r.IntN(3) {
	case 0:
		w.set(u, "short_code", w.newCode())
	case 1:
		if c, ok := w.box.Contact(u.email); ok && u.row != nil {
			w.set(u, "short_code", taleValue(&c, "short_code"))
		}
	}
	if r.IntN(2) == 0 {
		w.stop()
		w.wait(time.Second)
		w.push(Request{}, []string{u.email})
	}
}

func losesRow(w *taleWorld, r *rand.Rand) {
	u := w.user(r.Int())
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: u.email, Times: 1 + r.IntN(2)})
	w.set(u, "short_code", w.newCode())
}

// other is a configuration beside the daemon's, often the same.
func (w *taleWorld) other(r *rand.Rand) string {
	n := r.IntN(2 * len(taleFields))
	if n >= len(taleFields) {
		return "ccsync.toml"
	}
	name := fmt.Sprintf("other%d.toml", n)
	w.must(os.WriteFile(filepath.Join(w.dir, name), []byte(w.config(n)), 0o600))
	return name
}

func dryRun(w *taleWorld, r *rand.Rand) {
	o, name := ccsync.Options{Trigger: "command", Full: r.IntN(4) == 0}, w.other(r)
	w.beside("dry run "+name, name, func(ctx context.Context, sh *shell.Shell) error {
		report, err := app.Once(ctx, sh, o, true)
		if err != nil {
			return err
		}
		return errors.New(string(report.Outcome))
	})
}

func check(w *taleWorld, r *rand.Rand) {
	o, name := doctor.Options{Offline: r.IntN(2) == 0, Output: shell.OutputJSON}, w.other(r)
	w.beside("check "+name, name, func(ctx context.Context, sh *shell.Shell) error { return doctor.Check(ctx, sh, o) })
}

func explain(w *taleWorld, r *rand.Rand) {
	name, who := w.other(r), w.user(r.Int()).email
	w.beside("explain "+name, name, func(ctx context.Context, sh *shell.Shell) error {
		return w.opens(ctx, sh, func(a *app.App) error { _, err := a.Engine().Explain(ctx, who); return err })
	})
}

func forget(w *taleWorld, r *rand.Rand) {
	u := w.user(r.Int())
	w.mu.Lock()
	u.edited = time.Now()
	w.mu.Unlock()
	w.beside("forget", "ccsync.toml", func(ctx context.Context, sh *shell.Shell) error {
		err := w.opens(ctx, sh, func(a *app.App) error {
			_, unread := a.Engine().Explain(ctx, u.email)
			_, err := a.Engine().Forget(ctx, u.email)
			return errors.Join(unread, err)
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		u.edited = time.Now()
		return err
	})
}

// opened is a page that somebody looks at.
func (w *taleWorld) opened(path string) {
	w.others.Go(func() {
		if status, text := w.ask(w.ctx, "GET", path, ""); status == 500 && w.life.isDead() == false {
			w.note("GET %s: %d %s", path, status, text)
		}
	})
}

// some are a few users, each with a new code or without.
func (w *taleWorld) some(r *rand.Rand) (who []string) {
	for range 1 + r.IntN(3) {
		u := w.user(r.Int())
		if r.IntN(2) == 0 {
			w.set(u, "short_code", w.newCode())
		}
		who = append(who, u.email)
	}
	return who
}

func (w *taleWorld) postRun(who []string) {
	body := ""
	if who != nil {
		text, _ := json.Marshal(map[string]any{"emails": who, "wait": "2m"})
		body = string(text)
	}
	w.others.Go(func() {
		began := time.Now()
		status, text := w.ask(w.ctx, "POST", "/run", body)
		w.note("POST /run %s: %d %s", body, status, text)
		var answer struct{ Users []web.RunUser }
		if status == 200 && json.Unmarshal([]byte(text), &answer) == nil {
			for _, u := range answer.Users {
				w.said("POST /run", u.Email, u.State, began)
			}
		}
	})
}

func (w *taleWorld) push(f Request, who []string) {
	f.Only, f.Wait = who, true
	w.beside(fmt.Sprintf("push %+v %v", f, who), "ccsync.toml", func(ctx context.Context, sh *shell.Shell) error {
		began := time.Now()
		if f.Force {
			w.forces(1)
			defer w.forces(-1)
		}
		report, err := Push(ctx, sh, &f)
		// until the daemon has reloaded it, and has time
		for (errors.Is(err, errOtherFile) || errors.Is(err, exit.ErrForcedLate)) && kit.Sleep(ctx, 10*time.Second) == nil {
			report, err = Push(ctx, sh, &f)
		}
		if err != nil || report == nil {
			return err
		}
		for _, u := range report.Users {
			w.said("push", u.Email, u.State, began)
		}
		return errors.New(string(report.Outcome))
	})
}

func (w *taleWorld) reload(fields int) {
	if w.d == nil {
		return
	}
	w.must(os.WriteFile(filepath.Join(w.dir, "ccsync.toml"), []byte(w.config(fields)), 0o600))
	w.mu.Lock()
	w.rules.fields = fields
	w.maps(fields)
	w.mu.Unlock()
	select {
	case w.hangUp <- syscall.SIGHUP:
	default:
	}
}

// login is `auth login`, which somebody approves at once.
func (w *taleWorld) login() {
	w.beside("auth login", "ccsync.toml", func(ctx context.Context, sh *shell.Shell) (err error) {
		a, err := app.Open(ctx, sh)
		if err != nil {
			return err
		}
		defer shell.AtExit(&err, "close", a.Close)
		device, _, err := a.StartLogin(ctx)
		if err != nil {
			return err
		}
		token, err := a.Auth.Wait(ctx, device)
		if err != nil {
			return err
		}
		_, err = a.Login(ctx, token, false)
		return err
	})
}

func logout(w *taleWorld, _ *rand.Rand) {
	w.beside("auth logout", "ccsync.toml", func(ctx context.Context, sh *shell.Shell) error {
		cfg, err := sh.Config()
		if err != nil {
			return err
		}
		return app.LogOut(ctx, cfg)
	})
}

// kill lets the daemon die at one of its next requests or commits.
func kill(w *taleWorld, r *rand.Rand) {
	if r.IntN(2) == 0 {
		w.life.endAt(1+r.IntN(12), 0)
	} else {
		w.life.endAt(0, 1+r.IntN(30))
	}
	if r.IntN(2) == 0 {
		w.set(w.user(r.Int()), "short_code", w.newCode())
	}
}

// moveState moves the state file away, as the program advises for a damaged one.
func moveState(w *taleWorld, _ *rand.Rand) {
	from := filepath.Join(w.dir, "ccsync.db")
	for _, end := range []string{"", "-wal", "-shm"} {
		// a missing one need not be moved
		_ = os.Rename(from+end, fmt.Sprintf("%s.%d%s", from, w.at, end))
	}
	w.mu.Lock()
	w.known.lastTold, w.known.told, w.stateLost = "", make(map[string]time.Time), true
	w.mu.Unlock()
}
