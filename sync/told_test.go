package sync_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

var update = flag.Bool("update", false, "write what was got into the golden files")

// tales are installations of every kind and what is done with them. What a run reports there, what
// is explained, and what is recorded for later is in a golden file each.
var tales = map[string]func(w *world, tell func(what string, told any)){
	"a first push": func(w *world, tell func(string, any)) {
		everything(w)
		tell("a dry run", w.dry(ccsync.Options{Trigger: "command"}))
		tell("the push", w.run(ccsync.Options{Trigger: "push"}))
		tell("the next run", w.run(ccsync.Options{Trigger: "schedule"}))
		w.tellRecords(tell)
	},
	"a first push in a new state file": func(w *world, tell func(string, any)) {
		everything(w)
		if err := w.state.SetFacts(w.t.Context(), map[string]string{"joins": ""}); err != nil {
			w.t.Fatal(err)
		}
		tell("a dry run", w.dry(ccsync.Options{}))
		tell("a forced dry run", w.dry(ccsync.Options{Force: true}))
		tell("the push", w.run(ccsync.Options{Force: true}))
	},
	"an ordinary day": func(w *world, tell func(string, any)) {
		w.populate(30, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.change(0, 3, "NEW")
		w.box.SetField(w.rows[1].Email, "Short code", "")
		tell("a dry run", w.dry(ccsync.Options{}))
		tell("the run", w.run(ccsync.Options{}))
		w.change(4, 9, "NEW")
		tell("a full run", w.run(ccsync.Options{Full: true, Limit: 2}))
		tell("a dry run of what was left out", w.dry(ccsync.Options{}))
	},
	"users of every kind": func(w *world, tell func(string, any)) {
		w.policy.Create, w.policy.Lists, w.policy.ClearOrphans, w.policy.Fields[0].Unique = true, []string{"App users"}, true, true
		w.mixed(true)
		tell("a dry run", w.dry(ccsync.Options{}))
		tell("some users", w.run(ccsync.Options{Only: []string{"outdated@example.com", "key:same", "key:lost", "key:wrong", "new@example.com", "out@example.com", "nobody@example.com"}}))
		tell("the run", w.run(ccsync.Options{}))
		tell("the next run", w.run(ccsync.Options{}))
		w.tellRecords(tell)
		w.tellUsers(tell, "key:badly", "key:moved", "key:lost", "key:twin")
	},
	"what the guard refuses": func(w *world, tell func(string, any)) {
		w.populate(16, 0)
		w.policy.ClearOrphans = true
		w.change(0, 16, "V")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.guard = ccsync.Guard{MinSourceRows: 12, MaxChangePercent: 20, MaxClears: 3, MaxShrinkPercent: 20, ExemptBelow: 2}
		w.rows = w.rows[:10]
		w.change(0, 4, "NEW")
		tell("a dry run", w.dry(ccsync.Options{}))
		tell("the run", w.run(ccsync.Options{}))
		tell("a forced run", w.run(ccsync.Options{Force: true}))
		w.guard.MinSourceRows = 10
		tell("a dry run without the limit of rows", w.dry(ccsync.Options{}))
		tell("the run without the limit of rows", w.run(ccsync.Options{}))
		tell("explained", w.explain(w.rows[0].Email))
		tell("explained, unchanged", w.explain(w.rows[8].Email))
		tell("forced", w.run(ccsync.Options{Force: true}))
		w.tellRecords(tell)
	},
	"a day without requests": func(w *world, tell func(string, any)) {
		w.populate(6, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.limits.PerDay = len(w.box.Requests()) + 2
		w.restart()
		w.change(0, 4, "NEW")
		tell("the run", w.run(ccsync.Options{}))
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user000001@", Path: importPath})
		time.Sleep(24 * time.Hour)
		w.limits.PerDay = 9500
		w.restart()
		tell("the next day", w.run(ccsync.Options{}))
		w.limits.PerDay = 1
		w.restart()
		tell("a problem besides", w.run(ccsync.Options{}))
		w.tellRecords(tell)
	},
	"imports that take long": func(w *world, tell func(string, any)) {
		w.populate(6, 2)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		tell("the run", w.run(ccsync.Options{}))
		tell("explained", w.explain(w.rows[2].Email))
		w.rows[1].Values = []string{"NEW"}
		tell("a later run", w.run(ccsync.Options{}))
		time.Sleep(7 * time.Hour)
		tell("after the time for activities", w.run(ccsync.Options{}))
		tell("the last run", w.run(ccsync.Options{}))
		w.tellRecords(tell)
	},
	"first contacts that take long": func(w *world, tell func(string, any)) {
		w.guard.Canary = 2
		w.populate(8, 2)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		tell("the run", w.run(ccsync.Options{}))
		tell("a later run", w.run(ccsync.Options{}))
		time.Sleep(7 * time.Hour)
		tell("after the time for activities", w.run(ccsync.Options{}))
		w.tellRecords(tell)
	},
	"first contacts that change": func(w *world, tell func(string, any)) {
		w.guard.Canary = 2
		w.populate(8, 2)
		w.throw(func(s *sandbox.Switches) { s.ImportSetsPermission = true })
		tell("the run", w.run(ccsync.Options{}))
		tell("the next run", w.run(ccsync.Options{}))
		tell("a dry run", w.dry(ccsync.Options{}))
		w.tellRecords(tell)
	},
	"rows that are rejected": func(w *world, tell func(string, any)) {
		w.populate(6, 2)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultRefused, Match: "user000002@", Path: importPath})
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultAltered, Match: "user000004@", Path: importPath})
		tell("the run", w.run(ccsync.Options{}))
		tell("explained", w.explain(w.rows[2].Email))
		tell("explained, altered", w.explain(w.rows[4].Email))
		tell("the next run", w.run(ccsync.Options{}))
		w.tellRecords(tell)
	},
	"orphans that cannot be emptied": func(w *world, tell func(string, any)) {
		w.populate(6, 0)
		w.change(0, 6, "V")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.policy.ClearOrphans = true
		w.rows = w.rows[:4]
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Method: "PUT"})
		tell("a dry run", w.dry(ccsync.Options{}))
		tell("the run", w.run(ccsync.Options{}))
		tell("the next run", w.run(ccsync.Options{}))
		w.tellUsers(tell)
		w.tellRecords(tell)
	},
	"an import that cannot be looked at": func(w *world, tell func(string, any)) {
		w.populate(6, 2)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultGone, Path: importPath, Times: 1})
		tell("the run", w.run(ccsync.Options{}))
		w.change(3, 6, "NEW")
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultGone, Path: importPath, Times: 1})
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath, Times: 1})
		tell("its rows are lost too", w.run(ccsync.Options{}))
		w.tellRecords(tell)
	},
	"a row that spoils its import": func(w *world, tell func(string, any)) {
		w.populate(9, 1)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultPoisoned, Match: "user000003@", Path: importPath})
		tell("the run", w.run(ccsync.Options{}))
		tell("imports", imported(w))
		w.tellRecords(tell)
	},
	"an answer that is lost": func(w *world, tell func(string, any)) {
		w.populate(6, 2)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetAfter, Path: importPath, Times: 1})
		tell("the run", w.run(ccsync.Options{}))
		w.change(3, 6, "NEW")
		w.throw(func(s *sandbox.Switches) {
			s.ActivityStatusLate, s.ActivitiesWait = true, sandbox.Duration(2*time.Hour)
		})
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetAfter, Path: importPath, Times: 1})
		tell("no activity tells what it is", w.run(ccsync.Options{}))
		w.tellUsers(tell)
		time.Sleep(3 * time.Hour)
		tell("hours later", w.run(ccsync.Options{}))
		tell("imports", imported(w))
		w.tellRecords(tell)
	},
	"imports that fail": func(w *world, tell func(string, any)) {
		w.populate(6, 2)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultFailed, Path: importPath, Share: 0.5, Times: 3})
		for _, run := range []string{"the run", "the second", "the third", "the fourth"} {
			tell(run, w.run(ccsync.Options{}))
		}
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Path: importPath, Times: 1})
		w.change(3, 6, "NEW")
		tell("one is refused", w.run(ccsync.Options{}))
		w.tellUsers(tell)
		tell("imports", imported(w))
	},
	"imports that are not taken": func(w *world, tell func(string, any)) {
		w.populate(6, 2)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetBefore, Path: importPath})
		tell("none is answered", w.run(ccsync.Options{}))
		w.box.ClearFaults()
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 403, Path: importPath})
		tell("they are forbidden", w.run(ccsync.Options{}))
		w.box.ClearFaults()
		w.before(func(r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path == importPath {
				w.box.DeleteList("App users")
			}
		})
		tell("the list is deleted", w.run(ccsync.Options{}))
		tell("explained", w.explain(w.rows[0].Email))
		tell("the next run", w.run(ccsync.Options{}))
		tell("imports", imported(w))
		w.tellRecords(tell)
	},
	"contacts on several lists": func(w *world, tell func(string, any)) {
		severalLists(w)
		tell("a dry run", w.dry(ccsync.Options{}))
		tell("the run", w.run(ccsync.Options{}))
		tell("imports", imported(w))
		w.policy.Lists = []string{"App users"}
		w.knowsWhoLeft()
		w.box.LeaveList("d@example.com", "App users")
		time.Sleep(time.Hour)
		w.policy.NextSnapshot = func(last time.Time) time.Time { return last.Add(time.Minute) }
		tell("a dry run with a list", w.dry(ccsync.Options{}))
		tell("the run with a list", w.run(ccsync.Options{}))
		tell("imports", imported(w))
	},
	"runs that fail": func(w *world, tell func(string, any)) {
		w.populate(4, 2)
		w.broken = errors.New("no such table: users")
		tell("the source is broken", w.run(ccsync.Options{}))
		w.broken = nil
		w.policy.Fields = []ccsync.Field{{Column: "short_code", CustomField: "Long code"}}
		tell("a field is missing", w.run(ccsync.Options{}))
		w.policy.Fields = []ccsync.Field{{Column: "short_code", CustomField: "short_code"}}
		w.policy.Lists = []string{"Nobody"}
		tell("a list is missing", w.run(ccsync.Options{}))
		w.policy.Lists = nil
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultUnauthorized, Times: 1})
		tell("the login ended", w.run(ccsync.Options{}))
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 403, Times: 1})
		tell("forbidden", w.run(ccsync.Options{}))
		w.tellRecords(tell)
		tell("the run", w.run(ccsync.Options{}))
		w.tellRecords(tell)
	},
	"a moved installation": func(w *world, tell func(string, any)) {
		w.home = ccsync.Home{API: "https://api/v3", Auth: "https://auth", Source: "sqlite:/app.db", Machine: "m1", Path: "/one.db"}
		w.populate(4, 2)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows[1].Values = []string{"NEW"}
		w.home.Source = "sqlite:/other.db"
		tell("another source", w.run(ccsync.Options{}))
		tell("a dry run", w.dry(ccsync.Options{}))
		w.home.Machine, w.home.Path = "m2", "/two.db"
		tell("a clone", w.run(ccsync.Options{}))
		tell("a dry run of a clone", w.dry(ccsync.Options{}))
		w.home.API = "https://elsewhere/v3"
		tell("another API", w.run(ccsync.Options{}))
	},
	"values that are cleared": func(w *world, tell func(string, any)) {
		w.clearing()
		for i := range 4 {
			c := contact(fmt.Sprintf("user%d@example.com", i), "K1", "App users")
			c.FirstName = "Ann"
			w.box.Seed(c)
			w.rows = append(w.rows, row(fmt.Sprint(i), c.Address, []string{"K1", ""}[i%2], "Ann"))
		}
		tell("a dry run", w.dry(ccsync.Options{}))
		tell("the run", w.run(ccsync.Options{}))
		w.throw(func(s *sandbox.Switches) { s.PutSetsPermission = sandbox.Explicit })
		for i := range w.rows {
			w.rows[i].Values[0] = ""
		}
		tell("permissions change", w.run(ccsync.Options{}))
		tell("the next run", w.run(ccsync.Options{}))
		w.tellUsers(tell)
	},
}

