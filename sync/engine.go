package sync

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/source"
	"ccsyncd/sync/canary"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/push"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Engine brings one account into step with one source. A new one is created for each configuration;
// its runs must not overlap.
type Engine struct {
	State *state.DB
	Quota *state.Quota
	// Users reads the source's rows from the start; dates are the fields whose numbers are dates.
	Users func(ctx context.Context, dates ...int) *source.Reading
	// Unchanged tells, for certain, that the source has not changed since the reading with this
	// mark; false when in doubt. nil: never certain.
	Unchanged func(ctx context.Context, mark string) (bool, error)
	Read      *ccapi.Reader
	Write     *ccapi.Writer // nil: a dry run
	// LookOnly gives a Reader that renews no token, nil when the one that there is cannot be used
	// any more: for a dry run of a clone, which is refused without a plan otherwise.
	LookOnly func(context.Context) *ccapi.Reader
	Scratch  string // folder for what does not fit into memory
	Home     Home
	Policy   Policy
	Guard    Guard
	Version  string
	Log      *slog.Logger
	// Progress hears how far a step has come; total is 0 when unknown. nil: nobody listens.
	Progress func(step string, done, total int)
	// Waited is how long requests have waited for their turn so far, all added up. nil: nobody
	// knows.
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
	plan      *plan.Plan     // the present one
	first     *plan.Plan     // while plan is that of the users who waited: what was planned before
	out       *push.Outbox   // nil before the mapping is known
	canary    *canary.Canary // the same
	moved     string         // why a dry run that goes on is refused all the same
	before    int            // requests of the Reader before this run
	waited    waited
	harmSeen  string // forced for all: how the first contacts had changed in too much
	brokenOff bool   // it was told to stop
}

// waited is what a run has waited for.
type waited struct {
	before     time.Duration // what Engine.Waited said when the run began
	activities time.Duration
	database   time.Duration
}

// Run runs once. The report is there whatever happened; an error is one that kept even the report
// from being kept. Without a Writer it is a dry run: the same steps, ended after the guard.
func (e *Engine) Run(ctx context.Context, opts Options) (*Report, error) {
	r, err := e.begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	err = r.steps(ctx)
	r.brokenOff = ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	if unknown := r.takeStock(ctx, err); err == nil {
		err = unknown
	}
	r.close()
	r.report.conclude(err)
	return r.report, r.end(ctx)
}

// takeStock completes the report by what is open still and what was sent. ended is what ended the
// run.
func (r *run) takeStock(ctx context.Context, ended error) error {
	if r.plan != nil {
		r.report.Users = r.asked.States()
	}
	err := r.openProblems(ctx, ended)
	if r.out == nil || r.Write == nil {
		return err
	}
	sent, unknown := r.out.Sent(ctx, r.first, r.plan)
	r.report.pushed(&sent)
	return errors.Join(err, unknown)
}

func (e *Engine) begin(ctx context.Context, opts Options) (*run, error) {
	dry := e.Write == nil
	records, err := opts.atBegin(dry, e.State.Now())
	if err != nil {
		return nil, err
	}
	id, err := e.State.BeginRun(ctx, state.Run{Trigger: opts.Trigger, Dry: dry, Forced: opts.Force, Records: records})
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
		Guard: plan.NoVerdict(), Extent: opts.Extent(), Forced: opts.Force,
	}
	r.asked = plan.AskedFor(opts.Only)
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
	r.open()
	if err := r.settle(ctx); err != nil {
		return err
	}
	if err := r.readSource(ctx); err != nil {
		return err
	}
	if err := r.makePlan(ctx); err != nil {
		return err
	}
	r.report.noteUnproven(r.plan)
	if err := r.carryOut(ctx); err != nil || r.report.Guard.Tripped || r.Write == nil {
		return err
	}
	if err := r.out.Await(ctx); err != nil || !r.out.Late() {
		return err
	}
	return r.planRest(ctx)
}

// settle takes up what former runs left open, and brings the mirror up to date.
func (r *run) settle(ctx context.Context) error {
	if err := r.out.Resume(ctx); err != nil {
		return err
	}
	if err := r.mirror.Refresh(ctx); err != nil {
		return err
	}
	if err := r.out.Settle(ctx); err != nil {
		return err
	}
	if err := r.canary.Compare(ctx); err != nil {
		return err
	}
	return r.out.Recall(ctx)
}

// open makes the mirror, the outbox and the canary of this run.
func (r *run) open() {
	waited := func(d time.Duration) { r.waited.activities += d }
	r.mirror = mirror.New(mirror.Options{
		State: r.State, Read: r.Read, Write: r.Write, Scratch: r.Scratch, Page: ccapi.ContactsPerPage, Log: r.Log.With("run", r.id), Note: r.report.note, Step: r.step,
		Bind: func(ctx context.Context) (*contact.Mapping, error) {
			err := r.bind(ctx, true)
			return r.mapping, err
		},
		Waited: waited, NextSnapshot: r.Policy.NextSnapshot, Full: r.opts.Full,
	}, r.mapping, r.bound)
	r.out = push.Open(push.Options{
		Run: r.id, State: r.State, Quota: r.Quota, Read: r.Read, Write: r.Write, Mirror: r.mirror, Asked: r.asked, Scratch: r.Scratch, Log: r.Log,
		Step: r.step, Waited: waited, ActivityTimeout: r.Policy.ActivityTimeout, UpdateUnsubscribed: r.Policy.UpdateUnsubscribed,
	}, r.mapping)
	r.canary = canary.New(canary.Options{
		Run: r.id, Contacts: r.Guard.Canary, Force: r.opts.Force, Write: r.Write != nil, State: r.State, Read: r.Read, Mirror: r.mirror, Log: r.Log,
	}, r.mapping)
}

// use says which mapping holds from now on.
func (r *run) use(m *contact.Mapping) {
	r.mapping = m
	if r.out != nil {
		r.out.Use(m)
		r.canary.Use(m)
	}
}

func (r *run) readSource(ctx context.Context) (err error) {
	r.step("source", 0, 0)
	reading := r.Users(ctx, r.mapping.Dates()...)
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
	r.out.Close()
	r.report.Mirror = r.mirror.Told()
	if err := r.mirror.Close(); err != nil {
		r.Log.Warn("remove what a dry run read for itself", "run", r.id, "error", err)
	}
}

// end completes the report and keeps it.
func (r *run) end(ctx context.Context) error {
	rep := r.report
	rep.Seconds = seconds(time.Since(r.started))
	rep.Waited = r.waited.told(r.Engine.Waited)
	rep.Requests = r.Read.Requests() - r.before
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

// told is it for the report; requests says how long they have waited so far.
func (w *waited) told(requests func() time.Duration) Waited {
	all := Waited{Activities: seconds(w.activities), Database: seconds(w.database)}
	if requests != nil {
		all.Limiter = seconds(requests() - w.before)
	}
	return all
}

// seconds are those of a duration to the millisecond, without the far decimals that
// [time.Duration.Seconds] has of many.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000
}

func quotaOf(u state.Usage) Quota {
	q := Quota{Used: u.Used, Limit: u.Limit, ResetsAt: u.ResetsAt}
	if u.Closed {
		q.Used = u.Limit
	}
	return q
}

func (r *run) step(name string, done, total int) {
	if r.Progress != nil {
		r.Progress(name, done, total)
	}
}
