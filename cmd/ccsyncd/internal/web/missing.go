package web

import (
	"cmp"
	"context"
	"encoding/csv"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

const (
	listedMissing = 5   // users of each reason on the status page
	pageOfMissing = 100 // on their own page
)

// missing are the users whose values have not arrived, by reason, the most frequent first, and the
// contacts to check.
type missing struct {
	Total  int
	Next   time.Time // when the first of them is retried; zero for none
	Groups []*missingGroup
	Check  []state.Overstep
}

// Checked are the contacts to check that the status page shows.
func (m missing) Checked() []state.Overstep { return m.Check[:min(len(m.Check), pageOfMissing)] }

// missingGroup are the users of one reason; First are those that the status page shows.
type missingGroup struct {
	meaning
	Reason string
	N      int
	First  []state.Problem
}

func (s *site) missing(ctx context.Context) (m missing, err error) {
	groups := make(map[string]*missingGroup)
	for p, err := range s.State.Problems(ctx) {
		if err != nil {
			return m, err
		}
		g := groups[p.Reason]
		if g == nil {
			g = &missingGroup{meaning: meaningOf(p.Reason, problemMeanings), Reason: p.Reason}
			groups[p.Reason] = g
			m.Groups = append(m.Groups, g)
		}
		m.Total++
		if m.Next.IsZero() || p.RetryAt.Before(m.Next) {
			m.Next = p.RetryAt
		}
		if g.N++; len(g.First) < listedMissing {
			g.First = append(g.First, p)
		}
	}
	if m.Check, err = s.State.Oversteps(ctx); err != nil {
		return m, err
	}
	slices.SortFunc(m.Groups, func(a, b *missingGroup) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Reason, b.Reason)) })
	return m, nil
}

// missingView is the page of the users of one reason, or of all.
type missingView struct {
	frame
	Reason         string // "" for all
	Meaning        meaning
	Problems       []state.Problem
	From, To       int // counted from 1
	Total          int
	Page, Previous int // 0 for none
	Next           int
}

// Link is the address of another page of the same users.
func (v missingView) Link(page int) string {
	q := url.Values{"page": {strconv.Itoa(page)}}
	if v.Reason != "" {
		q.Set("reason", v.Reason)
	}
	return "/problems?" + q.Encode()
}

// openProblems are the contacts to check, as problems that are not retried, and the open problems.
func openProblems(ctx context.Context, db *state.DB) iter.Seq2[state.Problem, error] {
	return func(yield func(state.Problem, error) bool) {
		check, err := db.Oversteps(ctx)
		if err != nil {
			yield(state.Problem{}, err)
			return
		}
		for _, o := range check {
			if !yield(state.Problem{Norm: o.Norm, Address: o.Address, Key: o.Key, Reason: ccsync.Overstepped, Detail: o.Detail, Attempts: 1, Since: o.Since, Run: o.Run}, nil) {
				return
			}
		}
		for p, err := range db.Problems(ctx) {
			if !yield(p, err) {
				return
			}
		}
	}
}

// problems shows who is missing or to be checked, page by page.
func (s *site) problems(w http.ResponseWriter, r *http.Request) {
	v := missingView{frame: s.frame(r, "Missing codes"), Reason: r.URL.Query().Get("reason"), Meaning: meaning{Title: "Missing codes"}}
	if v.Reason != "" {
		v.Meaning = meaningOf(v.Reason, problemMeanings)
	}
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	v.Page = page
	if err != nil || page < 1 || page > 1<<20 {
		v.Page = 1
	}
	first := (v.Page - 1) * pageOfMissing
	for p, err := range openProblems(r.Context(), s.State) {
		if err != nil {
			s.broken(w, err)
			return
		}
		if v.Reason != "" && p.Reason != v.Reason {
			continue
		}
		if v.Total >= first && len(v.Problems) < pageOfMissing {
			v.Problems = append(v.Problems, p)
		}
		v.Total++
	}
	v.From, v.To, v.Previous = first+1, first+len(v.Problems), v.Page-1
	if v.To < v.Total {
		v.Next = v.Page + 1
	}
	s.show(w, "problems.html", v)
}

// problemsCSV is all of them as a download.
func (s *site) problemsCSV(w http.ResponseWriter, r *http.Request) {
	f := s.frame(r, "")
	var text strings.Builder
	c := csv.NewWriter(&text)
	// a Builder takes everything
	_ = c.Write([]string{"key", "email", "reason", "detail", "attempts", "since", "retry_at", "run"})
	for p, err := range openProblems(r.Context(), s.State) {
		if err != nil {
			s.broken(w, err)
			return
		}
		retryAt := ""
		if !p.RetryAt.IsZero() {
			retryAt = p.RetryAt.UTC().Format(time.RFC3339)
		}
		_ = c.Write([]string{cell(f.Key(p.Key)), cell(f.Addr(p.Address)), p.Reason, cell(plain(p.Detail)), strconv.Itoa(p.Attempts), p.Since.UTC().Format(time.RFC3339), retryAt, strconv.FormatInt(p.Run, 10)})
	}
	c.Flush()
	download(w, "missing-codes.csv", text.String())
}

// cell keeps a spreadsheet from taking a text for a formula (OWASP, CSV Injection).
func cell(text string) string {
	start := strings.TrimLeft(text, " \u00a0'\"\t\r\n")
	if start != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(start)[0]) {
		return "'" + text
	}
	return text
}

// download answers with a file.
func download(w http.ResponseWriter, name, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write([]byte(text)) // a client that left needs no file
}
