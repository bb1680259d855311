package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RunRequest asks the daemon for a run: for these users alone, or for all of them when none is
// named.
type RunRequest struct {
	Emails []string // addresses
	Keys   []string // of users in the app
	// Wait is how long the answer may wait until these users are settled. Without any it is 0: the
	// answer comes as soon as the run has its number.
	Wait time.Duration
}

// All tells whether the run is for all users.
func (r *RunRequest) All() bool { return len(r.Emails)+len(r.Keys) == 0 }

// Names are the users as the engine takes them, the emails first.
func (r *RunRequest) Names() []string {
	names := slices.Clone(r.Emails)
	for _, key := range r.Keys {
		names = append(names, "key:"+key)
	}
	return names
}

// Pending is one entry for each user, in the order of Names, that is not settled.
func (r *RunRequest) Pending(reason string) []RunUser {
	all := make([]RunUser, 0, len(r.Emails)+len(r.Keys))
	for _, email := range r.Emails {
		all = append(all, RunUser{Email: email, State: "pending", Reason: reason})
	}
	for _, key := range r.Keys {
		all = append(all, RunUser{Key: key, State: "pending", Reason: reason})
	}
	return all
}

// RunAnswer is what the daemon says to a RunRequest.
type RunAnswer struct {
	Run   int64     // the number of the run; 0 while it waits its turn
	Users []RunUser // of RunRequest.Names, in their order
}

