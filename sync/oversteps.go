package sync

import (
	"context"
	"slices"
	"time"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// oversteppedFor is how long a contact that was changed in too much stays a problem if nobody puts
// that right.
const oversteppedFor = 30 * 24 * time.Hour

// overstepReview looks which oversteps of former runs are none any more.
type overstepReview struct {
	state  *state.DB
	mirror *mirror.Mirror
	asked  *plan.Asked // the users whom the run is for
	forced bool
	// it was forced for all after a refusal that named such contacts
	harmSeen bool
	began    time.Time // when the run did
}

// end ends those. looked is how many of them a person has looked at.
//
//	the contact                                               then
//	was asked for by name with force                          ended: a person has looked at it
//	is there when the canary's refusal is forced              the same
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
		gone, err := v.gone(ctx, o)
		switch seen := v.harmSeen || v.forced && v.asked.Wants(o.Norm); {
		case err != nil:
			return 0, err
		case seen:
			looked++
		case !gone:
			continue
		}
		over = append(over, o.Norm)
	}
	return looked, v.state.EndOversteps(ctx, over)
}

// gone tells whether a run for all users finds an overstep no more.
func (v *overstepReview) gone(ctx context.Context, o *state.Overstep) (bool, error) {
	if v.asked != nil {
		return false, nil
	}
	contacts, err := v.mirror.Contacts(ctx, []string{o.Norm})
	return err == nil && (putRight(o, contacts) || v.state.Now().Sub(o.Since) >= oversteppedFor), err
}

// putRight tells whether no contact of the address is what the overstep made it.
func putRight(o *state.Overstep, contacts []state.Contact) bool {
	if slices.ContainsFunc(contacts, func(c state.Contact) bool { return c.Permission == contact.Unclear }) {
		return false
	}
	return !slices.ContainsFunc(contacts, func(c state.Contact) bool {
		return !c.Deleted && !contact.OptedOut(c.Permission) && (o.Was == "" || c.Permission != o.Was)
	})
}
