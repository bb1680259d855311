package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	ccsync "ccsyncd/sync"
)

// RunRequest asks the daemon for a run.
type RunRequest struct {
	Emails []string // these users alone, addresses or "key:4711"; nil: all of them
	// Wait is how long the answer may wait until these users are settled. Without Emails it is 0: the answer comes
	// as soon as the run has its number.
	Wait time.Duration
}

// RunAnswer is what the daemon says to a RunRequest.
type RunAnswer struct {
	Run   int64              // the number of the run; 0 while it waits its turn
	Users []ccsync.UserState // of RunRequest.Emails, in their order
}

// ErrBusy says that a run for all users is not begun because one is under way.
var ErrBusy = errors.New("a run is under way")

const (
	defaultWait = time.Minute
	longestWait = 10 * time.Minute
	mostEmails  = 1000
)

// postRun starts a run for a program.
//
//	no token is configured                 403
//	the token is wrong                     401
//	the body is not understood             400, 413 when it is too large
//	a run is under way, for all users      409
//	for all users                          202 {"run": 17}
//	for some users                         200 {"run": 18, "users": [{"email": "…", "state": "verified"}]}
func (s *site) postRun(w http.ResponseWriter, r *http.Request) {
	if s.Token == "" {
		fail(w, http.StatusForbidden, "no [http] token is configured, so that nobody may ask for a run")
		return
	}
	if !s.hasToken(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		fail(w, http.StatusUnauthorized, "Authorization: Bearer with the token of [http] token is needed")
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
	case errors.Is(err, context.Canceled): // the client left, or the daemon ends
		fail(w, http.StatusServiceUnavailable, "the daemon is ending, or nobody waited for the answer")
	case err != nil:
		s.Log.Error("run asked for over http", "error", err)
		fail(w, http.StatusInternalServerError, "the run could not be started; the log says why")
	case request.Emails == nil:
		reply(w, http.StatusAccepted, map[string]int64{"run": answer.Run})
	default:
		reply(w, http.StatusOK, struct {
			Run   int64              `json:"run"`
			Users []ccsync.UserState `json:"users"`
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

// readRequest reads the body of POST /run. An empty one asks for all users. status is that of the error.
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

// parseRequest is strict: a member that is not known could be a misspelt "emails", and the run for everybody.
func parseRequest(text []byte) (RunRequest, error) {
	var asked struct {
		Emails *[]string `json:"emails"`
		Wait   *string   `json:"wait"`
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&asked); err != nil {
		return RunRequest{}, fmt.Errorf(`the body must be like {"emails": ["ann@example.com"], "wait": "60s"}: %s`,
			strings.TrimPrefix(err.Error(), "json: "))
	}
	if d.More() {
		return RunRequest{}, errors.New("the body must be one JSON object")
	}
	if asked.Emails == nil {
		if asked.Wait != nil {
			return RunRequest{}, errors.New(`"wait" goes with "emails"`)
		}
		return RunRequest{}, nil
	}
	request := RunRequest{Emails: *asked.Emails, Wait: defaultWait}
	if n := len(request.Emails); n == 0 || n > mostEmails {
		return RunRequest{}, fmt.Errorf(`"emails" must name 1 to %d users`, mostEmails)
	}
	if asked.Wait == nil {
		return request, nil
	}
	wait, err := time.ParseDuration(*asked.Wait)
	if err != nil || wait < 0 || wait > longestWait {
		return RunRequest{}, fmt.Errorf(`"wait" must be a duration like "60s", at most %s`, longestWait)
	}
	request.Wait = wait
	return request, nil
}

// postRuns starts a run for a person who pressed the button. The door has seen that the form is ours.
func (s *site) postRuns(w http.ResponseWriter, r *http.Request) {
	if !s.hasToken(r) {
		askForToken(w)
		return
	}
	_, err := s.Run(r.Context(), RunRequest{})
	if err != nil && !errors.Is(err, ErrBusy) {
		s.Log.Error("run asked for over http", "error", err)
		http.Error(w, "the run could not be started; the log says why", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/?"+url.Values{"follow": {"yes"}}.Encode(), http.StatusSeeOther)
}

// login makes a browser ask for the token, and comes back to the page.
func (s *site) login(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.Token == "":
		http.Error(w, "no [http] token is configured", http.StatusForbidden)
	case !s.hasToken(r):
		askForToken(w)
	default:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
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
