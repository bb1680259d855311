package web

import (
	"context"
	"net/http"
	"regexp"
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
	mask    func(string) string
}

// Addr is an address, in full only to who typed it or has the token: any user of the machine can ask.
func (v explainView) Addr(address string) string {
	if v.Trusted || address == "" || strings.EqualFold(address, v.Who) {
		return address
	}
	return v.mask(address)
}

// addressIn finds addresses in a text.
var addressIn = regexp.MustCompile(`[^\s<>"'` + "`" + `(),;:]+@[^\s<>"'` + "`" + `(),;:]+`)

// Text is a text with each address in it as Addr shows it.
func (v explainView) Text(text string) string { return addressIn.ReplaceAllStringFunc(text, v.Addr) }

// explain shows one user: what stands where, what a run would do and why.
func (s *site) explain(w http.ResponseWriter, r *http.Request) {
	who := strings.TrimSpace(r.URL.Query().Get("who"))
	v := explainView{frame: s.frame(r, "One user"), mask: s.MaskAddress}
	v.Who = who
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
		http.Error(w, "somebody else's search is under way; try again in a moment", http.StatusServiceUnavailable)
		return
	}
	x, err := s.Explain(ctx, who)
	if err != nil {
		s.Log.Error("explain", "error", err)
		http.Error(w, "the app's database could not be read; `ccsyncd check` says what is wrong", http.StatusBadGateway)
		return
	}
	v.X, v.Columns = x, columnsOf(x)
	s.show(w, "explain.html", v)
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

// Verdict says what a run would do.
func (v explainView) Verdict() string {
	if !v.X.Known {
		return "Nobody knows this address"
	}
	return map[string]string{
		"unchanged": "In step",
		"update":    "The contact will be updated",
		"create":    "A contact will be created",
		"clear":     "Values of the contact will be cleared",
		"skip":      "Skipped: " + words(v.X.Reason),
		"pending":   "On its way",
		"none":      "Nothing to do",
	}[v.X.Decision]
}
