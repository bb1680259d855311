package sync

import (
	"context"
	"fmt"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Home is where a state file belongs. Empty members are not compared.
type Home struct {
	API, Auth string // endpoints
	Source    string // which database, without secrets
	Machine   string // machine id
	Path      string // absolute path of the state file
}

// Names under which the state file keeps its home.
const (
	factAPI     = "home_api"
	factAuth    = "home_auth"
	factSource  = "home_source"
	factMachine = "home_machine"
	factPath    = "home_path"
	factJoins   = "joins" // "yes": a forced run has let existing contacts join lists
)

// atHome checks that this state file belongs to these endpoints, this source and this machine.
// ok is false when it was moved: the guard has refused, no token was spent.
//
//	differs                    then
//	endpoints                  error (the program exits 78)
//	source                     refused, unless forced
//	machine and path           refused, unless forced: it is a clone
//	machine or path            it was moved or renamed: taken
//
// A dry run goes on all the same, so that its plan can be seen: that of a clone with the access
// token that it has, which is not renewed, since renewing would spend the refresh token of the
// installation that it was cloned from.
//
// Who is bound when: endpoints, machine and path with the login, whose tokens are for these and may
// be sent nowhere else, or with the first run. The source when a run that may write has passed the
// guard, by settleIn: until then it may be a mistyped one.
func (r *run) atHome(ctx context.Context) (ok bool, err error) {
	was, err := homeOf(ctx, r.State)
	if err != nil {
		return false, err
	}
	if err := was.sameEndpoints(r.Home); err != nil {
		return false, err
	}
	moved, clone := was.moved(r.Home)
	looks := r.Write == nil && (!clone || r.lookOnly(ctx))
	if moved != "" && (!r.opts.Force || r.Write == nil && !looks) {
		// nothing was moved: the name of the source is wrong
		if err := r.readable(ctx); err != nil && !clone {
			return false, err
		}
		r.moved = moved
		r.report.Guard.Trip("moved", moved)
		return looks, nil
	}
	if r.Write == nil && was != (Home{}) {
		return true, nil
	}
	is := r.Home
	is.Source = ""
	return true, is.bind(ctx, r.State, was)
}

// readable tells whether the source gives a row, or has none.
func (e *Engine) readable(ctx context.Context) error {
	for _, err := range e.Users(ctx).Rows() {
		if err != nil {
			return &users.SourceError{Err: err}
		}
		return nil
	}
	return nil
}

// moved says how it shows that a state file was moved, or cloned; "" when it does not.
func (h Home) moved(is Home) (how string, clone bool) {
	switch {
	case differ(h.Machine, is.Machine) && differ(h.Path, is.Path):
		return fmt.Sprintf("the state file comes from another machine and path (%s); if ccsyncd still runs there, each installation would use up the other's tokens", h.Path), true
	case differ(h.Source, is.Source):
		return fmt.Sprintf("the state file was filled from another source: it was %s, now it is %s", h.Source, is.Source), false
	}
	return "", false
}

// lookOnly continues with a Reader that renews no token; false when there is none that could be
// used.
func (r *run) lookOnly(ctx context.Context) bool {
	if r.LookOnly == nil {
		return false
	}
	reader := r.LookOnly(ctx)
	if reader == nil {
		return false
	}
	e := *r.Engine
	e.Read = reader
	r.Engine, r.before = &e, reader.Requests()
	return true
}

// settleIn is for a run that may write and has passed the guard: it binds the source, and when it
// was forced for all users, existing contacts may join the configured lists from now on.
func (r *run) settleIn(ctx context.Context) error {
	was, err := homeOf(ctx, r.State)
	if err != nil {
		return err
	}
	if err := (Home{Source: r.Home.Source}).bind(ctx, r.State, was); err != nil {
		return err
	}
	if !r.opts.forcesAll() || len(r.mapping.Lists) == 0 {
		return nil
	}
	return r.State.SetFacts(ctx, map[string]string{factJoins: "yes"})
}

// knowsWhoLeft tells whether existing contacts may join lists. A new state file cannot know who
// left one before it was made, so that they join none until a run for all users was forced.
func (e *Engine) knowsWhoLeft(ctx context.Context) (bool, error) {
	joins, err := e.State.Fact(ctx, factJoins)
	return joins != "", err
}

// LoggedIn binds a new state file to the endpoints that gave a login, to the machine and the
// path; a *SetupError when it belongs to other endpoints. Ask before the login is begun, too:
// nobody approves a code in vain then.
func (h Home) LoggedIn(ctx context.Context, db *state.DB, accepted bool) error {
	was, err := homeOf(ctx, db)
	if err != nil {
		return err
	}
	if err := was.sameEndpoints(h); err != nil || !accepted || was != (Home{}) {
		return err
	}
	h.Source = ""
	return h.bind(ctx, db, was)
}

func (h Home) sameEndpoints(is Home) error {
	was, names := h.API, is.API
	if !differ(was, names) {
		was, names = h.Auth, is.Auth
	}
	if differ(was, names) {
		return &contact.SetupError{Code: "other_endpoints",
			Message: fmt.Sprintf("this state file belongs to %s, but the configuration names %s", was, names),
			Hint:    "use a separate state file for each pair of [endpoints] ([state] path)"}
	}
	return nil
}

func differ(was, is string) bool { return was != "" && is != "" && was != is }

func homeOf(ctx context.Context, db *state.DB) (h Home, err error) {
	for name, value := range h.facts() {
		if *value, err = db.Fact(ctx, name); err != nil {
			return h, err
		}
	}
	return h, nil
}

func (h *Home) facts() map[string]*string {
	return map[string]*string{factAPI: &h.API, factAuth: &h.Auth, factSource: &h.Source, factMachine: &h.Machine, factPath: &h.Path}
}

// bind writes down where the state file belongs, as far as it is told and was not known.
func (h Home) bind(ctx context.Context, db *state.DB, was Home) error {
	facts := make(map[string]string)
	known := was.facts()
	for name, value := range h.facts() {
		if *value != "" && *value != *known[name] {
			facts[name] = *value
		}
	}
	if len(facts) == 0 {
		return nil
	}
	return db.SetFacts(ctx, facts)
}
