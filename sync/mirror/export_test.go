package mirror

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/ccapi/sandbox"
)

const (
	ordered = "POST activities/contact_exports"
	paged   = "read page by page"
)

// edits lets successful answers be what edit makes of them whose path begins so, a question mark
// after it; n counts them from 1.
func (w *world) edits(path string, edit func(n int, body string) string) {
	wire, n := w.wire, 0
	w.wire = through(func(r *http.Request) (*http.Response, error) {
		answer, err := wire.RoundTrip(r)
		if err != nil || answer.StatusCode/100 != 2 || !strings.HasPrefix(r.URL.Path+"?", "/v3/"+path) {
			return answer, err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		n++
		text := edit(n, string(body))
		answer.Body, answer.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		answer.Header.Del("Content-Length")
		return answer, err
	})
}

// without leaves the lines of some addresses out of a file.
func without(file string, addresses ...string) string {
	lines := slices.DeleteFunc(strings.SplitAfter(file, "\n"), func(line string) bool {
		address, _, _ := strings.Cut(line, ",")
		return slices.Contains(addresses, address)
	})
	return strings.Join(lines, "")
}

// lineFrom is the line of an address in a file.
func lineFrom(file, address string) string {
	_, rest, _ := strings.Cut(file, "\n"+address)
	rest, _, _ = strings.Cut(rest, "\n")
	return address + rest + "\n"
}

func TestALargeAccountIsReadFromAnExportAndItsDeletedContactsFromPages(t *testing.T) {
	t.Parallel()
	inWorld(t, 220, func(w *world) {
		w.box.Seed(sandbox.Contact{Address: "out@example.com", Permission: "unsubscribed", Lists: []string{"App users", "Newsletter"}}, sandbox.Contact{FirstName: "SMS"})
		for i := range 7 {
			w.box.Seed(sandbox.Contact{Address: fmt.Sprintf("deleted%d@example.com", i), Deleted: true})
		}
		began := time.Now()
		m := w.refresh("snapshot")
		asked := w.asked("limit", "status")
		want := []string{"GET contacts limit=5 status=all", "GET contacts limit=5 status=deleted", "GET contacts status=deleted", "GET contacts/counts", "GET contact_lists limit=500 status=active",
			ordered, "GET activities/…", "GET contact_exports/…"}
		if !slices.Equal(asked, want) {
			t.Errorf("asked %q, want %q", asked, want)
		}
		if want := []string{"snapshot 100/222", "snapshot 200/222", "snapshot 221/222"}; !slices.Equal(w.steps, want) {
			t.Errorf("steps %q, want %q", w.steps, want)
		}
		w.wantNotes()
		if w.waited != time.Since(began) {
			t.Errorf("it says that it waited %s, of %s", w.waited, time.Since(began))
		}
		if doubtful, err := m.Doubtful(w.t.Context()); doubtful || err != nil {
			t.Errorf("it is doubtful (%v)", err)
		}
		if at, err := w.db.Mirror(w.t.Context()); err != nil || !at.Mark.Equal(at.SnapshotAt) || at.Mark.Before(began) || at.Mark.After(began.Add(time.Second)) || at.Loading != 0 {
			t.Errorf("%+v (%v), want the time when it began", at, err)
		}
	})
}

// An export that lacks somebody would have him created again, or taken for gone.
func TestAnExportThatHasFewerThanTheAccountCountsIsMadeAgainAndBelievedOnlyIfItHasTheSame(t *testing.T) {
	t.Parallel()
	those := func(from, to int) (addresses []string) {
		for i := from; i < to; i++ {
			addresses = append(addresses, user(i))
		}
		return addresses
	}
	for name, c := range map[string]struct {
		edit     func(w *world, n int, file string) string
		exports  int
		believed bool
	}{
		"it has all": {func(_ *world, _ int, file string) string { return file }, 1, true},
		"it has more": {func(_ *world, _ int, file string) string {
			return file + "late" + lineFrom(file, user(0))
		}, 1, true},
		"one is missing once":         {func(_ *world, n int, file string) string { return without(file, those(0, 2-n)...) }, 2, false},
		"another one is missing then": {func(_ *world, n int, file string) string { return without(file, user(n)) }, 2, false},
		"one is missing each time":    {func(_ *world, _ int, file string) string { return without(file, user(1)) }, 2, true},
		"half are missing each time":  {func(_ *world, _ int, file string) string { return without(file, those(0, 60)...) }, 2, true},
		"most are missing each time":  {func(_ *world, _ int, file string) string { return without(file, those(0, 61)...) }, 2, false},
		"the count has moved": {func(w *world, n int, file string) string {
			if n == 1 {
				w.crowd(120, 121)
			}
			return without(file, user(1), user(120))
		}, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 120, func(w *world) {
				w.edits("contact_exports/", func(n int, file string) string {
					return strings.ReplaceAll(c.edit(w, n, file), "Short code\n", "Short code\n")
				})
				m := w.run()
				if err := m.Refresh(w.t.Context()); err != nil {
					w.t.Fatal(err)
				}
				doubt, err := Doubt(w.t.Context(), w.db)
				if doubtful, failed := m.Doubtful(w.t.Context()); err != nil || failed != nil || doubtful != (doubt != "") || doubtful != (c.believed && c.exports == 2) {
					t.Errorf("doubt %q (%v, %v)", doubt, err, failed)
				}
				switch {
				case !c.believed:
					w.wantNotes(paged)
					w.wantTruth(m)
				case c.exports == 2:
					w.wantNotes("its exports have")
				default:
					w.wantNotes()
				}
				if n := w.exports(); n != c.exports {
					t.Errorf("%d exports, want %d", n, c.exports)
				}
				w.wire = w.net
				w.full = true
				w.refresh("snapshot") // and the doubt is over
				if doubt, err := Doubt(w.t.Context(), w.db); doubt != "" || err != nil {
					t.Errorf("after a snapshot that has all: doubt %q (%v)", doubt, err)
				}
			})
		})
	}
}

