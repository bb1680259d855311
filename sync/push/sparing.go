package push

import (
	"context"
	"time"

	"ccsyncd/sync/state"
)

// Nobody knows for certain that an import leaves contacts alone that opted out. Should it subscribe
// one, that is an overstep, and nobody who opted out is sent anything for 30 days, whatever the
// policy says.
const sparingRest = 30 * 24 * time.Hour

// Sparing tells why contacts that opted out are sent nothing in this account.
type Sparing struct {
	Since time.Time // when an import was last seen to have subscribed one
	Until time.Time // when they may be sent again
}

// ReadSparing tells whether contacts that opted out are sent nothing in this account, and why; nil
// when that is left to the policy.
func ReadSparing(ctx context.Context, db *state.DB) (*Sparing, error) {
	since, err := db.Resubscribed(ctx)
	if err != nil || since.IsZero() {
		return nil, err
	}
	s := &Sparing{Since: since, Until: since.Add(sparingRest)}
	if !db.Now().Before(s.Until) {
		return nil, nil
	}
	return s, nil
}
