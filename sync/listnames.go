package sync

import (
	"context"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// recordListNames is the name of the record of listNames.
const recordListNames = "list_names"

// listNames are the names of lists by id, for people.
type listNames map[string]string

func readListNames(ctx context.Context, db *state.DB) (l listNames, err error) {
	_, err = db.Record(ctx, recordListNames, &l)
	return l, err
}

// of are the names of lists; one that is not known stays an id.
func (l listNames) of(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		if names[i] = l[id]; names[i] == "" {
			names[i] = id
		}
	}
	return names
}

// NameLists keeps the names of all lists of the account, whenever they are read: nothing asks for
// them for that alone.
func NameLists(ctx context.Context, db *state.DB, lists []ccapi.List) error {
	now := make(listNames, len(lists))
	for _, l := range lists {
		now[l.ID] = l.Name
	}
	all, err := asRecord(recordListNames, now)
	if err != nil {
		return err
	}
	return db.SetRecords(ctx, all)
}
