package sync

import (
	"context"

	"ccsyncd/sync/canary"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// Forget removes an address from everything that this program remembers, but for what Erasure
// tells.
func (e *Engine) Forget(ctx context.Context, address string) (state.Erasure, error) {
	norm := contact.Norm(address)
	if err := canary.Forget(ctx, e.State, norm); err != nil {
		return state.Erasure{}, err
	}
	return e.State.Forget(ctx, norm)
}

// ForgetAccount drops what belongs to an account that is given up: its contacts, the ids of its
// fields and lists, and that it is known who left these. The mirror's lock must be held.
func ForgetAccount(ctx context.Context, db *state.DB) error {
	if err := db.DropMirror(ctx); err != nil {
		return err
	}
	if err := db.SetFacts(ctx, map[string]string{factJoins: ""}); err != nil {
		return err
	}
	// what one account did says nothing of another
	if err := db.SetRecords(ctx, state.Records{canary.Record: ""}); err != nil {
		return err
	}
	return db.SetBindings(ctx, nil)
}
