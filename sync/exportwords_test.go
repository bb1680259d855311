package sync_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// crowd is a large account: 12,000 users on a list, some of them outdated; others opted out,
// deleted, without an address or held.
func (w *world) crowd(held int) {
	w.populate(12_000, 100)
	w.box.Seed(sandbox.Contact{Address: "deleted@example.com", Deleted: true}, sandbox.Contact{Address: "out@example.com", Permission: "unsubscribed"},
		sandbox.Contact{Address: "unset@example.com", Permission: "not_set"}, sandbox.Contact{Address: "waits@example.com", Permission: "pending_confirmation"},
		sandbox.Contact{Address: "express@example.com", Permission: "explicit"})
	for i := range 30 {
		w.box.Seed(sandbox.Contact{FirstName: fmt.Sprintf("SMS %d", i)})
	}
	for i := range held {
		w.box.Seed(sandbox.Contact{Address: fmt.Sprintf("held%02d@example.com", i), Permission: "temp_hold", Lists: []string{"App users"}})
	}
	w.rows = append(w.rows, row("d", "deleted@example.com", "D"), row("o", "out@example.com", "O"))
}

func TestAFirstMeetingTakesNoMoreRequestsThanAnOrdinaryOne(t *testing.T) {
	t.Parallel()
	took := make(map[string]int)
	for _, c := range []struct {
		name     string
		switches sandbox.Switches
	}{
		{"ordinary", sandbox.Switches{}},
		{"strange", sandbox.Switches{ExportProductWords: true, ContactsCountHigh: 3, ActivityStatusLate: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, sandbox.Options{Switches: c.switches}, func(w *world) {
				w.crowd(0)
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if took[c.name] = report.Requests; w.exports() != 1 || report.Push.Verified != 120 {
					t.Errorf("%d exports, %d verified, notes %v", w.exports(), report.Push.Verified, report.Notes)
				}
				if d, o := skipOf(report, "d"), skipOf(report, "o"); d != ccsync.Deleted || o != ccsync.Unsubscribed {
					t.Errorf("the deleted one: %q, the one who opted out: %q", d, o)
				}
				w.wantAllBut("d", "o")
				time.Sleep(time.Hour)
				again := w.run(ccsync.Options{Full: true})
				w.want(again, ccsync.Synced)
				if again.Summary.Unchanged != 12_000 {
					t.Errorf("%+v, notes %v", again.Summary, again.Notes)
				}
				if twice := w.sentTwice(0); len(twice) > 0 {
					t.Errorf("sent twice: %v", twice)
				}
			})
		})
	}
	if more := took["strange"] - took["ordinary"]; more > 2 || more < -2 {
		t.Errorf("%d requests, an ordinary account takes %d", took["strange"], took["ordinary"])
	}
	t.Log(took)
}

// wantAllBut is wantAllCodes without the rows of these keys.
func (w *world) wantAllBut(keys ...string) {
	all := w.rows
	w.rows = slices.DeleteFunc(slices.Clone(all), func(r source.Row) bool { return slices.Contains(keys, r.Key) })
	w.wantAllCodes()
	w.rows = all
}

// A word that is not known is never taken for a subscription: those few are read by their
// addresses, and where they are many, pages are.
func TestContactsOfAnUnknownStatusAreReadByTheirAddress(t *testing.T) {
	t.Parallel()
	for held, exported := range map[int]bool{20: true, 40: false} {
		t.Run(fmt.Sprint(held), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: sandbox.Switches{ExportProductWords: true}}, func(w *world) {
				w.crowd(held)
				w.rows = append(w.rows, row("h", "held00@example.com", "H"))
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				paged := slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, "read page by page") })
				if paged == exported {
					t.Errorf("notes %v", report.Notes)
				}
				if got := w.code("held00@example.com"); got != "H" {
					t.Errorf("carries %q", got)
				}
				x, err := w.engine().Explain(w.t.Context(), "held00@example.com")
				if err != nil || len(x.Contacts) != 1 || x.Contacts[0].Permission != "temp_hold" || x.Contacts[0].ID == "" {
					t.Errorf("%+v (%v)", x.Contacts, err)
				}
				for address, want := range map[string]string{"unset@example.com": "not_set", "waits@example.com": "pending_confirmation", "express@example.com": "explicit", "out@example.com": "unsubscribed"} {
					if x, err := w.engine().Explain(w.t.Context(), address); err != nil || len(x.Contacts) != 1 || x.Contacts[0].Permission != want {
						t.Errorf("%s: %+v (%v)", address, x.Contacts, err)
					}
				}
			})
		})
	}
}

// garbled puts other words into the lines of some users in an export.
type garbled struct {
	wire     http.RoundTripper
	users    []string
	old, new string
}

func (g *garbled) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := g.wire.RoundTrip(r)
	if err != nil || !strings.Contains(r.URL.Path, "/contact_exports/") {
		return answer, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	lines := strings.SplitAfter(string(body), "\n")
	for i, line := range lines {
		if address, _, _ := strings.Cut(line, ","); slices.Contains(g.users, address) {
			lines[i] = strings.Replace(line, g.old, g.new, 1)
		}
	}
	text := strings.Join(lines, "")
	answer.Body, answer.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	answer.Header.Del("Content-Length")
	return answer, err
}

