package sandbox

import (
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"
)

// FaultKind names what goes wrong.
type FaultKind string

// Faults of an answer. "Before" means that nothing was done, "after" that the
// request was carried out and only its answer suffers.
const (
	// Fault.Status with the body that belongs to it; before
	FaultStatus        FaultKind = "status"
	FaultThrottled     FaultKind = "throttled"      // 429 throttled; before
	FaultQuotaExceeded FaultKind = "quota_exceeded" // 429 until the day turns; before
	FaultQueueFull     FaultKind = "queue_full"     // 429 of 1,000 queued activities; before
	FaultHTML          FaultKind = "html"           // an HTML page, Fault.Status or 502; before
	FaultResetBefore   FaultKind = "reset_before"   // the connection is reset; before
	FaultResetAfter    FaultKind = "reset_after"    // the connection is reset; after
	FaultCutBody       FaultKind = "cut_body"       // half of the answer, then the end; after
	FaultHangBefore    FaultKind = "hang_before"    // no answer for Fault.Delay, or ever; before
	FaultHangAfter     FaultKind = "hang_after"     // no answer for Fault.Delay, or ever; after
	FaultSlow          FaultKind = "slow"           // the answer comes after Fault.Delay; after
	// a page of contacts starts Fault.Rows too far; after
	FaultShiftedPage   FaultKind = "shifted_page"
	FaultUnauthorized  FaultKind = "unauthorized"   // 401, once; before
	FaultRevoked       FaultKind = "revoked"        // 401, and the access token is dead; before
	FaultInvalidGrant  FaultKind = "invalid_grant"  // the token endpoint refuses; before
	FaultTokenLost     FaultKind = "token_lost"     // a token was issued, its answer lost; after
	FaultRefreshLapsed FaultKind = "refresh_lapsed" // all refresh tokens are 180 days old; before
	// what stands in front answers, Fault.Status or 502; before
	FaultGateway      FaultKind = "gateway"
	FaultGatewayAfter FaultKind = "gateway_after" // the same, Fault.Status or 504; after
)

// Faults of the account: somebody changes it just before a request, which is
// then carried out.
const (
	FaultFieldRenamed FaultKind = "field_renamed" // Fault.Field gets the label Fault.To
	FaultFieldDeleted FaultKind = "field_deleted" // Fault.Field is deleted
)

// Faults of the activity that a POST makes. They apply beside a fault of its
// answer.
const (
	FaultFailed    FaultKind = "activity_failed"    // ends as failed after Fault.Share of its rows
	FaultTimedOut  FaultKind = "activity_timed_out" // ends as timed_out after Fault.Share
	FaultCancelled FaultKind = "activity_cancelled" // ends as cancelled after Fault.Share
	FaultStuck     FaultKind = "activity_stuck"     // stays in processing after Fault.Share
	FaultGone      FaultKind = "activity_gone"      // is carried out, but nobody can look at it
	FaultSlowWork  FaultKind = "activity_slow"      // takes Fault.Delay longer
	FaultLostRows  FaultKind = "lost_rows"          // completes without some rows, silently
	FaultRefused   FaultKind = "refused_rows"       // completes with some rows counted as errors
	FaultAltered   FaultKind = "altered_rows"       // completes with other values in some rows
	// one row that matches makes all of them be lost
	FaultPoisoned FaultKind = "poisoned"
	// what it changed can be read only Fault.Delay later
	FaultReadDelay FaultKind = "read_delay"
)

// FaultSwitch throws switches ([Fault.Switches]) for the requests that it hits
// and for the activities that they make; the answer itself is sound.
const FaultSwitch FaultKind = "switch"

// Fault says what goes wrong, and when. Without At and Probability it hits every
// request that it matches.
type Fault struct {
	Kind FaultKind
	// Method and Path choose requests; empty is any. Path is a pattern of
	// path.Match, or a prefix where it ends in "/".
	Method, Path string
	// At are numbers of requests, from 1, counted among those that Method and
	// Path choose since the fault was set. What the limits refuse does not count.
	At []int
	// Probability of a hit, from 0 to 1, drawn from the seed.
	Probability float64
	// Times is how often it hits at most; 0 is no limit.
	Times int

	Status     int           // of FaultStatus, FaultHTML and the gateway's
	RetryAfter time.Duration // sent as Retry-After, in whole seconds, if not 0
	Delay      time.Duration
	// Share of the rows of an activity, from 0 to 1; for lost, refused and
	// altered rows 0 stands for all.
	Share float64
	// Rows is a number of rows in place of a Share.
	Rows int
	// Body is the form of the gateway's answer: one of [GatewayBodies]; empty is
	// the first.
	Body string
	// Field is a custom field by name or label; one that does not exist is left
	// alone. To is its new label.
	Field, To string
	// Match chooses rows whose address contains it.
	Match string
	// Switches of FaultSwitch: those that are not off here are thrown.
	Switches Switches
}

