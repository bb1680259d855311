package sync

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// Names under which the state file keeps what the guard compares the next run with: how the
// last good run was.
const (
	factGoodMapping  = "good_mapping"
	factGoodContacts = "good_contacts"
)

// lastGood is how the account looked at the last good run, nil when there was none.
func lastGood(ctx context.Context, db *state.DB) (*plan.Good, error) {
	contacts, err := db.Fact(ctx, factGoodContacts)
	if err != nil || contacts == "" {
		return nil, err
	}
	mapping, err := db.Fact(ctx, factGoodMapping)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(contacts)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", factGoodContacts, err)
	}
	return &plan.Good{Mapping: strings.Split(mapping, "\n"), Contacts: n}, nil
}
