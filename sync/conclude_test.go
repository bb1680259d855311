package sync

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// A person reads what is missing, and nothing of what is not.
func TestAReportThatIsNotWholeNamesAllThatIsMissing(t *testing.T) {
	t.Parallel()
	const pushed = "2 changes were verified, 1 rejected, 3 could not be verified"
	const clears = "clearing a value changed a contact's permission, so ccsyncd clears nothing more"
	for want, r := range map[string]Report{
		pushed:                              {Push: &Pushed{Verified: 2, Rejected: 1, Unverified: 3}},
		"users with open problems: 3":       {Push: &Pushed{}, OpenProblems: map[string]int{"rejected": 2, "not_verified": 1}},
		clears:                              {Push: &Pushed{}, overstepped: 1},
		"pending users: 4":                  {Push: &Pushed{}, Coverage: Coverage{Pending: 4}},
		pushed + "; " + clears:              {Push: &Pushed{Verified: 2, Rejected: 1, Unverified: 3}, overstepped: 1},
		clears + "; " + "pending users: 2":  {Push: &Pushed{}, overstepped: 2, Coverage: Coverage{Pending: 2}},
		pushed + "; " + "pending users: 10": {Push: &Pushed{Verified: 2, Rejected: 1, Unverified: 3}, Coverage: Coverage{Pending: 10}},
	} {
		r.conclude(nil)
		if r.Outcome != Partial || r.Error == nil || r.Error.Code != "partial" || r.Error.Message != want {
			t.Errorf("%s: %+v, want %q", r.Outcome, r.Error, want)
		}
	}
	whole := Report{Push: &Pushed{Verified: 6}}
	if whole.conclude(nil); whole.Outcome != Synced || whole.Error != nil {
		t.Errorf("%s: %+v of a whole run", whole.Outcome, whole.Error)
	}
}

func TestARunThatTheQuotaEndsSaysWhenTheRestFollows(t *testing.T) {
	t.Parallel()
	resets := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for _, spent := range []error{&state.QuotaError{ResetsAt: resets}, &ccapi.QuotaError{ResetsAt: resets}} {
		for outcome, r := range map[Outcome]*Report{
			Deferred: {},
			Partial:  {Push: &Pushed{Rejected: 1}},
		} {
			r.conclude(spent)
			switch {
			case r.Outcome != outcome || r.Error == nil || !r.PutOff():
				t.Errorf("%s: %+v, want %s", r.Outcome, r.Error, outcome)
			case !strings.HasSuffix(r.Error.Hint, "the rest is sent after 2026-01-02T00:00:00Z") || !strings.HasSuffix(r.Error.Message, spent.Error()):
				t.Errorf("%s: %+v", outcome, r.Error)
			case outcome == Deferred && r.Error.Code != "quota_exceeded", outcome == Partial && r.Error.Code != "partial":
				t.Errorf("%s: code %s", outcome, r.Error.Code)
			}
		}
	}
	other := Report{Push: &Pushed{Rejected: 1}}
	if other.conclude(errors.New("another")); other.Outcome != Failed || other.PutOff() {
		t.Errorf("another error: %s", other.Outcome)
	}
}

// --force passes every limit but one, and is not named where it would not help.
func TestTheHintOfARefusalNamesForceWhereItHelps(t *testing.T) {
	t.Parallel()
	for reason, helps := range map[string]bool{"max_change_percent": true, "min_source_rows": false} {
		for _, dry := range []bool{true, false} {
			r := Report{DryRun: dry}
			r.Guard.Trip(reason, reason)
			r.conclude(nil)
			if r.Outcome != Refused || strings.Contains(r.Error.Hint, "`ccsyncd push --force`") != helps || strings.Contains(r.Error.Hint, "min_source_rows") == helps {
				t.Errorf("%s, dry %v: %s: %+v", reason, dry, r.Outcome, r.Error)
			}
		}
	}
}

func TestTheLowestCoverageOfADayIsThatOfTheSmallestShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lower, higher [2]int // verified, contacts
	}{{[2]int{2, 3}, [2]int{1, 1}}, {[2]int{0, 1}, [2]int{1, 100}}, {[2]int{98, 100}, [2]int{99, 100}}, {[2]int{0, 0}, [2]int{5, 5}}} {
		low, high := Coverage{Verified: c.lower[0], Contacts: c.lower[1]}, Coverage{Verified: c.higher[0], Contacts: c.higher[1]}
		if !lower(low, high) || lower(high, low) || lower(low, low) || lower(high, high) {
			t.Errorf("%d of %d is not lower than %d of %d", low.Verified, low.Contacts, high.Verified, high.Contacts)
		}
	}
}

func TestAShareFindsItsChangesWhateverTheSpellingOfAnAddress(t *testing.T) {
	t.Parallel()
	r := Report{Outcome: Synced, Push: &Pushed{Verified: 2},
		Users:   []UserState{{Email: "Ann@Example.com", State: "verified"}, {Email: "ben@example.com", State: "verified"}},
		Changes: []Change{{Email: "ann@example.com", Action: Create}, {Email: "ben@example.com", Action: Update}}}
	own := r.Share([]int{0})
	if len(own.Changes) != 1 || own.Summary.Create != 1 || own.Push.Verified != 1 {
		t.Errorf("%+v, %+v, %+v", own.Changes, own.Summary, own.Push)
	}
}
