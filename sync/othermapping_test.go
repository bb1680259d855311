package sync_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// people60 are 60 users with three columns.
type people60 struct{ short_code, first_name, last_name [60]string }

func (p *people60) rows(fields []ccsync.Field, without ...int) []source.Row {
	var rows []source.Row
	for i := range 60 {
		if slices.Contains(without, i) {
			continue
		}
		r := source.Row{Key: fmt.Sprint(i + 1), Email: fmt.Sprintf("user%06d@example.com", i)}
		for _, f := range fields {
			r.Values = append(r.Values, map[string]string{"short_code": p.short_code[i], "first_name": p.first_name[i], "last_name": p.last_name[i]}[f.Column])
		}
		rows = append(rows, r)
	}
	return rows
}

// otherMapping is a mapping that somebody tries beside the one in force, and what a plan for it
// comes to while the import of every tenth user's new code is under way.
type otherMapping struct {
	fields                   []ccsync.Field
	updated, same, fieldsOne int    // of the plan
	known                    string // what an explanation shows of user 3: values by column
	decision                 string
}

func otherMappings() map[string]otherMapping {
	code := ccsync.Field{Column: "short_code", CustomField: "short_code"}
	first := ccsync.Field{Column: "first_name", Property: "first_name"}
	last := ccsync.Field{Column: "last_name", Property: "last_name"}
	job := ccsync.Field{Column: "short_code", Property: "job_title"}
	return map[string]otherMapping{
		"one field less":          {[]ccsync.Field{code}, 0, 54, 0, "short_code=CODE3", "unchanged"},
		"the other field less":    {[]ccsync.Field{first}, 0, 54, 0, "first_name=First3", "unchanged"},
		"one field more":          {[]ccsync.Field{code, first, last}, 54, 0, 1, "first_name=First3 last_name= short_code=CODE3", "unknown"},
		"one more, in front":      {[]ccsync.Field{last, code, first}, 54, 0, 1, "first_name=First3 last_name= short_code=CODE3", "unknown"},
		"swapped":                 {[]ccsync.Field{first, code}, 0, 54, 0, "first_name=First3 short_code=CODE3", "unchanged"},
		"another field":           {[]ccsync.Field{job, first}, 54, 0, 1, "first_name=First3 short_code=", "unknown"},
		"none that is in force":   {[]ccsync.Field{last}, 54, 0, 1, "last_name=", "unknown"},
		"one that clears besides": {[]ccsync.Field{code, {Column: "first_name", Property: "first_name", Clear: true}}, 0, 54, 0, "first_name=First3 short_code=CODE3", "unchanged"},
	}
}

// configured gives an engine another mapping, and the rows that go with it.
func (w *world) configured(e *ccsync.Engine, p *people60, fields []ccsync.Field) {
	e.Policy.Fields = fields
	e.Users = func(context.Context, ...int) *source.Reading {
		return source.ReadingOf(func(yield func(source.Row, error) bool) {
			for _, r := range p.rows(fields) {
				if !yield(r, nil) {
					return
				}
			}
		})
	}
}

