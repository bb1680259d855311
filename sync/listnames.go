package sync

import (
	"context"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// recordListNames is the name of the record of listNames.
const recordListNames = "list_names"

// listNamesKept is how long names of lists are good enough where none is configured.
const listNamesKept = 24 * time.Hour

// listNames are the names of all lists of the account, for people.
type listNames struct {
	At    time.Time         `json:"at"`    // by the server's clock
	Names map[string]string `json:"names"` // by id
}

func readListNames(ctx context.Context, db *state.DB) (l listNames, err error) {
	_, err = db.Record(ctx, recordListNames, &l)
	return l, err
}

// of are the names of lists; one that is not known stays an id.
func (l listNames) of(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		if names[i] = l.Names[id]; names[i] == "" {
			names[i] = id
		}
	}
	return names
}

// nameLists keeps the names of all lists. Where none is configured, so that lists is nil, they are asked
// for once a day; that they cannot be had hinders nothing.
func (e *Engine) nameLists(ctx context.Context, lists []ccapi.List) error {
	before, err := readListNames(ctx, e.State)
	if err != nil {
		return err
	}
	if lists == nil {
		if age := e.State.Now().Sub(before.At); age >= 0 && age < listNamesKept {
			return nil
		}
		if lists, err = e.Read.Lists(ctx); err != nil {
			e.Log.WarnContext(ctx, "the names of lists are not known", "error", err)
			return nil
		}
	}
	now := listNames{At: e.State.Now(), Names: make(map[string]string, len(lists))}
	for _, l := range lists {
		now.Names[l.ID] = l.Name
	}
	all, err := asRecord(recordListNames, now)
	if err != nil {
		return err
	}
	return e.State.SetRecords(ctx, all)
}