// What is wrong with an export alone costs a few requests a day, and never a contact.
func TestAnExportThatIsNoUseIsGivenUpUntilTheNextDay(t *testing.T) {
	t.Parallel()
	results := regexp.MustCompile(`,?"results":\{"href":"[^"]*"\}`)
	fault := func(f sandbox.Fault) func(*world) { return func(w *world) { w.box.Fault(f) } }
	orders := func(f sandbox.Fault) func(*world) { f.Path = "/v3/activities/contact_exports"; return fault(f) }
	files := func(f sandbox.Fault) func(*world) { f.Path = "/v3/contact_exports/"; return fault(f) }
	edit := func(path string, edit func(string) string) func(*world) {
		return func(w *world) { w.edits(path, func(_ int, body string) string { return edit(body) }) }
	}
	for name, prepare := range map[string]func(*world){
		"it fails":                orders(sandbox.Fault{Kind: sandbox.FaultFailed}),
		"it is cancelled":         orders(sandbox.Fault{Kind: sandbox.FaultCancelled}),
		"it does not move":        orders(sandbox.Fault{Kind: sandbox.FaultStuck}),
		"it cannot be looked at":  orders(sandbox.Fault{Kind: sandbox.FaultGone}),
		"the answer is lost":      orders(sandbox.Fault{Kind: sandbox.FaultResetAfter}),
		"nobody may order it":     orders(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 403}),
		"no such order":           orders(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400}),
		"a gateway is in between": files(sandbox.Fault{Kind: sandbox.FaultGateway, Status: 502}),
		"the link has expired":    files(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 404}),
		"the file is cut short":   files(sandbox.Fault{Kind: sandbox.FaultCutBody}),
		"there is no link":        edit("activities/", func(body string) string { return results.ReplaceAllString(body, "") }),
		"the link leads away": edit("activities/", func(body string) string {
			return strings.ReplaceAll(body, `"href":"/v3/contact_exports/`, `"href":"https://elsewhere.example/`)
		}),
		"the file is damaged":            edit("contact_exports/", func(body string) string { return body + "a\"b,c\n" }),
		"a line is too short":            edit("contact_exports/", func(body string) string { return body + "ann@example.com,Active\n" }),
		"the file is another":            edit("contact_exports/", func(string) string { return "a,b,c\n1,2,3\n" }),
		"the file is empty":              edit("contact_exports/", func(string) string { return "" }),
		"it has no custom fields":        func(w *world) { w.throw(sandbox.Switches{ExportWithoutFields: true}) },
		"the name of the list is a part": func(w *world) { w.box.AddList("App users, old") },
		"two lists have the name":        edit("contact_lists", func(body string) string { return strings.ReplaceAll(body, `"Newsletter"`, `"App users"`) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 120, func(w *world) {
				prepare(w)
				w.refresh("snapshot")
				w.wantNotes(paged)
				if n := w.exports(); n != 1 {
					t.Errorf("%d exports were ordered", n)
				}
				w.full = true
				w.refresh("snapshot")
				w.wantNotes()
				if n := w.exports(); n != 0 {
					t.Error("an export was ordered again on the same day")
				}
				w.wire = w.net
				w.box.ClearFaults()
				time.Sleep(24 * time.Hour)
				w.refresh("snapshot")
				if n := w.exports(); n != 1 {
					t.Errorf("%d exports were ordered on the next day", n)
				}
			})
		})
	}
}