// imported are the addresses of each import, and its lists.
func imported(w *world) map[string]any {
	all := make(map[string]any)
	for i, imp := range w.box.Imports() {
		var rows []string
		for _, r := range imp.Rows {
			rows = append(rows, r.Address)
		}
		all[fmt.Sprintf("%02d", i+1)] = map[string]any{"rows": rows, "lists": imp.Lists}
	}
	return all
}

// tellRecords tells what is kept for status page, metrics and idle ticks.
func (w *world) tellRecords(tell func(string, any)) {
	w.t.Helper()
	last, _, err := ccsync.ReadLastWhole(w.t.Context(), w.state)
	if err != nil {
		w.t.Fatal(err)
	}
	days, err := ccsync.ReadDays(w.t.Context(), w.state)
	if err != nil {
		w.t.Fatal(err)
	}
	tell("the record of the last whole run", last)
	tell("days", map[string]any{"days": days, "idle": w.idle()})
}

// tellUsers explains everybody whom either side knows, nobody, and some by their keys.
func (w *world) tellUsers(tell func(string, any), keys ...string) {
	w.t.Helper()
	all := map[string]bool{"nobody@example.com": true, "key:nobody": true}
	for _, c := range w.box.Contacts() {
		all[c.Address] = true
	}
	for _, r := range w.rows {
		all[r.Email] = true
	}
	for _, who := range append(slices.Sorted(maps.Keys(all)), keys...) {
		tell("explained: "+who, w.explain(who))
	}
}

// members are the members of an object that are not empty, a line each.
func members(t testing.TB, told any) string {
	t.Helper()
	data, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		var value bytes.Buffer
		if err := json.Compact(&value, all[name]); err != nil {
			t.Fatal(err)
		}
		if v := value.String(); !slices.Contains([]string{`""`, "0", "[]", "{}", "null", "false"}, v) {
			fmt.Fprintf(&text, "  %s: %s\n", name, v)
		}
	}
	return text.String()
}

// Scripts, people and the status page read these.
func TestWhatRunsTellIsRecordedForEveryKindOfRun(t *testing.T) {
	t.Parallel()
	for name, tale := range tales {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Seed: 7}, func(w *world) {
				var text strings.Builder
				tale(w, func(what string, told any) { fmt.Fprintf(&text, "%s\n%s", what, members(t, told)) })
				file := filepath.Join("testdata", "told", strings.ReplaceAll(name, " ", "-")+".golden")
				if *update {
					if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text.String(), "\n")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}
