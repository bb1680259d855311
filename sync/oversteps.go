package sync

import (
	"context"
	"slices"
	"strings"
	"time"

	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// oversteppedFor is how long a contact that was changed in too much stays a problem if nobody puts
// that right.
const oversteppedFor = 30 * 24 * time.Hour

// overstepReview looks which oversteps of former runs are none any more.
type overstepReview struct {
	state  *state.DB
	asked  *plan.Asked // the users whom the run is for
	forced bool
	// of a run that was forced for all: the refusal that it passed, and that named contacts
	harmSeen string
	began    time.Time // when the run did
}

// end ends those. looked is how many of them a person has looked at.
//
//	the contact                                               then
//	was asked for by name with force                          ended: a person has looked at it
//	was named by a refusal of the canary that was forced      the same
//	has the permission that it had, opted out or is gone      ended, in a run for all
//	was changed 30 days ago                                   ended, in a run for all
//	anything else                                             stays
func (v *overstepReview) end(ctx context.Context) (looked int, err error) {
	open, err := v.state.Oversteps(ctx)
	if err != nil {
		return 0, err
	}
	var over []string
	for i := range open {
		o := &open[i]
		if !o.Since.Before(v.began) {
			continue
		}
		contacts, err := v.state.Of(ctx, o)
		switch {
		case err != nil:
			return 0, err
		case v.seen(o, contacts):
			looked++
		case v.asked != nil || !putRight(o, contacts) && v.state.Now().Sub(o.Since) < oversteppedFor:
			continue
		}
		over = append(over, o.Norm)
	}
	return looked, v.state.EndOversteps(ctx, over)
}

// seen tells whether a person has looked at a contact.
func (v *overstepReview) seen(o *state.Overstep, contacts []state.Contact) bool {
	if o.ID != "" && strings.Contains(v.harmSeen, "contact "+o.ID) {
		return true
	}
	return v.forced && (v.asked.Wants(o.Norm) || slices.ContainsFunc(contacts, func(c state.Contact) bool {
		return c.ID == o.ID && v.asked.Wants(c.Norm)
	}))
}

// putRight tells whether no contact is what the overstep made it. A permission that is not known
// says nothing.
func putRight(o *state.Overstep, contacts []state.Contact) bool {
	return !slices.ContainsFunc(contacts, func(c state.Contact) bool {
		return !c.Deleted && c.Permission != "unsubscribed" && (o.Was == "" || c.Permission != o.Was)
	})
}
