package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// controlBase cannot be mistaken for a path of the real API.
const controlBase = "/_sandbox/"

// controlRoute is one control endpoint.
type controlRoute struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Does   string `json:"does"`
	work   func(*http.Request, []byte) (any, error)
}

// controlRoutes are the control endpoints: what the in-process API does, over
// HTTP. They are not logged, not limited and meet no faults.
func (s *Server) controlRoutes() []controlRoute {
	return slices.Concat(s.controlOfAccount(), s.controlOfBehaviour(), s.controlOfLogins())
}

func (s *Server) controlOfAccount() []controlRoute {
	return []controlRoute{
		{"GET", "status", "the main figures of the sandbox", s.controlStatus},
		{"POST", "seed", "adds `contacts`, `lists` (names) and `custom_fields` (`label`, `type`)", s.controlSeed},
		{"POST", "reset", "resets the account, and clears log and faults", does(s.Reset)},
		{"GET", "contacts", "all contacts as they are now, deleted ones too", tells(s.Contacts)},
		{"GET", "contacts/{who}", "one contact, by address or id", s.controlContact},
		{"POST", "edits", "edits contacts like a person in the product: one edit, or an array", s.controlEdits},
		{"GET", "snapshot", "the whole account", func(*http.Request, []byte) (any, error) { return json.RawMessage(s.Snapshot()), nil }},
		{"PUT", "snapshot", "replaces the account with that of a snapshot", func(_ *http.Request, body []byte) (any, error) { return nil, s.Restore(body) }},
	}
}

func (s *Server) controlOfBehaviour() []controlRoute {
	return []controlRoute{
		{"GET", "faults", "the faults that are set", tells(s.Faults)},
		{"POST", "faults", "adds a fault, or an array of faults", s.controlFaults},
		{"DELETE", "faults", "clears all faults", does(s.ClearFaults)},
		{"GET", "switches", "the positions of all switches", tells(s.Switches)},
		{"PATCH", "switches", "changes the switches that are named", s.controlSwitches},
		{"GET", "settings", "limits, lifetimes of tokens, and other settings", tells(s.settings)},
		{"PATCH", "settings", "changes the settings that are named", s.controlSettings},
		{"POST", "clock", "moves the clock by `advance`, such as \"24h\"", s.controlClock},
		{"GET", "requests", "the log of requests, starting with the number `?since=`", s.controlRequests},
		{"DELETE", "requests", "empties the log", does(s.ForgetRequests)},
		{"GET", "automations", "the lists for which automations wait; the automations that were started, by whom and why", tells(s.automations)},
		{"POST", "automations", "lets an automation wait for contacts that join a `list` (name or id)", s.controlAutomate},
		{"GET", "mails", "the mails that the real service would have sent", tells(s.Mails)},
		{"DELETE", "mails", "deletes the mails and the automations that were started", does(s.ForgetMails)},
		{"GET", "imports", "the imports that arrived, with their rows as they were sent", tells(s.Imports)},
	}
}

func (s *Server) controlOfLogins() []controlRoute {
	return []controlRoute{
		{"GET", "devices", "the device codes that wait for a person", tells(s.Pending)},
		{"POST", "devices/{code}/{verb}", "approves or denies a code: `approve`, `deny`, or `approve_unassigned` for a login without an account", s.controlDevice},
		{"POST", "tokens", "logs in without the device flow, and answers with both tokens", s.controlAuthorize},
		{"GET", "tokens", "how often each refresh token was presented", tells(s.TokenSpends)},
		{"DELETE", "tokens", "revokes all tokens", does(s.RevokeAll)},
	}
}

// tells answers what get says, does answers nothing.
func tells[T any](get func() T) func(*http.Request, []byte) (any, error) {
	return func(*http.Request, []byte) (any, error) { return get(), nil }
}

func does(act func()) func(*http.Request, []byte) (any, error) {
	return func(*http.Request, []byte) (any, error) { act(); return nil, nil }
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
	if err := errors.Join(strict(body, &switches), switches.check()); err != nil {
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
