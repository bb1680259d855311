package push

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/sync/mirror"
	"ccsyncd/sync/state"
)

// job is an activity as the list of activities has it.
type job struct {
	id     string
	after  time.Duration // the import was sent
	status string
	state  string // "": processing
}

const (
	three   = `"items_total_count":3,"person_count":3` // an import of three rows
	nothing = ``                                       // an activity that does not tell what it is
)

func listOf(sent time.Time, jobs []job) string {
	var all []string
	for _, j := range jobs {
		if j.state == "" {
			j.state = "processing"
		}
		all = append(all, fmt.Sprintf(`{"activity_id":%q,"state":%q,"created_at":%q,"status":{%s}}`, j.id, j.state, sent.Add(j.after).UTC().Format(time.RFC3339), j.status))
	}
	return `{"activities":[` + strings.Join(all, ",") + `]}`
}

// Another program may send imports too, and some accounts count a header line.
func TestAnImportWithoutAnAnswerMayBeOneOfThoseThatFitTheNearestFirst(t *testing.T) {
	t.Parallel()
	list := ""
	inRun(t, func() (int, string) { return 200, list }, func(t *testing.T, o *Outbox) {
		known := o.batch(t, state.Sending, "zoe@example.com")
		known.Activity = "known"
		if err := o.move(t.Context(), known, state.Sent); err != nil {
			t.Fatal(err)
		}
		b := o.batch(t, state.Sending, "ann@example.com", "ben@example.com", "cid@example.com")
		list = listOf(b.SendingAt, []job{{id: "later", after: 10 * time.Second, status: three}, {id: "unclear", status: nothing}, {id: "known", status: three},
			{id: "header", after: 2 * time.Second, status: `"items_total_count":4,"person_count":3`}, {id: "no count", after: 30 * time.Second, status: `"person_count":0`},
			{id: "two rows", status: `"items_total_count":2,"person_count":2`}, {id: "five rows", status: `"items_total_count":5,"person_count":5`},
			{id: "an export", status: `"items_total_count":3,"items_completed_count":3`}, {id: "before", after: -3 * time.Minute, status: three},
			{id: "just before", after: -time.Minute, status: three}, {id: "unclear, later", after: 5 * time.Second, status: nothing}})
		all, err := o.unclaimed(t.Context(), b)
		var ids []string
		for _, a := range all {
			ids = append(ids, a.ID)
		}
		if want := []string{"header", "later", "no count", "just before", "unclear", "unclear, later"}; !slices.Equal(ids, want) || err != nil {
			t.Errorf("it may be one of %q (%v), want %q", ids, err, want)
		}
	})
}

func TestAnImportWithoutAnAnswerIsLookedForAsLongAsItMayAppearOrTell(t *testing.T) {
	t.Parallel()
	tells, mute := job{id: "clear", status: three}, job{id: "unclear", status: nothing}
	for name, c := range map[string]struct {
		jobs    []job
		from    time.Duration // they are listed, after the import was sent
		patient bool
		want    sighting
		least   time.Duration // that it takes
	}{
		"it is there":                        {[]job{tells}, 0, true, found, 0},
		"it appears late":                    {[]job{tells}, 10 * time.Second, true, found, 10 * time.Second},
		"it never appears":                   {nil, 0, true, absent, appearsWithin},
		"one does not tell":                  {[]job{mute}, 0, false, unclear, 0},
		"one does not tell, with patience":   {[]job{mute}, 0, true, unclear, mirror.LetGo},
		"one tells, and one does not":        {[]job{mute, tells}, 0, false, found, 0},
		"the same with patience":             {[]job{mute, tells}, 0, true, found, mirror.LetGo},
		"one that has ended without telling": {[]job{{id: "ended", status: nothing, state: "completed"}}, 0, true, found, 0},
		"one appears, and does not tell":     {[]job{mute}, 20 * time.Second, false, unclear, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent time.Time
			inRun(t, func() (int, string) {
				if time.Since(sent) < c.from {
					return 200, listOf(sent, nil)
				}
				return 200, listOf(sent, c.jobs)
			}, func(t *testing.T, o *Outbox) {
				b := o.batch(t, state.Sending, "ann@example.com", "ben@example.com", "cid@example.com")
				sent = b.SendingAt
				began := time.Now()
				a, seen, err := o.look(t.Context(), b, c.patient)
				took := time.Since(began)
				if seen != c.want || err != nil || took < c.least || took > c.least+mirror.LastPoll {
					t.Errorf("seen %d (%v) after %s, want %d after %s", seen, err, took, c.want, c.least)
				}
				if isClear := slices.ContainsFunc(c.jobs, func(j job) bool { return j.id == "clear" }); seen == found && isClear && a.ID != "clear" {
					t.Errorf("it is taken for %q", a.ID)
				}
			})
		})
	}
}
