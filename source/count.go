package source

import "context"

// Count tells how many rows the condition lets through, and how many the table has; of a query both
// are what it returns. It has the database count, which takes a large table a moment. A table or
// condition that does not fit the database is ErrConfig.
func (db *DB) Count(ctx context.Context) (matching, all int, err error) {
	err = db.within(ctx, func(ctx context.Context, s *session) error {
		rel := db.rel
		if _, err := db.describe(ctx, s, &rel); err != nil {
			return err
		}
		if matching, err = s.count(ctx, rel); err != nil || rel.where == "" {
			all = matching
			return err
		}
		rel.where = ""
		all, err = s.count(ctx, rel)
		return err
	})
	return matching, all, err
}

func (s *session) count(ctx context.Context, rel relation) (n int, err error) {
	return n, s.tx.GetContext(ctx, &n, selectStatement(rel, []string{"COUNT(*)"}, noLimit))
}