func (w *world) files() (names []string) {
	all, err := os.ReadDir(filepath.Dir(w.path))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

func TestADryRunOfAnotherMappingChangesNothingForARunThatWaits(t *testing.T) {
	t.Parallel()
	for name, other := range otherMappings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				base := []ccsync.Field{{Column: "short_code", CustomField: "short_code"}, {Column: "first_name", Property: "first_name"}}
				w.policy.Fields, w.policy.ClearOrphans = base, true
				w.guard = ccsync.Guard{MaxChangePercent: 20, ExemptBelow: 2}
				var p people60
				for i := range 60 {
					p.short_code[i], p.first_name[i], p.last_name[i] = fmt.Sprint("CODE", i), fmt.Sprint("First", i), fmt.Sprint("Last", i)
					w.box.Seed(contact(fmt.Sprintf("user%06d@example.com", i), "", "App users"))
				}
				w.rows = p.rows(base)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(time.Hour)
				for i := 0; i < 60; i += 10 {
					p.short_code[i] = fmt.Sprint("NEW", i)
				}
				w.rows = p.rows(base)
				done := make(chan *ccsync.Report)
				go func() {
					r, err := w.engine().Run(w.t.Context(), ccsync.Options{})
					if err != nil {
						t.Error(err)
					}
					done <- r
				}()
				time.Sleep(time.Minute)
				if n := len(w.box.Imports()); n != 2 {
					t.Fatalf("%d imports, want one of the run that waits", n)
				}

				files, asked := w.files(), len(w.box.Requests())
				for range 2 {
					dry := w.beside(ccsync.Options{}, func(e *ccsync.Engine) { w.configured(e, &p, other.fields) })()
					w.want(dry, ccsync.Planned)
					if s := dry.Summary; s.Update != other.updated || s.Unchanged != other.same || s.Clear+s.Create+s.Skipped != 0 {
						t.Errorf("the dry run's plan: %+v, want %d updates, %d unchanged", s, other.updated, other.same)
					}
					for _, c := range dry.Changes {
						if len(c.Fields) != other.fieldsOne {
							t.Fatalf("the dry run's plan: %+v", c)
						}
					}
					x := w.engine()
					w.configured(x, &p, other.fields)
					w.wantExplained(x, &other)
				}
				for _, r := range w.box.Requests()[asked:] {
					if r.Method != http.MethodGet {
						t.Errorf("a dry run sent %s %s", r.Method, r.Path)
					}
				}
				if now := w.files(); !slices.Equal(now, files) {
					t.Errorf("the dry run left %v, before there were %v", now, files)
				}

				r := <-done
				w.want(r, ccsync.Synced)
				w.wantCoverage(r, 60, 0, 0, 0)
				w.restart()
				w.beside(ccsync.Options{}, func(e *ccsync.Engine) { w.configured(e, &p, other.fields) })()
				again := w.run(ccsync.Options{})
				w.want(again, ccsync.Synced)
				if s := again.Summary; s.Unchanged != 60 || again.Mirror.Refresh != "incremental" || again.Requests > 2 {
					t.Errorf("the next run: %+v, mirror %+v, %d requests", s, again.Mirror, again.Requests)
				}
				if x := w.explain("user000003@example.com"); x.Decision != "unchanged" || shown(x) != "first_name=First3 short_code=CODE3" {
					t.Errorf("explained as %s, %s", x.Decision, shown(x))
				}
				w.wantOrphanCleared(&p, base, other.fields)
			})
		})
	}
}

// wantOrphanCleared lets a user go: the contact loses all that this program wrote, whoever tries
// another mapping before.
func (w *world) wantOrphanCleared(p *people60, base, other []ccsync.Field) {
	w.t.Helper()
	time.Sleep(time.Hour)
	w.rows = p.rows(base, 5)
	w.beside(ccsync.Options{}, func(e *ccsync.Engine) { w.configured(e, p, other) })()
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	if c, _ := w.box.Contact("user000005@example.com"); c.Fields["short_code"] != "" || c.FirstName != "" {
		w.t.Errorf("the orphan keeps %+v", c)
	}
}

func (w *world) wantExplained(e *ccsync.Engine, other *otherMapping) {
	w.t.Helper()
	x, err := e.Explain(w.t.Context(), "user000003@example.com")
	if err != nil {
		w.t.Fatal(err)
	}
	if x.Decision != other.decision || shown(x) != other.known {
		w.t.Errorf("explained under the other mapping as %s, %s, want %s, %s", x.Decision, shown(x), other.decision, other.known)
	}
}

// shown are the values of the first contact of an explanation, by column.
func shown(x *ccsync.Explanation) string {
	var all []string
	for column, value := range x.Contacts[0].Values {
		all = append(all, column+"="+value)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// The configuration itself may change while an import of the old one is under way.
func TestAnotherMappingInForceWhileAnImportOfTheOldOneIsUnderWay(t *testing.T) {
	t.Parallel()
	for name, other := range otherMappings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				base := []ccsync.Field{{Column: "short_code", CustomField: "short_code"}, {Column: "first_name", Property: "first_name"}}
				var p people60
				for i := range 60 {
					p.short_code[i], p.first_name[i], p.last_name[i] = fmt.Sprint("CODE", i), fmt.Sprint("First", i), fmt.Sprint("Last", i)
					w.box.Seed(contact(fmt.Sprintf("user%06d@example.com", i), "", "App users"))
				}
				w.policy.Fields, w.rows = base, p.rows(base)
				w.killAfter(30*time.Second, ccsync.Options{})
				for i := 0; i < 60; i += 10 {
					p.short_code[i] = fmt.Sprint("NEW", i)
				}
				for range 2 {
					w.policy.Fields, w.rows = other.fields, p.rows(other.fields)
					w.run(ccsync.Options{})
					w.policy.Fields, w.rows = base, p.rows(base)
					w.run(ccsync.Options{})
				}
				r := w.run(ccsync.Options{})
				w.want(r, ccsync.Synced)
				w.wantCoverage(r, 60, 0, 0, 0)
				for i := range 60 {
					c, _ := w.box.Contact(fmt.Sprintf("user%06d@example.com", i))
					if c.Fields["short_code"] != p.short_code[i] || c.FirstName != p.first_name[i] {
						t.Fatalf("user %d: %+v", i, c)
					}
				}
			})
		})
	}
}

