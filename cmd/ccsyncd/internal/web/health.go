package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// stuckAfter is how long a run may stand still before it counts as stuck. An import that does not move is waited for
// ten minutes, and a source may take five to be read.
const stuckAfter = 15 * time.Minute

// healthz tells that the process works.
func (s *site) healthz(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") }

// readyz tells whether codes arrive.
func (s *site) readyz(w http.ResponseWriter, r *http.Request) {
	reason, err := s.unready(r.Context())
	switch {
	case err != nil:
		s.Log.Error("readiness", "error", err)
		say(w, http.StatusServiceUnavailable, "the state database cannot be read")
	case reason != "":
		say(w, http.StatusServiceUnavailable, reason)
	default:
		say(w, http.StatusOK, "ready")
	}
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // a client that left needs no answer
}

// unready is the reason for not being ready, "" when there is none.
//
//	no run has ended yet                                   no run yet
//	no login, or a dead one                                not authorized
//	a refresh token whose answers were lost                refresh token in doubt
//	the last run ended failed, refused or unauthorized     that
//	two scheduled times went by since without a run that
//	ended or gets any further                              late
func (s *site) unready(ctx context.Context) (string, error) {
	last, ran, err := s.State.LastRun(ctx)
	if err != nil {
		return "", err
	}
	auth, err := s.Authorization(ctx)
	switch {
	case err != nil:
		return "", err
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
	case !good(last.Outcome):
		return fmt.Sprintf("run %d ended %s", last.ID, last.Outcome), nil
	}
	return s.late(last, time.Now()), nil
}

// good tells whether a run that ended so did what could be done.
func good(outcome string) bool {
	switch ccsync.Outcome(outcome) {
	case ccsync.Synced, ccsync.Partial, ccsync.Deferred:
		return true
	}
	return false
}

// late says that more than one scheduled time has passed in vain. A tick that found nothing to do was none of these.
func (s *site) late(last state.Run, now time.Time) string {
	p := s.Progress()
	if p.Run != 0 {
		if still := now.Sub(p.MovedAt); still > stuckAfter {
			return fmt.Sprintf("run %d has not got any further for %s", p.Run, span(still))
		}
		return ""
	}
	since := last.EndedAt.Add(-s.State.Skew()) // kept by the server's clock, and the schedule goes by ours
	if p.IdleAt.After(since) {
		since = p.IdleAt
	}
	second := s.Next(s.Next(since))
	if second.After(now) {
		return ""
	}
	return "no run since " + since.UTC().Format(time.RFC3339)
}