// What a line of an export does not tell clearly its contact tells, and all other lines count.
func TestLinesOfAnExportThatAreNotUnderstoodAreReadByTheirAddress(t *testing.T) {
	t.Parallel()
	users := []string{"user000000@example.com", "user000001@example.com", "user000002@example.com"}
	for name, prepare := range map[string]func(*world){
		"a list that nobody knows": func(w *world) { w.life.wire = &garbled{w.life.wire, users, ",App users,", ",Elsewhere,"} },
		"a time without meaning":   func(w *world) { w.life.wire = &garbled{w.life.wire, users, " -0500,", "h ago,"} },
		"a list name with a comma": func(w *world) {
			w.box.AddList("Newsletter, old")
			for _, user := range users {
				w.box.JoinList(user, "Newsletter")
			}
		},
		"two contacts, one address": func(w *world) { w.box.Seed(contact("User000001@example.com", "T", "App users")) },
		"two that are known, one address": func(w *world) {
			w.box.Seed(contact("user000001@example.com", "T", "App users"))
			w.want(w.dry(ccsync.Options{}), ccsync.Planned)
			w.box.Delete("user000001@example.com")
		},
		"a deleted contact has it too": func(w *world) { w.box.Seed(sandbox.Contact{Address: users[2], Deleted: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(10_500, 500)
				prepare(w)
				w.rows[2].Values[0] = "NEW"
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if w.exports() != 1 || slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, "read page by page") }) {
					t.Errorf("%d exports, notes %v", w.exports(), report.Notes)
				}
				for _, user := range users {
					x, err := w.engine().Explain(w.t.Context(), user)
					truly := slices.DeleteFunc(w.box.Contacts(), func(c sandbox.Contact) bool { return !strings.EqualFold(c.Address, user) })
					if err != nil || len(x.Contacts) != len(truly) || slices.ContainsFunc(x.Contacts, func(c ccsync.ExplainedContact) bool { return c.ID == "" }) {
						t.Errorf("%s: %+v (%v), truly %+v", user, x.Contacts, err, truly)
					}
				}
			})
		})
	}
}

// The pages show fewer contacts than the account counts, now and always: the account is read twice
// once, and then no more than any other.
func TestACountThatIsTooHighDoesNotSpendTheDay(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{Switches: sandbox.Switches{ContactsCountHigh: 1}}, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(3000, 100)
		w.box.Seed(sandbox.Contact{Address: "deleted@example.com", Deleted: true})
		w.rows = append(w.rows, row("d", "deleted@example.com", "D"), row("n", "new@example.com", "N"))
		first := w.run(ccsync.Options{})
		w.want(first, ccsync.Synced)
		if first.Requests > 40 || first.Summary.Create != 1 || skipOf(first, "d") != ccsync.Deleted {
			t.Errorf("%d requests, %+v, notes %v", first.Requests, first.Summary, first.Notes)
		}
		if !slices.ContainsFunc(first.Notes, func(n string) bool { return strings.Contains(n, "its pages showed") }) {
			t.Errorf("notes %v", first.Notes)
		}
		before := len(w.box.Requests())
		for range 120 { // ten minutes of a daemon at @every 5s, were it never idle
			time.Sleep(5 * time.Second)
			w.want(w.run(ccsync.Options{}), ccsync.Synced)
		}
		if n := len(w.box.Requests()) - before; n > 125 {
			t.Errorf("%d requests of 120 runs", n)
		}
	})
}

// Neither the pages nor the statistics count right: a second export that has the same, or a second
// reading of the pages, is the account.
func TestStatisticsThatCountTooManyLetARunGoOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		contacts, exports int
		switches          sandbox.Switches
		says              string
	}{
		"an export":                    {12_000, 2, sandbox.Switches{CountsHigh: 3}, "its exports have"},
		"an export, no count is right": {12_000, 2, sandbox.Switches{CountsHigh: 3, ContactsCountHigh: 5}, "its exports have"},
		"pages":                        {3_000, 0, sandbox.Switches{CountsHigh: 3, ContactsCountHigh: 3}, "its pages showed"},
		"an export without fields":     {12_000, 1, sandbox.Switches{CountsHigh: 3, ContactsCountHigh: 3, ExportWithoutFields: true}, "its pages showed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: c.switches}, func(w *world) {
				w.policy.Create, w.policy.Lists = true, []string{"App users"}
				w.populate(c.contacts, 100)
				w.rows = append(w.rows, row("n", "new@example.com", "N"))
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if report.Summary.Create != 1 || report.Push.Verified != c.contacts/100+1 || w.exports() != c.exports {
					t.Errorf("%+v, %+v, %d exports", report.Summary, report.Push, w.exports())
				}
				if !slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, c.says) }) {
					t.Errorf("notes %v", report.Notes)
				}
				w.wantAllCodes()
				before := len(w.box.Requests())
				for range 60 {
					time.Sleep(5 * time.Second)
					w.want(w.run(ccsync.Options{}), ccsync.Synced)
				}
				if n := len(w.box.Requests()) - before; n > 62 {
					t.Errorf("%d requests of 60 runs", n)
				}
			})
		})
	}
}

// Pages that never show the same twice are given pauses.
func TestASnapshotThatStaysIncompleteIsNotTakenAgainAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{Seed: 7, Switches: sandbox.Switches{ContactsCountHigh: 1}}, func(w *world) {
		w.populate(3000, 100)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultShiftedPage, Rows: 7, Path: "/v3/contacts", Probability: 0.5})
		for range 120 {
			time.Sleep(5 * time.Second)
			w.run(ccsync.Options{})
		}
		if n := len(w.box.Requests()); n > 200 { // five tries of five times six pages
			t.Errorf("%d requests of 120 runs", n)
		}
	})
}
