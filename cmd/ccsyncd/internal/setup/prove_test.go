package setup

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/source"
)

// A table that takes too long to be counted is no reason to refuse its condition.
func TestATableThatIsTooLargeToCountIsTaken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	sh := &shell.Shell{Getenv: os.Getenv, Terminal: term.New(term.Options{Stdout: &said, Stderr: &said})}
	ask := newAsker(t.Context(), sh, func(string) bool { return false })
	f := &Answers{Table: "users", Where: "id > 0", Email: "email", Column: "short_code"}
	if err := f.proveWhere(ask, source.Config{DSN: path, Timeout: time.Nanosecond}); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "too many rows to count within 1ns") {
		t.Errorf("it says %q", said.String())
	}
}
