package web

import (
	"fmt"
	"net/http"
	"strconv"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// runView is all that the page of one run shows.
type runView struct {
	frame
	Row      runRow
	Imports  []importRow
	Problems []state.RunProblem
	Skips    []skipGroup
	Missing  int // codes of all runs that had not arrived when this one ended; 0 when not counted
}

// run shows one run.
func (s *site) run(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	found, ok, err := s.State.Run(r.Context(), id)
	switch {
	case err != nil:
		s.broken(w, err)
		return
	case !ok:
		http.Error(w, "this run is not in the history; old runs are deleted after [state] keep", http.StatusNotFound)
		return
	}
	v := runView{frame: s.frame(r, fmt.Sprintf("Run %d", id))}
	p := pastOf(found)
	v.Row = rowOf(&p, v.Running, v.Now)
	v.Skips = skipGroups(v.Row.report.Reasons, "")
	for reason, n := range v.Row.report.OpenProblems {
		if reason != ccsync.Overstepped {
			v.Missing += n
		}
	}
	batches, err := s.State.RunBatches(r.Context(), id)
	if err == nil {
		v.Imports = importRows(batches[:min(len(batches), listedProblems)])
		v.Problems, err = s.State.RunProblems(r.Context(), id, listedProblems)
	}
	if err != nil {
		s.broken(w, err)
		return
	}
	s.show(w, "run.html", v)
}
