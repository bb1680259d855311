package state

import (
	"context"
	"errors"
	"fmt"
)

// OpenSealed opens a state database without its key: what a Vault keeps sealed cannot be read, only
// be replaced or removed. It is the way out when the key is lost. Errors are those of Open, but
// ErrKey.
func OpenSealed(ctx context.Context, path string) (*DB, error) {
	if err := create(path); err != nil {
		return nil, fmt.Errorf("open state database: %w", explain(path, err))
	}
	db, err := connect(path)
	if err != nil {
		return nil, fmt.Errorf("open state database %s: %w", path, err)
	}
	err = db.migrate(ctx, migrations)
	if err == nil {
		err = db.wipeRest(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open state database %s: %w", path, err), db.Close())
	}
	return db, nil
}
