package sync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Engine brings one account into step with one source. It is made anew for each configuration; its runs
// must not overlap.
type Engine struct {
	State *state.DB
	Quota *state.Quota
	// Users reads the source's rows from the start.
	Users func(context.Context) *source.Reading
	// Unchanged tells, for certain, that the source has not changed since the reading with this mark; false
	// when in doubt. nil: never certain.
	Unchanged func(ctx context.Context, mark string) (bool, error)
	Read      *ccapi.Reader
	Write     *ccapi.Writer // nil: a dry run
	// LookOnly gives a Reader that renews no token, nil when the one that there is cannot be used any more: for a dry run of a
	// clone, which is refused without a plan otherwise.
	LookOnly func(context.Context) *ccapi.Reader
	Scratch  string // folder for what does not fit into memory
	Home     Home
	Policy   Policy
	Guard    Guard
	Version  string
	Log      *slog.Logger
	// Progress hears how far a step has come; total is 0 when unknown. nil: nobody listens.
	Progress func(step string, done, total int)
	// Waited is how long requests have waited for their turn so far, all added up. nil: nobody knows.
	Waited func() time.Duration
	// Began hears the number of a run at its beginning. nil: nobody listens.
	Began func(run int64)
	// ExitCode tells the program's exit code for a report that is complete otherwise. nil: 0.
	ExitCode func(*Report) int
}

// Policy is what the configuration allows and wants.
type Policy struct {
	Fields             []contact.Field
	Lists              []string // names or ids
	Create             bool     // add users that are no contact yet
	UpdateUnsubscribed bool     // fields of contacts that opted out, never their lists
	ClearOrphans       bool     // empty what this program filled when the user is gone
	// NextSnapshot is when a full snapshot is due after one taken at that time. nil: never again.
	NextSnapshot    func(time.Time) time.Time
	Drift           time.Duration // how long an idle daemon may go without asking
	ActivityTimeout time.Duration // after which an import counts as lost
	Keep            time.Duration // history; 0 keeps all
}

// Options are what one run is asked for.
type Options struct {
	Trigger string   // "command", "schedule", "http" or "push"
	Force   bool     // pass the guard once
	Full    bool     // take a full snapshot
	Limit   int      // at most so many changes; 0: no limit
	Only    []string // these users alone: addresses, or "key:4711"; quarantined or not
}

// run is one run under way.
type run struct {
	*Engine
	opts      Options
	id        int64
	started   time.Time
	report    *Report
	mapping   *contact.Mapping
	bound     bool           // custom fields were read in this run
	mirror    *mirror.Mirror // nil before the refresh
	users     *users.Users
	mark      string // of the reading that gave the users
	asked     *plan.Asked
	plan      *plan.Plan // the present one
	first     *plan.Plan // while plan is that of the users who waited: what was planned before
	push      pusher
	moved     string          // why a dry run that goes on is refused all the same
	earlier   []state.Problem // what former runs sent in vain, as this one found out
	before    int             // requests of the Reader before this run
	waited    waited
	brokenOff bool // it was told to stop
}

// waited is what a run has waited for.
type waited struct {
	before     time.Duration // what Engine.Waited said when the run began
	activities time.Duration
	database   time.Duration
}

// Run runs once. The report is there whatever happened; an error is one that kept even the report from being
// kept. Without a Writer it is a dry run: the same steps, ended after the guard.
func (e *Engine) Run(ctx context.Context, opts Options) (*Report, error) {
	r, err := e.begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	err = r.steps(ctx)
	superseded := r.dropSuperseded()
	r.close()
	r.brokenOff = ctx.Err() != nil
	if r.plan != nil {
		r.report.Users = r.asked.States()
	}
	unknown := r.openProblems(context.WithoutCancel(ctx), err)
	unknown = errors.Join(unknown, superseded, r.failedEarlier(context.WithoutCancel(ctx)))
	if err == nil {
		err = unknown
	}
	r.countPushed()
	r.report.conclude(err)
	return r.report, r.end(context.WithoutCancel(ctx))
}

func (e *Engine) begin(ctx context.Context, opts Options) (*run, error) {
	dry := e.Write == nil
	id, err := e.State.BeginRun(ctx, state.Run{Trigger: opts.Trigger, Dry: dry, Forced: opts.Force, Records: voidLastPlan(dry, opts.Only)})
	if err != nil {
		return nil, err
	}
	if e.Began != nil {
		e.Began(id)
	}
	r := &run{Engine: e, opts: opts, id: id, started: time.Now(), before: e.Read.Requests()}
	if e.Waited != nil {
		r.waited.before = e.Waited()
	}
	r.report = &Report{
		Schema: 1, Version: e.Version, Run: id, Trigger: opts.Trigger, DryRun: dry, StartedAt: e.State.Now().Truncate(time.Millisecond),
		Changes: []Change{}, Skipped: []Skipped{}, Reasons: map[string]int{}, OpenProblems: map[string]int{}, Mirror: mirror.Told{Refresh: "none"},
		Guard: plan.NoVerdict(), Only: len(opts.Only), Forced: opts.Force,
	}
	r.asked = plan.AskedFor(opts.Only)
	r.push.asked, r.push.state = r.asked, r.State
	if !dry {
		r.report.Push = &Pushed{Activities: []PushedActivity{}, Problems: []PushProblem{}}
	}
	return r, nil
}

