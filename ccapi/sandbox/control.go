package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// controlBase cannot be mistaken for a path of the real API.
const controlBase = "/_sandbox/"

// controlRoutes are the control endpoints: what the in-process API does, over
// HTTP. They are not logged, not limited and meet no faults.
func (s *Server) controlRoutes() map[string]func(*http.Request, []byte) (any, error) {
	return map[string]func(*http.Request, []byte) (any, error){
		"GET status":                 s.controlStatus,
		"POST seed":                  s.controlSeed,
		"POST reset":                 func(*http.Request, []byte) (any, error) { s.Reset(); return nil, nil },
		"GET contacts":               func(*http.Request, []byte) (any, error) { return s.Contacts(), nil },
		"GET contacts/{who}":         s.controlContact,
		"POST edits":                 s.controlEdits,
		"GET faults":                 func(*http.Request, []byte) (any, error) { return s.Faults(), nil },
		"POST faults":                s.controlFaults,
		"DELETE faults":              func(*http.Request, []byte) (any, error) { s.ClearFaults(); return nil, nil },
		"GET requests":               s.controlRequests,
		"DELETE requests":            func(*http.Request, []byte) (any, error) { s.ForgetRequests(); return nil, nil },
		"GET imports":                func(*http.Request, []byte) (any, error) { return s.Imports(), nil },
		"GET switches":               func(*http.Request, []byte) (any, error) { return s.Switches(), nil },
		"PATCH switches":             s.controlSwitches,
		"GET snapshot":               func(*http.Request, []byte) (any, error) { return json.RawMessage(s.Snapshot()), nil },
		"PUT snapshot":               func(_ *http.Request, body []byte) (any, error) { return nil, s.Restore(body) },
		"POST clock":                 s.controlClock,
		"GET devices":                func(*http.Request, []byte) (any, error) { return s.Pending(), nil },
		"POST devices/{code}/{verb}": s.controlDevice,
		"GET tokens":                 func(*http.Request, []byte) (any, error) { return s.TokenSpends(), nil },
		"POST tokens":                s.controlAuthorize,
		"DELETE tokens":              func(*http.Request, []byte) (any, error) { s.RevokeAll(); return nil, nil },
	}
}

// control wraps a control endpoint: JSON in, JSON out, 204 where there is
// nothing to say, {"error": ...} where something is wrong.
func (s *Server) control(work func(*http.Request, []byte) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := readBody(r)
		if err != nil {
			return // the client went away in the middle of its request
		}
		out, err := work(r, body)
		a := noContent()
		switch {
		case errors.Is(err, errNotThere):
			a = jsonAnswer(http.StatusNotFound, map[string]string{"error": err.Error()})
		case err != nil:
			a = jsonAnswer(http.StatusBadRequest, map[string]string{"error": err.Error()})
		case out != nil:
			a = ok(out)
		}
		a.send(w, s.Now().Format(http.TimeFormat))
		s.save(false)
	})
}

var errNotThere = errors.New("not found")

// strict reads JSON and refuses members that it does not know.
func strict(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("read the request: there is something after its end")
	}
	return nil
}

// Status is the sandbox in a few figures.
type Status struct {
	Now          time.Time `json:"now"`
	Contacts     int       `json:"contacts"`
	Requests     int       `json:"requests"`
	UsedToday    int       `json:"used_today"`
	PerDay       int       `json:"per_day"`
	PerSecond    int       `json:"per_second"`
	MaxPerSecond int       `json:"max_per_second"`
	Unlimited    bool      `json:"unlimited"`
	Faults       int       `json:"faults"`
	Queued       int       `json:"queued_activities"`
	SaveError    string    `json:"save_error,omitempty"`
}

