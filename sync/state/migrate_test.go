package state

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// editionOne makes a file as the first edition did, and fills it.
func editionOne(t *testing.T, fill ...string) (path string) {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join("testdata", "edition1.sql"))
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
	want, got := shape(t, fresh(t)), shape(t, open(t, editionOne(t)))
	if last := fmt.Sprintf("edition %d", len(migrations)); !slices.Contains(want, last) {
		t.Errorf("a new file is not of %s", last)
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("an upgraded file lacks %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("a new file lacks %s", line)
		}
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
			db := open(t, editionOne(t, c.fill...))
			for fact, want := range map[string]string{"home_source": c.source, "joins": c.joins, "home_api": "https://api"} {
				if got, err := db.Fact(t.Context(), fact); got != want || err != nil {
					t.Errorf("%s is %q, %v; want %q", fact, got, err, want)
				}
			}
		})
	}
}