// before tells that the fault comes in place of the work.
func (k FaultKind) before() bool {
	return slices.Contains([]FaultKind{FaultStatus, FaultThrottled, FaultQuotaExceeded, FaultQueueFull, FaultHTML,
		FaultResetBefore, FaultHangBefore, FaultUnauthorized, FaultRevoked, FaultInvalidGrant, FaultRefreshLapsed, FaultGateway}, k)
}

// unanswered tells that the client gets no answer at all.
func (k FaultKind) unanswered() bool {
	return slices.Contains([]FaultKind{FaultResetBefore, FaultResetAfter, FaultHangBefore, FaultHangAfter, FaultTokenLost}, k)
}

// ofAccount tells that the fault befalls the account, not the answer.
func (k FaultKind) ofAccount() bool { return k == FaultFieldRenamed || k == FaultFieldDeleted }

// ofActivity tells that the fault befalls the activity, not the answer.
func (k FaultKind) ofActivity() bool {
	return slices.Contains([]FaultKind{FaultFailed, FaultTimedOut, FaultCancelled, FaultStuck, FaultGone, FaultSlowWork,
		FaultLostRows, FaultRefused, FaultAltered, FaultPoisoned, FaultReadDelay}, k)
}

// faultSet is the faults that are set. It is guarded by Server.mu.
type faultSet struct {
	seed uint64
	set  int        // how many were ever set: each has a stream of its own
	rows *rand.Rand // chooses rows
	list []*armedFault
}

type armedFault struct {
	Fault
	rng  *rand.Rand
	seen int // requests that it matched
	hits int
}

// Fault sets a fault, beside those that are set already. Of several faults of an
// answer that hit the same request, the one set first counts.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.add(f)
}

// ClearFaults removes all faults. What befell an activity stays so.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.list = nil
}

// Faults are the faults that are set.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Fault, len(s.faults.list))
	for i, f := range s.faults.list {
		out[i] = f.Fault
	}
	return out
}

func (set *faultSet) add(f Fault) {
	set.set++
	set.list = append(set.list, &armedFault{Fault: f, rng: rand.New(rand.NewPCG(set.seed, uint64(set.set)))})
}

// pick finds the fault of the answer that hits a call, all that hit the activity
// that it makes, and the positions of the switches.
func (set *faultSet) pick(c *call) {
	for _, f := range set.list {
		if !f.matches(c) || !f.strikes() {
			continue
		}
		switch {
		case f.Kind == FaultSwitch:
			c.thrown = c.thrown.over(f.Switches)
		case f.Kind.ofActivity():
			c.effect = append(c.effect, &f.Fault)
		case f.Kind.ofAccount():
			c.upset = append(c.upset, &f.Fault)
		case c.fault == nil:
			c.fault = &f.Fault
		}
	}
}

func (f *Fault) matches(c *call) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, c.Method) {
		return false
	}
	where := c.URL.Path
	if f.Kind.ofActivity() && (c.Method != "POST" || !strings.HasPrefix(where, "/v3/activities/")) {
		return false
	}
	if slices.Contains([]FaultKind{FaultTokenLost, FaultInvalidGrant, FaultRefreshLapsed}, f.Kind) && where != authBase+"/token" {
		return false
	}
	if f.Path == "" {
		return true
	}
	if strings.HasSuffix(f.Path, "/") {
		return strings.HasPrefix(where, f.Path)
	}
	hit, err := path.Match(f.Path, where)
	return err == nil && hit
}

// strikes counts the request and draws whether it is hit.
func (f *armedFault) strikes() bool {
	f.seen++
	drawn := f.Probability > 0 && f.rng.Float64() < f.Probability
	due := len(f.At) == 0 && f.Probability == 0 || drawn || slices.Contains(f.At, f.seen)
	if !due || f.Times > 0 && f.hits >= f.Times {
		return false
	}
	f.hits++
	return true
}

// stream draws what no single fault owns: which rows are hit.
func (set *faultSet) stream() *rand.Rand {
	if set.rows == nil {
		set.rows = rand.New(rand.NewPCG(set.seed, 1<<32))
	}
	return set.rows
}