// Pages would meet the same.
func TestAnExportThatMeetsTroubleOfTheServerIsAnErrorAndOrderedAgainByTheNextRun(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v3/contacts/counts", "/v3/contact_lists", "/v3/activities/*", "/v3/contact_exports/"} {
		t.Run(strings.ReplaceAll(path, "/", " "), func(t *testing.T) {
			t.Parallel()
			inWorld(t, 120, func(w *world) {
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 503, Method: "GET", Path: path})
				var answered *ccapi.Error
				if err := w.run().Refresh(w.t.Context()); !errors.As(err, &answered) || answered.Status != 503 || !strings.Contains(err.Error(), "take a snapshot from an export") {
					t.Errorf("%v, want what the server answered", err)
				}
				w.wantNotes()
				w.asked()
				w.box.ClearFaults()
				w.refresh("snapshot")
				if n := w.exports(); n != 1 {
					t.Errorf("%d exports were ordered by the next run", n)
				}
			})
		})
	}
}

func TestAnExportIsWaitedForAsLongAsItMoves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare     func(*world)
		least, most time.Duration // that it waits
		notes       []string
	}{
		"it takes an hour": {func(w *world) { w.slow(time.Hour) }, time.Hour, 61 * time.Minute, nil},
		"it takes a week":  {func(w *world) { w.slow(7 * 24 * time.Hour) }, 10 * time.Minute, 11 * time.Minute, []string{"made no progress"}},
		"it begins and ends late": {func(w *world) {
			w.slow(9 * time.Minute)
			w.throw(sandbox.Switches{ActivitiesWait: sandbox.Duration(9 * time.Minute)})
		}, 18 * time.Minute, 19 * time.Minute, nil},
		"its state moves, no more": {func(w *world) { w.unmoved(true) }, 18 * time.Minute, 19 * time.Minute, nil},
		"nothing moves":            {func(w *world) { w.unmoved(false) }, 10 * time.Minute, 11 * time.Minute, []string{"made no progress"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 120, func(w *world) {
				c.prepare(w)
				w.refresh("snapshot")
				w.wantNotes(c.notes...)
				if w.waited < c.least || w.waited > c.most {
					t.Errorf("it waited %s, want %s to %s", w.waited, c.least, c.most)
				}
			})
		})
	}
}

// slow lets an export take so much longer.
func (w *world) slow(d time.Duration) {
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultSlowWork, Delay: d, Path: "/v3/activities/contact_exports"})
}

// unmoved lets an export stay at the same percentage: for nine minutes as initialized, and then for
// nine as processing, or forever as initialized.
func (w *world) unmoved(begins bool) {
	state, percent := regexp.MustCompile(`"state":"[a-z]*"`), regexp.MustCompile(`"percent_done":\d+`)
	began := time.Now()
	w.edits("activities/", func(_ int, body string) string {
		is := "initialized"
		switch took := time.Since(began); {
		case begins && took > 18*time.Minute:
			return body
		case begins && took > 9*time.Minute:
			is = "processing"
		}
		return percent.ReplaceAllString(state.ReplaceAllString(body, `"state":"`+is+`"`), `"percent_done":1`)
	})
}

// A link that came early is as good as a late one.
func TestAnExportWhoseLinkOnlyItsFirstAnswerHasIsRead(t *testing.T) {
	t.Parallel()
	inWorld(t, 120, func(w *world) {
		results := regexp.MustCompile(`,?"results":\{"href":"[^"]*"\}`)
		id := regexp.MustCompile(`"activity_id":"([^"]*)"`)
		w.edits("activities/", func(n int, body string) string {
			body = results.ReplaceAllString(body, "")
			if n == 1 {
				body = strings.Replace(body, `"_links":{`, `"_links":{"results":{"href":"/v3/contact_exports/`+id.FindStringSubmatch(body)[1]+`"},`, 1)
			}
			return body
		})
		w.refresh("snapshot")
		w.wantNotes()
	})
}

// Reading by address is dearer than pages where it concerns more contacts than there are pages: 151
// contacts are on 31 of them, 133 on 27.
func TestLinesThatDoNotTellEverythingAreReadByTheirAddressUnlessPagesAreCheaper(t *testing.T) {
	t.Parallel()
	held := func(w *world, n int) {
		w.throw(sandbox.Switches{ExportProductWords: true})
		for i := range n {
			w.box.Seed(sandbox.Contact{Address: fmt.Sprintf("held%02d@example.com", i), Permission: "temp_hold"})
		}
	}
	deleted := func(w *world, n int) {
		for i := range n {
			w.box.Seed(sandbox.Contact{Address: user(119 - i), Deleted: true})
		}
	}
	for name, c := range map[string]struct {
		prepare func(w *world)
		reads   int // by address; 0: pages are read
	}{
		"unknown statuses":                   {func(w *world) { held(w, 31) }, 31},
		"too many unknown statuses":          {func(w *world) { held(w, 32) }, 0},
		"addresses of deleted ones":          {func(w *world) { deleted(w, 24) }, 24},
		"too many addresses of deleted ones": {func(w *world) { deleted(w, 25) }, 0},
		"both":                               {func(w *world) { held(w, 13); deleted(w, 14) }, 27},
		"too many of both":                   {func(w *world) { held(w, 13); deleted(w, 15) }, 0},
		"three of one address": {func(w *world) {
			w.box.Seed(sandbox.Contact{Address: user(3)}, sandbox.Contact{Address: "User0003@example.com"})
		}, 3},
		"a crowd of one address":  {func(w *world) { w.crowdOf("twin@example.com", 31) }, 31},
		"too many of one address": {func(w *world) { w.crowdOf("twin@example.com", 32) }, 0},
		"two of the last address": {func(w *world) { w.crowdOf("zoe@example.com", 2) }, 2},
		"a list with a comma": {func(w *world) {
			w.lists["News, old"] = w.box.AddList("News, old")
			w.box.JoinList(user(7), "News, old")
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 120, func(w *world) {
				c.prepare(w)
				w.refresh("snapshot")
				if c.reads > 0 {
					w.wantNotes()
				} else {
					w.wantNotes(paged)
				}
				asked := w.asked("email")
				if n := count(asked, "GET contacts email="); n != c.reads || count(asked, ordered) != 1 {
					t.Errorf("%d contacts were read by address, want %d", n, c.reads)
				}
			})
		})
	}
}

func (w *world) crowdOf(address string, n int) {
	for range n {
		w.box.Seed(sandbox.Contact{Address: address, Lists: []string{"Newsletter"}})
	}
}

func TestVeryMuchThatChangedIsReadFromAnExport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		changed int
		unfit   bool
		exports int
		how     string
	}{
		"just enough":  {100, false, 1, "snapshot"},
		"not enough":   {99, false, 0, "incremental"},
		"it is no use": {100, true, 1, "incremental"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 99, func(w *world) {
				w.refresh("snapshot")
				w.crowd(99, 110)
				time.Sleep(time.Hour)
				for i := range c.changed {
					w.box.SetField(user(i), "short_code", fmt.Sprint("NEW", i))
				}
				if c.unfit {
					w.throw(sandbox.Switches{ExportWithoutFields: true})
				}
				w.box.ForgetRequests()
				m := w.run()
				if err := m.Refresh(w.t.Context()); err != nil || m.Told().Refresh != c.how {
					t.Errorf("%+v (%v), want %s", m.Told(), err, c.how)
				}
				if n := w.exports(); n != c.exports {
					t.Errorf("%d exports were ordered, want %d", n, c.exports)
				}
				if c.unfit {
					w.wantNotes(paged)
				}
				for i := range c.changed {
					found, err := m.Contacts(w.t.Context(), []string{user(i)})
					if err != nil || len(found) != 1 || found[0].Fields != fmt.Sprint("NEW", i) {
						w.t.Fatalf("%s: %+v (%v)", user(i), found, err)
					}
				}
			})
		})
	}
}

// No export shows deleted contacts, so that their pages have to be complete.
func TestPagesOfDeletedContactsAreReadUntilTheyShowAsManyAsAreCounted(t *testing.T) {
	t.Parallel()
	counted := regexp.MustCompile(`"contacts_count":\d+`)
	for name, c := range map[string]struct {
		count func(pass int) int
		reads int
		notes []string
		doubt bool
	}{
		"all are shown":            {func(int) int { return 12 }, 1, nil, false},
		"more are shown":           {func(int) int { return 11 }, 1, nil, false},
		"one is missing":           {func(int) int { return 13 }, 2, []string{"counts 13 deleted contacts, but its pages showed 12"}, true},
		"it counts on and on":      {func(pass int) int { return 12 + pass }, 5, []string{"pages of deleted contacts showed 12 of 17"}, false},
		"it counts right at last":  {func(pass int) int { return 17 - pass }, 5, nil, false},
		"it is alike but not then": {func(pass int) int { return []int{13, 14, 13, 14, 14}[pass-1] }, 5, []string{"counts 14 deleted contacts"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 120, func(w *world) {
				for i := range 12 {
					w.box.Seed(sandbox.Contact{Address: fmt.Sprintf("deleted%d@example.com", i), Deleted: true})
				}
				pages := 0
				w.edits("contacts?", func(_ int, body string) string {
					if !strings.Contains(body, `"deleted_at"`) {
						return body
					}
					pages++
					return counted.ReplaceAllString(body, fmt.Sprintf(`"contacts_count":%d`, c.count((pages+2)/3)))
				})
				w.refresh("snapshot")
				w.wantNotes(c.notes...)
				if n := count(w.asked("status"), "GET contacts status=deleted"); n != 3*c.reads {
					t.Errorf("%d pages of them were read, want 3 pages %d times", n, c.reads)
				}
				if doubt, err := Doubt(w.t.Context(), w.db); (doubt != "") != c.doubt || err != nil {
					t.Errorf("doubt %q (%v)", doubt, err)
				}
			})
		})
	}
}

// Only a hundred contacts together, or some at the end, are noticed missing.
func TestContactsThatVanishedLeaveTheMirrorWithTheNextExport(t *testing.T) {
	t.Parallel()
	for _, vanish := range []int{1, 150} {
		t.Run(fmt.Sprint(vanish), func(t *testing.T) {
			t.Parallel()
			inWorld(t, 300-vanish, func(w *world) {
				before := w.box.Snapshot()
				w.crowd(300-vanish, 300)
				w.refresh("snapshot")
				if err := w.box.Restore(before); err != nil {
					w.t.Fatal(err)
				}
				w.full = true
				w.asked()
				w.refresh("snapshot")
				if n := w.exports(); n != 1 {
					t.Errorf("%d exports", n)
				}
			})
		})
	}
}