// steps is one run from left to right.
func (r *run) steps(ctx context.Context) error {
	if ok, err := r.atHome(ctx); err != nil || !ok {
		return err
	}
	if err := r.bind(ctx, r.opts.Full); err != nil {
		return err
	}
	r.openMirror()
	if err := r.resume(ctx); err != nil {
		return err
	}
	if err := r.mirror.Refresh(ctx); err != nil {
		return err
	}
	if err := r.settleEnded(ctx); err != nil {
		return err
	}
	if err := r.compareAhead(ctx); err != nil {
		return err
	}
	if err := r.recallClearing(ctx); err != nil {
		return err
	}
	if err := r.readSource(ctx); err != nil {
		return err
	}
	if err := r.makePlan(ctx); err != nil {
		return err
	}
	r.noteUnproven()
	if err := r.carryOut(ctx); err != nil || r.report.Guard.Tripped || r.Write == nil {
		return err
	}
	if err := r.await(ctx); err != nil || !r.push.late {
		return err
	}
	return r.planRest(ctx)
}

// openMirror makes the mirror of this run.
func (r *run) openMirror() {
	r.mirror = mirror.New(mirror.Options{
		State: r.State, Read: r.Read, Write: r.Write, Scratch: r.Scratch, Log: r.Log.With("run", r.id), Note: r.note, Step: r.step,
		Bind: func(ctx context.Context) (*contact.Mapping, error) {
			err := r.bind(ctx, true)
			return r.mapping, err
		},
		Waited:       func(d time.Duration) { r.waited.activities += d },
		NextSnapshot: r.Policy.NextSnapshot, Full: r.opts.Full,
	}, r.mapping, r.bound)
}

func (r *run) readSource(ctx context.Context) (err error) {
	r.step("source", 0, 0)
	reading := r.Users(ctx)
	var told func(users.Row)
	if r.asked != nil {
		told = r.asked.Row
	}
	r.users, err = users.Read(ctx, reading.Rows(), r.mapping, r.Scratch, told)
	if err != nil {
		return err
	}
	r.mark = reading.Mark()
	r.report.Source, r.waited.database = r.users.Count, r.users.Waited
	r.step("source", r.users.Count.Rows, r.users.Count.Rows)
	return nil
}

// close removes the run's spools.
func (r *run) close() {
	if r.users != nil {
		r.users.Close()
	}
	for _, p := range []*plan.Plan{r.first, r.plan} {
		if p != nil {
			p.Close()
		}
	}
	if r.mirror == nil {
		return
	}
	r.report.Mirror = r.mirror.Told()
	if err := r.mirror.Close(); err != nil {
		r.Log.Warn("remove what a dry run read for itself", "run", r.id, "error", err)
	}
}

// end completes the report and keeps it.
func (r *run) end(ctx context.Context) error {
	rep := r.report
	rep.Seconds = time.Since(r.started).Round(time.Millisecond).Seconds()
	rep.Waited = r.waitedFor()
	rep.Requests = r.Read.Requests() - r.before
	r.push.finish(rep)
	usage, err := r.Quota.Usage(ctx)
	if err != nil {
		return err
	}
	rep.Quota = quotaOf(usage)
	if r.ExitCode != nil {
		rep.ExitCode = r.ExitCode(rep)
	}
	if err := r.remember(ctx); err != nil {
		return err
	}
	kept, err := rep.history()
	if err != nil {
		return err
	}
	records, err := r.records(ctx)
	if err != nil {
		return err
	}
	err = r.State.EndRun(ctx, state.Run{ID: r.id, Outcome: string(rep.Outcome), Requests: rep.Requests, Report: kept, Records: records})
	if err != nil || r.Policy.Keep == 0 || r.Write == nil {
		return err
	}
	return r.State.Prune(ctx, r.Policy.Keep)
}

func (r *run) waitedFor() Waited {
	seconds := func(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
	w := Waited{Activities: seconds(r.waited.activities), Database: seconds(r.waited.database)}
	if r.Engine.Waited != nil {
		w.Limiter = seconds(r.Engine.Waited() - r.waited.before)
	}
	return w
}

func quotaOf(u state.Usage) Quota {
	q := Quota{Used: u.Used, Limit: u.Limit, ResetsAt: u.ResetsAt}
	if u.Closed {
		q.Used = u.Limit
	}
	return q
}

func (r *run) note(text string) { r.report.Notes = append(r.report.Notes, text) }

// noteUnproven says of the targets of a plan with changes which nobody has seen Constant Contact take values for.
func (r *run) noteUnproven() {
	for i := range r.mapping.Targets {
		if t := &r.mapping.Targets[i]; r.plan.Len() > 0 && contact.Unproven(t.Kind) {
			r.noteOnce(fmt.Sprintf("the custom field %q is of type %s, which is unproven: nobody has seen yet how Constant Contact takes its choices", t.Label, t.Kind))
		}
	}
}

// noteOnce notes what comes up again when a plan is made again.
func (r *run) noteOnce(text string) {
	if !slices.Contains(r.report.Notes, text) {
		r.note(text)
	}
}

func (r *run) step(name string, done, total int) {
	if r.Progress != nil {
		r.Progress(name, done, total)
	}
}

// now is the server's time.
func (r *run) now() time.Time { return r.State.Now() }

// waitForActivity waits until an activity may have moved on, or what it wrote may be readable.
func (r *run) waitForActivity(ctx context.Context, d time.Duration) error {
	began := time.Now()
	defer func() { r.waited.activities += time.Since(began) }()
	return wait(ctx, d)
}

// wait sleeps, or ends with the context.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait: %w", ctx.Err())
	}
}
