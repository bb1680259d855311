package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// stuckAfter is how long a run may stand still before it counts as stuck. An import that does not
// move is waited for ten minutes, and a source may take five to be read.
const stuckAfter = 15 * time.Minute

// healthz tells that the process works.
func healthz(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") }

// RunHeader has the number of the run under way in each answer of /readyz, 0 for none. It is for
// `ccsyncd status`, since a daemon cannot record everything on a full disk.
const RunHeader = "Ccsync-Run"

// readyz tells whether codes arrive.
func (s *site) readyz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(RunHeader, strconv.FormatInt(s.Progress().Run, 10))
	reason, err := s.Unready(r.Context())
	switch {
	case err != nil:
		s.Log.Error("readiness", "error", err)
		say(w, http.StatusServiceUnavailable, unreadable(err))
	case reason != "":
		say(w, http.StatusServiceUnavailable, reason)
	default:
		say(w, http.StatusOK, "ready")
	}
}

// ofState tells whether an error is one of the state file.
func ofState(err error) bool {
	code, _ := ccsync.Diagnose(err)
	return strings.HasPrefix(code, "state_")
}

// unreadable says that the state file cannot be read, by code and hint alone.
func unreadable(err error) string {
	code, hint := ccsync.Diagnose(err)
	return "the state file cannot be read (" + code + "): " + hint
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // a client that left needs no answer
}

// Health tells whether codes arrive: what /readyz says, and what the heartbeat goes by. Every
// function may be called concurrently.
type Health struct {
	State *state.DB
	// Next is the first scheduled time after another.
	Next func(time.Time) time.Time
	// Authorization tells whether Constant Contact would let us in, without asking it.
	Authorization func(context.Context) (Authorization, error)
	// Progress tells what the daemon is at.
	Progress func() Progress
}

// Unready is the reason for not being ready, "" when there is none. It holds nothing that a user or
// Constant Contact wrote.
//
//	the daemon could not record how a run ended            that, and a hint
//	the login cannot be read                                that, and a hint
//	no whole run has ended yet                              no run yet
//	no login, or a dead one                                 not authorized
//	a refresh token whose answers were lost                 refresh token in doubt
//	the last whole run ended failed, refused or             that, and a hint
//	unauthorized
//	two scheduled times went by since without a run that
//	ended or gets any further                               late
func (h Health) Unready(ctx context.Context) (string, error) {
	last, ran, err := ccsync.ReadLastWhole(ctx, h.State)
	if err != nil {
		return "", err
	}
	auth, err := h.Authorization(ctx)
	switch trouble := h.trouble(); {
	case err != nil:
		return "", err
	case trouble != "":
		return trouble, nil
	case auth.Trouble != "":
		return auth.Trouble, nil
	case !ran && !auth.Authorized:
		return "no run yet; not authorized: " + auth.Reason, nil
	case !ran && auth.inDoubt() != "":
		return "no run yet; " + auth.inDoubt(), nil
	case !ran:
		return "no run yet", nil
	case !auth.Authorized:
		return "not authorized: " + auth.Reason, nil
	case auth.inDoubt() != "":
		return auth.inDoubt(), nil
	case !last.Outcome.Good():
		return ended(&last), nil
	}
	return h.late(last.EndedAt, time.Now()), nil
}

// trouble is why the daemon cannot record what it does, with a hint; "" for nothing.
func (h Health) trouble() string {
	now := h.State.Trouble()
	if errors.Is(now, state.ErrDamaged) {
		return unreadable(now)
	}
	if now != nil {
		code, hint := ccsync.Diagnose(now)
		return "the state file cannot be written (" + code + "): " + hint
	}
	return h.Progress().Trouble
}

// ended says how a run ended, by the code and hint of its error alone. The message of an error
// without a hint may quote what others wrote: the command that shows it is named instead.
func ended(l *ccsync.LastWhole) string {
	text := fmt.Sprintf("run %d ended %s", l.Run, l.Outcome)
	if l.Error == nil {
		return text
	}
	if code := l.Error.Code; code != "" && code != string(l.Outcome) {
		text += " (" + code + ")"
	}
	if l.Error.Hint == "" {
		return text + fmt.Sprintf(": `ccsyncd runs %d` shows why", l.Run)
	}
	return text + ": " + l.Error.Hint
}

// late says that more than one scheduled time has passed in vain since a whole run ended. A tick
// that found nothing to do was none of these, and neither was one that waited for another run, or
// that the daemon has put off.
func (h Health) late(whole, now time.Time) string {
	p := h.Progress()
	if p.Run != 0 {
		if still := now.Sub(p.MovedAt); still > stuckAfter {
			return fmt.Sprintf("run %d has not got any further for %s", p.Run, span(still))
		}
		return ""
	}
	since := whole.Add(-h.State.Skew()) // kept by the server's clock, and the schedule goes by ours
	since = later(since, later(p.IdleAt, p.EndedAt))
	second := h.Next(h.Next(since))
	if second.After(now) || !p.NextAt.IsZero() && h.Next(p.NextAt).After(now) {
		return ""
	}
	return "no run since " + since.UTC().Format(time.RFC3339)
}
