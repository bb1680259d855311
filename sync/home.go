package sync

import (
	"context"
	"fmt"

	"ccsyncd/sync/contact"
)

// Home is where a state database belongs. Empty members are not compared.
type Home struct {
	API, Auth string // endpoints
	Source    string // which database, without secrets
	Machine   string // machine id
	Path      string // absolute path of the state database
}

// Names under which the state database keeps its home.
const (
	factAPI     = "home_api"
	factAuth    = "home_auth"
	factSource  = "home_source"
	factMachine = "home_machine"
	factPath    = "home_path"
)

// atHome checks that this state database belongs to these endpoints, this source and this machine, and takes
// them when it is new. ok is false when it was moved: the guard has refused, no token was spent.
//
//	differs                    then
//	endpoints                  error (the program exits 78)
//	source                     refused, unless forced
//	machine and path           refused, unless forced: it is a clone
//	machine or path            it was moved or renamed: taken
func (r *run) atHome(ctx context.Context) (ok bool, err error) {
	was, err := r.homeFacts(ctx)
	if err != nil {
		return false, err
	}
	if differ(was.API, r.Home.API) || differ(was.Auth, r.Home.Auth) {
		return false, &contact.SetupError{Code: "other_endpoints",
			Message: fmt.Sprintf("this state database belongs to %s and the configuration names %s", was.API, r.Home.API),
			Hint:    "give each pair of [endpoints] a state database of its own ([state] path)"}
	}
	moved := ""
	switch {
	case differ(was.Source, r.Home.Source):
		moved = fmt.Sprintf("the state database was filled from another source: %s, and now it is %s", was.Source, r.Home.Source)
	case differ(was.Machine, r.Home.Machine) && differ(was.Path, r.Home.Path):
		moved = fmt.Sprintf("the state database comes from another machine and path (%s): if that installation still runs, the two would spend each other's tokens", was.Path)
	}
	if moved != "" && !r.opts.Force {
		r.report.Guard.Trip("moved", moved)
		return false, nil
	}
	return true, r.moveIn(ctx, was)
}

func differ(was, is string) bool { return was != "" && is != "" && was != is }

func (r *run) homeFacts(ctx context.Context) (h Home, err error) {
	for name, value := range h.facts() {
		if *value, err = r.State.Fact(ctx, name); err != nil {
			return h, err
		}
	}
	return h, nil
}

func (h *Home) facts() map[string]*string {
	return map[string]*string{factAPI: &h.API, factAuth: &h.Auth, factSource: &h.Source, factMachine: &h.Machine, factPath: &h.Path}
}

// moveIn writes down where the state database belongs. A dry run takes a new one and moves none.
func (r *run) moveIn(ctx context.Context, was Home) error {
	if was == r.Home || r.Write == nil && was != (Home{}) {
		return nil
	}
	facts := make(map[string]string)
	for name, value := range r.Home.facts() {
		if *value != "" {
			facts[name] = *value
		}
	}
	return r.State.SetFacts(ctx, facts)
}