// Status tells how the sandbox stands.
func (s *Server) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.settle()
	s.usage.turn(now)
	out := Status{Now: now, Contacts: len(s.acc.Contacts), Requests: s.log.count, UsedToday: s.usage.used, PerDay: s.opts.PerDay,
		PerSecond: s.opts.PerSecond, MaxPerSecond: s.log.most, Unlimited: s.opts.Unlimited, Faults: len(s.faults.list)}
	for _, a := range s.acc.Activities {
		if !a.Settled {
			out.Queued++
		}
	}
	if s.store.err != nil {
		out.SaveError = s.store.err.Error()
	}
	return out
}

func (s *Server) controlStatus(*http.Request, []byte) (any, error) { return s.Status(), nil }

// controlSeed adds contacts, lists and custom fields.
func (s *Server) controlSeed(_ *http.Request, body []byte) (any, error) {
	var in struct {
		Contacts []Contact `json:"contacts"`
		Lists    []string  `json:"lists"`
		Fields   []struct {
			Label string `json:"label"`
			Type  string `json:"type"`
		} `json:"custom_fields"`
	}
	if err := strict(body, &in); err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, name := range in.Lists {
		ids[name] = s.AddList(name)
	}
	for _, f := range in.Fields {
		ids[f.Label] = s.AddCustomField(f.Label, orDefault(f.Type, "string"))
	}
	s.Seed(in.Contacts...)
	return map[string]any{"ids": ids, "contacts": len(in.Contacts)}, nil
}

// Reset makes the account anew, as [New] did, and empties log and faults. Tokens
// and switches stay.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acc = newAccount(s.opts.Seed)
	s.log, s.imports, s.faults.list = requestLog{}, nil, nil
	if s.opts.Contacts > 0 {
		s.seedDefault(s.opts.Contacts)
	}
	s.changed++
}

func (s *Server) controlContact(r *http.Request, _ []byte) (any, error) {
	c, found := s.Contact(r.PathValue("who"))
	if !found {
		return nil, fmt.Errorf("contact %q: %w", r.PathValue("who"), errNotThere)
	}
	return c, nil
}

// controlFaults sets one fault or several.
func (s *Server) controlFaults(_ *http.Request, body []byte) (any, error) {
	all, err := ParseFaults(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		s.Fault(f)
	}
	return s.Faults(), nil
}

// controlRequests is the log, from the number "since" on.
func (s *Server) controlRequests(r *http.Request, _ []byte) (any, error) {
	since := 0
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("since is no number: %q", text)
		}
	}
	out := []Request{}
	for _, line := range s.Requests() {
		if line.Number >= since {
			out = append(out, line)
		}
	}
	return out, nil
}

// controlSwitches changes the switches that are named.
func (s *Server) controlSwitches(_ *http.Request, body []byte) (any, error) {
	switches := s.Switches()
	if err := strict(body, &switches); err != nil {
		return nil, err
	}
	s.SetSwitches(switches)
	return switches, nil
}

// controlClock moves the clock.
func (s *Server) controlClock(_ *http.Request, body []byte) (any, error) {
	var in struct {
		Advance string `json:"advance"`
	}
	if err := strict(body, &in); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Advance)
	if err != nil {
		return nil, fmt.Errorf("advance the clock: %w", err)
	}
	s.Advance(d)
	return map[string]time.Time{"now": s.Now()}, nil
}

func (s *Server) controlDevice(r *http.Request, _ []byte) (any, error) {
	verbs := map[string]func(string) bool{"approve": s.Approve, "deny": s.Deny, "approve_unassigned": s.ApproveUnassigned}
	act := verbs[r.PathValue("verb")]
	if act == nil || !act(r.PathValue("code")) {
		return nil, fmt.Errorf("device code %q to %s: %w", r.PathValue("code"), r.PathValue("verb"), errNotThere)
	}
	return nil, nil
}

func (s *Server) controlAuthorize(*http.Request, []byte) (any, error) {
	access, refresh := s.Authorize()
	return map[string]string{"access_token": access, "refresh_token": refresh}, nil
}
