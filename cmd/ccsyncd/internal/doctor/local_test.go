package doctor

import (
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
)

func TestADamagedAppDatabaseIsNotBlamedOnTheConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		table  string
		spoil  bool
		detail string
		hint   string
	}{
		"a damaged file":              {"users", true, "the file is damaged; restore a backup", ""},
		"a table that does not exist": {"user", false, `no table "user"`, "correct [source] in the configuration"},
	} {
		path := filepath.Join(t.TempDir(), "app.db")
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)"); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if c.spoil {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			const header = 100
			if _, err := file.WriteAt([]byte(strings.Repeat("x", 1000)), header); err != nil {
				t.Fatal(err)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
		}
		cfg := config.Default()
		cfg.Source.DSN, cfg.Source.Table, cfg.Source.Email = config.NewSecret(path), c.table, "email"
		cfg.Fields = []config.Field{{Column: "id", CustomField: "code"}}
		a := app.New(&shell.Shell{Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: io.Discard})}, &cfg)
		ch := &chain{}
		ch.testSource(t.Context(), a, nil)
		if err := a.Release(); err != nil {
			t.Error(err)
		}
		if len(ch.links) != 1 || ch.links[0].Verdict != verdictFail || !strings.Contains(ch.links[0].Detail, c.detail) || ch.links[0].Hint != c.hint {
			t.Errorf("%s: %+v", name, ch.links)
		}
	}
}
