package state

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// edition makes a file as an earlier edition did, and fills it.
func edition(t *testing.T, n int, fill ...string) (path string) {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("edition%d.sql", n)))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "ccsync.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range append([]string{string(schema)}, fill...) {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return path
}

// shape is every column and index of a file.
func shape(t *testing.T, db *DB) []string {
	t.Helper()
	var all []string
	err := db.read.SelectContext(t.Context(), &all, `
		SELECT 'table ' || s.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk
			FROM sqlite_schema s JOIN pragma_table_xinfo(s.name) c WHERE s.type = 'table'
		UNION ALL SELECT 'index ' || name || ' ' || tbl_name || ' ' || sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL
		UNION ALL SELECT 'edition ' || user_version FROM pragma_user_version`)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// A file that was brought up to date is one as a new one is.
func TestAnUpgradedFileIsAsANewOne(t *testing.T) {
	t.Parallel()
	want := shape(t, fresh(t))
	if last := fmt.Sprintf("edition %d", len(migrations)); !slices.Contains(want, last) {
		t.Errorf("a new file is not of %s", last)
	}
	for n := 1; n < len(migrations); n++ {
		got := shape(t, open(t, edition(t, n)))
		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("an upgraded file of edition %d lacks %s", n, line)
			}
		}
		for _, line := range got {
			if !slices.Contains(want, line) {
				t.Errorf("a new file lacks %s, which one of edition %d has", line, n)
			}
		}
	}
}

// What was under way stays so, and what its rows did not tell is not known.
func TestABatchOfTheSecondEditionIsReadWithWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	db := open(t, edition(t, 2, "INSERT INTO batches VALUES (7, 1, 'import', 'sent', 'l', 'm', 1, '{}', 'act', '', '', 0, 0, '', '', '', '', '')",
		"INSERT INTO batch_rows VALUES (7, 'a@example.com', '1', 'A@example.com', 'k', 'update', 'NEW', 'OLD', 'l', '')"))
	for row, err := range db.BatchRows(t.Context(), 7) {
		if want := (BatchRow{Norm: "a@example.com", ID: "1", Address: "A@example.com", Key: "k", Action: "update", Wanted: "NEW", Old: "OLD", Lists: []string{"l"}}); err != nil || !reflect.DeepEqual(row, want) {
			t.Errorf("%+v, %v", row, err)
		}
	}
	if e, err := db.Forget(t.Context(), "a@example.com"); !e.Pending || e.Rows != 1 || err != nil {
		t.Errorf("%+v, %v", e, err)
	}
	if pending, err := db.Pending(t.Context(), []string{"a@example.com"}); !pending["a@example.com"] || err != nil {
		t.Errorf("%v, %v", pending, err)
	}
	if found := filesWith(t, db.Path(), "a@example.com"); !slices.Equal(found, []string{"ccsync.db.edition2"}) {
		t.Errorf("the address stands in %v, want the copy alone", found)
	}
}

// The first edition was bound to whatever source it was first tried with; and one that has worked
// knows who left a list since.
func TestWhatTheFirstEditionKnewOfItsHome(t *testing.T) {
	t.Parallel()
	const bound = "INSERT INTO facts VALUES ('home_source', 'postgres:mistyped'), ('home_api', 'https://api')"
	for name, c := range map[string]struct {
		fill          []string
		source, joins string
	}{
		"that a first try bound":     {fill: []string{bound}},
		"that was only looked at":    {fill: []string{bound, "UPDATE mirror SET mark = '2026-01-01T00:00:00Z'"}},
		"that a good run filled":     {fill: []string{bound, "INSERT INTO facts VALUES ('good_contacts', '10')", "UPDATE mirror SET mark = '2026-01-01T00:00:00Z'"}, source: "postgres:mistyped", joins: "yes"},
		"that sends its first batch": {fill: []string{bound, "INSERT INTO batches VALUES (1, 1, 'import', 'sent', '', '', 1, '{}', '', '', '', 0, 0, '', '', '', '', '')"}, source: "postgres:mistyped", joins: "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, edition(t, 1, c.fill...))
			for fact, want := range map[string]string{"home_source": c.source, "joins": c.joins, "home_api": "https://api"} {
				if got, err := db.Fact(t.Context(), fact); got != want || err != nil {
					t.Errorf("%s is %q, %v; want %q", fact, got, err, want)
				}
			}
		})
	}
}
