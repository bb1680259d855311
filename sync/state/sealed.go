package state

import "context"

// OpenSealed opens a state file without its key: what a Vault keeps sealed cannot be read, only
// be replaced or removed. It is the way out when the key is lost. Errors are those of Open, but
// ErrKey.
func OpenSealed(ctx context.Context, path string) (*DB, error) {
	return openWith(path, func(db *DB) error {
		if err := db.migrate(ctx, migrations); err != nil {
			return err
		}
		return db.wipeRest(ctx)
	})
}
