package source

import "context"

// Count returns how many rows match the condition, and how many the table has. For a query, both
// are the number of its rows. The database does the counting, so a large table takes a moment. If
// the table or the condition does not fit the database, the error is [ErrConfig].
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
