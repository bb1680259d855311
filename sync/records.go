package sync

import (
	"context"
	"encoding/json"
	"time"

	"ccsyncd/sync/state"
)

// Names of the records that the state database keeps.
const recordLastPlan = "last_plan"

// LastPlan is what the last whole run planned from, for idle ticks. There is none while a run for all users is under way, nor after one
// that did not come to a plan or did not carry it out.
type LastPlan struct {
	Run      int64             `json:"run"`
	At       time.Time         `json:"at"`     // when the run began, by the server's clock: before it asked for anything
	Digest   string            `json:"digest"` // of the source's rows
	Mark     string            `json:"mark"`   // of the source, for Unchanged: of the last reading that gave rows with this digest
	Rules    string            `json:"rules"`  // policy and mapping
	Empty    bool              `json:"empty"`  // nothing was to be sent
	Problems state.ProblemMark `json:"problems"`
}

// voidLastPlan is what a run does to the record of the last plan when it begins. A dry run and a run for some users plan for
// nobody else: what they change shows in open batches, problems and the source.
func voidLastPlan(dry bool, only []string) state.Records {
	if dry || len(only) > 0 {
		return nil
	}
	return state.Records{recordLastPlan: ""}
}

// records are those that hold from the end of a run on.
func (r *run) records(ctx context.Context) (state.Records, error) {
	if !r.carriedOut() {
		return nil, nil
	}
	problems, err := r.State.ProblemMark(ctx)
	if err != nil {
		return nil, err
	}
	last := LastPlan{Run: r.id, At: r.report.StartedAt, Digest: r.users.Digest, Mark: r.mark, Rules: r.rules(), Problems: problems,
		Empty: r.plan.count == 0 && r.plan.pending == 0}
	text, err := json.Marshal(last)
	if err != nil {
		return nil, err
	}
	return state.Records{recordLastPlan: string(text)}, nil
}

// carriedOut tells whether a run for all users came to its end and left nothing of its plan undone.
func (r *run) carriedOut() bool {
	good := r.report.Outcome == Synced || r.report.Outcome == Partial
	return good && r.Write != nil && r.plan != nil && len(r.opts.Only) == 0 && r.plan.limited == 0
}
