package state

import (
	"strings"
	"testing"
)

// What is asked for a few contacts of a million goes straight to them: a query that reads a whole
// table for each is the same in a small test, and does not end in a large account.
func TestQueriesGoStraightToTheirRows(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	for name, query := range map[string]string{
		"a part of the entries":     selectEntries,
		"contacts by address":       selectContacts + whereNorm,
		"contacts by id":            selectContacts + whereID,
		"contacts without an id":    selectContacts + whereUnnamed,
		"whether a part is new":     existsBetween,
		"those in open batches":     selectPending,
		"problems by address":       selectProblems + whereProblem,
		"a part of a batch's rows":  selectRows,
		"a part of what was filled": selectFilled,
	} {
		t.Run(name, func(t *testing.T) {
			args := make([]any, strings.Count(strings.ReplaceAll(query, "'?'", ""), "?"))
			rows, err := db.read.QueryxContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			searches := 0
			for rows.Next() {
				var id, parent, unused int
				var step string
				if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(step, "SEARCH ") {
					searches++
				}
				for _, wrong := range []string{"SCAN contacts", "SCAN r", "SCAN batch_rows", "SCAN problems", "TEMP B-TREE"} {
					if strings.Contains(step, wrong) {
						t.Error(step)
					}
				}
			}
			if err := rows.Err(); err != nil || searches == 0 {
				t.Errorf("%d searches (%v)", searches, err)
			}
		})
	}
}
