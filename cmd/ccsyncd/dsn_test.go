package main

import (
	"path/filepath"
	"strings"
	"testing"

	"ccsyncd/cmd/ccsyncd/internal/exit"
)

// TestADSNThatIsNoneIsShownAndKeptNowhere: what is not understood may be a password.
func TestADSNThatIsNoneIsShownAndKeptNowhere(t *testing.T) {
	t.Parallel()
	m := newMarked(t)
	if code := m.command(m.env, "auth", "login"); code != exit.Done {
		t.Fatalf("auth login ends with %d", code)
	}
	for _, dsn := range []string{
		"Server=h;Database=app;Uid=bob;Pwd=PW", "host= h password=PW extra", "sqlite://bob:PW@h/app.db", `{"host":"h","password":"PW"}`,
		"mysql -h h -u bob -pPW app", `"postgres://bob:PW@h/app"`, "DATABASE_URL=postgres://bob:PW@h/app", "bob:PW@h/app", "password PW",
		"prisma+postgres://h/?api_key=PW", "postgres://bob:PW@h/app?schema=",
	} {
		env := m.with("MARK_DSN=" + strings.ReplaceAll(dsn, "PW", markPassword))
		for _, line := range []string{"check", "check --output json", "--dry-run", "--dry-run --output json", "--once", "push ann@example.com", "explain ann@example.com"} {
			if code := m.command(env, append(strings.Fields(line), "--log-level", "debug")...); code != exit.Config {
				t.Errorf("%s: ccsyncd %s ends with %d, want 78", dsn, line, code)
			}
		}
		if code := m.command(env, "init", "--dsn", "env:MARK_DSN", "--config", filepath.Join(m.dir, "new.toml")); code != exit.Config {
			t.Errorf("%s: ccsyncd init ends with %d, want 78", dsn, code)
		}
		m.command(env, "status", "--output", "json")
	}
	m.files()
}
