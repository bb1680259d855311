package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	ccsync "ccsyncd/sync"
)

// longestName is how long an address or a key may be that is asked for, in bytes.
const longestName = 320

// explainView is all that the page of one user shows.
type explainView struct {
	frame
	X       *ccsync.Explanation // nil when nothing was asked
	Columns []string            // of the mapped fields, sorted
	Halted  *headline           // why ccsyncd sends nothing at all; nil while it sends
}

// explain shows one user: the values on both sides, what a run would do and why.
func (s *site) explain(w http.ResponseWriter, r *http.Request) {
	who := strings.TrimSpace(r.URL.Query().Get("who"))
	v := explainView{frame: s.frame(r, "One user")}
	v.Who, v.Find = who, who == ""
	if who == "" || len(who) > longestName {
		s.show(w, "explain.html", v)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 25*time.Second)
	defer cancel()
	select {
	case s.explaining <- struct{}{}:
		defer func() { <-s.explaining }()
	case <-ctx.Done():
		http.Error(w, "another search is running; try again in a moment", http.StatusServiceUnavailable)
		return
	}
	x, err := s.Explain(ctx, named(who))
	if ofState(err) {
		s.broken(w, err)
		return
	}
	if err != nil {
		s.Log.Error("explain", "error", err)
		http.Error(w, "the app's database could not be read; `ccsyncd check` finds out why", http.StatusBadGateway)
		return
	}
	v.X, v.Columns = x, columnsOf(x)
	if v.Halted, err = s.hindrance(ctx, v.Now); err != nil {
		s.broken(w, err)
		return
	}
	s.show(w, "explain.html", v)
}

// named turns the search text into a name for Explain: a word that is no address is a key.
func named(who string) string {
	const key = "key:"
	if strings.Contains(who, "@") || strings.HasPrefix(who, key) {
		return who
	}
	return key + who
}

// columnsOf are the mapped columns that an explanation names.
func columnsOf(x *ccsync.Explanation) []string {
	var columns []string
	add := func(values map[string]string) {
		for column := range values {
			if !slices.Contains(columns, column) {
				columns = append(columns, column)
			}
		}
	}
	for _, r := range x.Rows {
		add(r.Values)
	}
	for _, c := range x.Contacts {
		add(c.Values)
	}
	slices.Sort(columns)
	return columns
}

// Verdict says whether the contact has the right code, and why not.
func (v explainView) Verdict() string {
	if !v.X.Known {
		if !strings.Contains(v.Who, "@") {
			return "No user has this key. Enter the whole address, or the user’s key"
		}
		return "This address is neither in your table nor in Constant Contact"
	}
	switch {
	case v.Retried():
		return "Not yet: the code was sent and did not arrive"
	case v.X.Decision == "skip":
		return "Not sent: " + lower(v.Reason().Title)
	}
	if v.Halted != nil && len(v.X.Fields) > 0 {
		return "Not yet: ccsyncd sends nothing at the moment"
	}
	return map[string]string{
		"unchanged": "Yes, the contact has it",
		"update":    "Not yet: the contact will be updated",
		"create":    "Not yet: a contact will be created",
		"clear":     "Not yet: values of the contact will be cleared",
		"pending":   "Not yet: the code is on its way",
		"none":      "There is nothing to send",
		"unknown":   "Not known yet",
	}[v.X.Decision]
}

// Retried tells whether the user waits for the next try. The problem then says why.
func (v explainView) Retried() bool { return v.X.Problem != nil && v.X.Reason == quarantined }

// Reason is what the reason for skipping the user means.
func (v explainView) Reason() meaning {
	if v.X.Decision != "skip" || v.Retried() {
		return meaning{}
	}
	return meaningOf(v.X.Reason, skipMeanings)
}

// Problem is what the reason of the open problem means.
func (v explainView) Problem() meaning { return meaningOf(v.X.Problem.Reason, problemMeanings) }