// RunUser tells what became of one user: "verified", "pending", "skipped" or "rejected". It has the
// member by which he was asked for.
type RunUser struct {
	Email  string `json:"email,omitempty"`
	Key    string `json:"key,omitempty"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// Why a run is not started.
var (
	ErrBusy     = errors.New("a run is already running")  // for all users
	ErrFull     = errors.New("too many runs are waiting") // try again soon
	ErrStopping = errors.New("the daemon is stopping")
)

// NotStartedError is a run that failed before it had a number. Code and Hint are those of its
// error.
type NotStartedError struct{ Code, Message, Hint string }

func (e *NotStartedError) Error() string { return e.Message }

// notStarted logs why a run was not started, and gives the status and the text of the answer. A
// program may retry soon if the cause can pass without a change of the installation.
func (s *site) notStarted(w http.ResponseWriter, err error) (status int, text string) {
	s.Log.Error("run asked for over http", "error", err)
	cause, known := errors.AsType[*NotStartedError](err)
	if !known {
		return http.StatusInternalServerError, "the run could not be started; see the log"
	}
	status = http.StatusInternalServerError
	if cause.Code == "state_full" || cause.Code == "state_busy" {
		w.Header().Set("Retry-After", retryAfter)
		status = http.StatusServiceUnavailable
	}
	return status, fmt.Sprintf("the run could not be started (%s): %s", cause.Code, cause.Hint)
}

const (
	defaultWait = time.Minute
	longestWait = 10 * time.Minute
	mostUsers   = 1000
	retryAfter  = "5" // seconds
)

// postRun starts a run for a program.
//
//	no token is configured                 403
//	the token is wrong (the door sees it)  401
//	the body is not understood             400, 413 when it is too large
//	a run is under way, for all users      409
//	for all users                          202 {"run": 17}
//	too many wait, or the daemon stops     503 with Retry-After
//	the state file is full or locked   503 with Retry-After
//	anything else keeps it from beginning  500
//	for some users                         200 {"run": 18, "users": [{"email": "…", "state": "verified"}]}
func (s *site) postRun(w http.ResponseWriter, r *http.Request) {
	if s.Token == "" {
		fail(w, http.StatusForbidden, "runs cannot be requested: no [http] token is configured")
		return
	}
	request, status, err := readRequest(r.Body)
	if err != nil {
		fail(w, status, err.Error())
		return
	}
	if err := patient(w, request.Wait); err != nil {
		s.Log.Error("wait for a run", "error", err)
		fail(w, http.StatusInternalServerError, "this server cannot wait")
		return
	}
	answer, err := s.Run(r.Context(), request)
	s.answer(w, request, answer, err)
}

func (s *site) answer(w http.ResponseWriter, request RunRequest, answer RunAnswer, err error) {
	switch {
	case errors.Is(err, ErrBusy):
		fail(w, http.StatusConflict, err.Error())
	case errors.Is(err, ErrFull), errors.Is(err, ErrStopping):
		w.Header().Set("Retry-After", retryAfter)
		fail(w, http.StatusServiceUnavailable, err.Error())
	case errors.Is(err, context.Canceled): // the client left
		fail(w, http.StatusServiceUnavailable, "the client left before the answer was ready")
	case err != nil:
		status, text := s.notStarted(w, err)
		fail(w, status, text)
	case request.All():
		reply(w, http.StatusAccepted, map[string]int64{"run": answer.Run})
	default:
		reply(w, http.StatusOK, struct {
			Run   int64     `json:"run"`
			Users []RunUser `json:"users"`
		}{answer.Run, answer.Users})
	}
}

// patient lets an answer take so much longer than others.
func patient(w http.ResponseWriter, wait time.Duration) error {
	if wait == 0 {
		return nil
	}
	const toWrite = 30 * time.Second
	c := http.NewResponseController(w)
	return errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Now().Add(wait+toWrite)))
}

// readRequest reads the body of POST /run. An empty one asks for all users. status is that of the
// error.
func readRequest(body io.Reader) (request RunRequest, status int, err error) {
	text, err := io.ReadAll(body)
	if errors.As(err, new(*http.MaxBytesError)) {
		return request, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", maxBody)
	}
	if err != nil {
		return request, http.StatusBadRequest, errors.New("the body did not arrive")
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		return request, 0, nil
	}
	request, err = parseRequest(text)
	return request, http.StatusBadRequest, err
}

// parseRequest is strict: a member that is not known could be a misspelt "emails", and the run for
// everybody.
func parseRequest(text []byte) (RunRequest, error) {
	var asked struct {
		Emails json.RawMessage `json:"emails"`
		Keys   json.RawMessage `json:"keys"`
		Wait   json.RawMessage `json:"wait"`
	}
	const form = `the body must be one object like {"emails": ["ann@example.com"], "wait": "60s"}`
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) { // null would be a run for everybody
		return RunRequest{}, errors.New(form)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&asked); err != nil {
		return RunRequest{}, fmt.Errorf("%s: %s", form, strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return RunRequest{}, errors.New(form + ", and nothing after it")
	}
	emails, err := namesIn("emails", asked.Emails)
	if err != nil {
		return RunRequest{}, err
	}
	keys, err := namesIn("keys", asked.Keys)
	if err != nil {
		return RunRequest{}, err
	}
	request := RunRequest{Emails: emails, Keys: keys, Wait: defaultWait}
	if asked.Emails == nil && asked.Keys == nil {
		if asked.Wait != nil {
			return RunRequest{}, errors.New(`"wait" needs "emails" or "keys"`)
		}
		return RunRequest{}, nil
	}
	if n := len(emails) + len(keys); n == 0 || n > mostUsers {
		return RunRequest{}, fmt.Errorf(`"emails" and "keys" must name 1 to %d users together`, mostUsers)
	}
	if asked.Wait == nil {
		return request, nil
	}
	var wait *string
	if err := json.Unmarshal(asked.Wait, &wait); err == nil && wait != nil {
		if request.Wait, err = time.ParseDuration(*wait); err == nil && request.Wait >= 0 && request.Wait <= longestWait {
			return request, nil
		}
	}
	return RunRequest{}, fmt.Errorf(`"wait" must be a duration like "60s", at most %s`, longestWait)
}

// namesIn reads a member that names users. One that is there has texts in it.
func namesIn(member string, text json.RawMessage) ([]string, error) {
	if text == nil {
		return nil, nil
	}
	var all []*string
	err := json.Unmarshal(text, &all)
	if err != nil || all == nil {
		return nil, fmt.Errorf("%q must be a list of texts", member)
	}
	names := make([]string, len(all))
	for i, name := range all {
		if name == nil || *name == "" {
			return nil, fmt.Errorf("%q must be a list of texts that are not empty", member)
		}
		names[i] = *name
	}
	return names, nil
}

// postRuns starts a run for a person who pressed the button. The door has seen the token, and that
// the form is ours.
func (s *site) postRuns(w http.ResponseWriter, r *http.Request) {
	if s.Token == "" {
		http.Error(w, "runs cannot be requested: no [http] token is configured", http.StatusForbidden)
		return
	}
	_, err := s.Run(r.Context(), RunRequest{})
	if errors.Is(err, ErrFull) || errors.Is(err, ErrStopping) {
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if err != nil && !errors.Is(err, ErrBusy) {
		status, text := s.notStarted(w, err)
		http.Error(w, text, status)
		return
	}
	http.Redirect(w, r, "/?"+url.Values{"follow": {"yes"}}.Encode(), http.StatusSeeOther)
}

func fail(w http.ResponseWriter, status int, message string) {
	reply(w, status, map[string]string{"error": message})
}

func reply(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil { // only plain structs come here
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that left needs no answer
}
