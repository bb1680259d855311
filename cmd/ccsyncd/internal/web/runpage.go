package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"ccsyncd/sync/state"
)

// runView is all that the page of one run shows.
type runView struct {
	frame
	Row      runRow
	Imports  []importRow
	Problems []state.RunProblem
	Skips    []skipCount
}

// skipCount is how many rows were skipped for one reason.
type skipCount struct {
	Reason string
	N      int
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
		http.Error(w, "there is no run of this number; the oldest are removed after [state] keep", http.StatusNotFound)
		return
	}
	v := runView{frame: s.frame(r, fmt.Sprintf("Run %d", id))}
	p := pastOf(found)
	v.Row = rowOf(&p, v.Running, v.Now)
	for reason, n := range v.Row.report.Reasons {
		v.Skips = append(v.Skips, skipCount{reason, n})
	}
	slices.SortFunc(v.Skips, func(a, b skipCount) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Reason, b.Reason)) })
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