// Fields that are not mapped any more are not read back: nobody knows whether their values arrived.
func TestNothingCountsAsVerifiedOfFieldsThatAreNotMappedAnyMore(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"the import lost every row": true, "the import did its work": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				w.populate(20, 0)
				if lost {
					w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Share: 1, Path: importPath, Times: 1})
				}
				w.interrupted()
				fields, rows := w.policy.Fields, w.rows
				w.policy.Fields, w.rows = []ccsync.Field{{Column: "first_name", Property: "first_name"}}, nil
				for _, r := range rows {
					w.rows = append(w.rows, row(r.Key, r.Email, ""))
				}
				time.Sleep(10 * time.Minute)
				r := w.run(ccsync.Options{})
				w.want(r, ccsync.Synced)
				if p := r.Push; p.Verified+p.Rejected+p.Unverified+len(r.OpenProblems) != 0 {
					t.Errorf("%+v, problems %v", p, r.OpenProblems)
				}
				if p := w.explain(rows[7].Email).Pushes[0]; p.Result != "unmapped" {
					t.Errorf("explained as %+v", p)
				}
				w.policy.Fields, w.rows = fields, rows
				w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
				if n := w.begin("V"); n != 20 {
					t.Errorf("%d of 20 codes arrived in the end", n)
				}
			})
		})
	}
}

// What did not arrive of the fields that are still mapped is sent again. What did arrive is known
// as this program's.
func TestAnImportOfAnotherMappingIsReadBackAsFarAsItsFieldsAreMappedStill(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"the import lost every row": true, "the import did its work": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				code := ccsync.Field{Column: "short_code", CustomField: "short_code"}
				first := ccsync.Field{Column: "first_name", Property: "first_name"}
				var p people60
				for i := range 60 {
					p.short_code[i], p.first_name[i] = fmt.Sprint("CODE", i), fmt.Sprint("First", i)
					w.box.Seed(contact(fmt.Sprintf("user%06d@example.com", i), "", "App users"))
				}
				w.policy.ClearOrphans = true
				w.policy.Fields, w.rows = []ccsync.Field{code, first}, p.rows([]ccsync.Field{code, first})
				if lost {
					w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Share: 1, Path: importPath, Times: 1})
				}
				w.killAfter(30*time.Second, ccsync.Options{})
				time.Sleep(10 * time.Minute)
				w.policy.Fields, w.rows = []ccsync.Field{first}, p.rows([]ccsync.Field{first})
				r := w.run(ccsync.Options{})
				w.want(r, ccsync.Synced)
				if sent := map[bool]int{true: 120, false: 60}[lost]; r.Push.Verified != 60 || w.sent("First") != sent {
					t.Errorf("verified %d of %d names sent, want %d", r.Push.Verified, w.sent("First"), sent)
				}
				w.rows = p.rows(w.policy.Fields, 5)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				if c, _ := w.box.Contact("user000005@example.com"); c.FirstName != "" {
					t.Errorf("the orphan keeps %+v", c)
				}
			})
		})
	}
}

// Neither another field for a while, nor another column of the same field, makes the guard forget
// what was sent in the last 24 hours.
func TestTheGuardCountsWhatWasSentThoughItWasSettledUnderAnotherMapping(t *testing.T) {
	t.Parallel()
	for name, detour := range map[string][]ccsync.Field{
		"none":           nil,
		"another field":  {{Column: "first_name", Property: "first_name"}},
		"another column": {{Column: "first_name", CustomField: "short_code"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				w.populate(100, 0)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.guard = ccsync.Guard{MaxChangePercent: 10}
				w.change(0, 9, "V")
				w.killAfter(30*time.Second, ccsync.Options{})
				time.Sleep(10 * time.Minute)
				if detour != nil {
					fields, rows := w.policy.Fields, w.rows
					w.policy.Fields = detour
					w.run(ccsync.Options{})
					w.policy.Fields, w.rows = fields, rows
				}
				w.change(20, 29, "X")
				r := w.run(ccsync.Options{})
				w.want(r, ccsync.Refused)
				if text := r.Guard.Summary(); !strings.Contains(text, "18 values") {
					t.Error(text)
				}
				if n := w.sent("X"); n != 0 {
					t.Errorf("%d values were sent", n)
				}
			})
		})
	}
}
