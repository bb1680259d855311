package daemon

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	ccsync "ccsyncd/sync"
)

const bubbleConfig = `[source]
dsn = "app.db"
table = "users"
email = "email"
[[field]]
column = "short_code"
custom_field = "short_code"
[endpoints]
api = "http://127.0.0.1:8585/v3"
auth = "http://127.0.0.1:8585/oauth2/default/v1"
[auth]
client_id = "a-client-id"
[http]
listen = "127.0.0.1:8484"
token = "` + bubbleToken + `"
[schedule]
cron = "@every 10s"
`

// The state file is on a full disk while a token is renewed: the new one lives in the daemon
// alone, and a reload comes.
func TestATokenThatCouldNotBeStoredOutlivesAReload(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.cfg.Path = filepath.Join(b.dir, "ccsync.toml")
		b.must(os.WriteFile(b.cfg.Path, []byte(bubbleConfig), 0o600))
		b.wait(time.Minute)
		disk, err := sql.Open("sqlite3", filepath.Join(b.dir, "ccsync.db"))
		b.must(err)
		defer disk.Close()
		full := false
		b.onRequest(func(r *http.Request) { // its mark is written, its answer is not
			if strings.HasSuffix(r.URL.Path, "/token") && !full {
				full = true
				for _, event := range []string{"INSERT", "UPDATE"} {
					_, err := disk.Exec("CREATE TRIGGER full_" + event + " BEFORE " + event + " ON vault BEGIN SELECT RAISE(ABORT, 'full'); END")
					b.must(err)
				}
			}
		})
		b.exec("UPDATE users SET short_code = 'ONE' WHERE id = 1")
		b.box.RevokeAccess()
		b.wait(30 * time.Second)
		if !full {
			t.Fatal("no token was renewed")
		}
		b.hangUp <- syscall.SIGHUP
		b.wait(2 * time.Second)
		if !strings.Contains(b.log.String(), "configuration reloaded") {
			t.Fatalf("no reload: %s", b.log.String())
		}
		for _, event := range []string{"INSERT", "UPDATE"} {
			_, err := disk.Exec("DROP TRIGGER full_" + event)
			b.must(err)
		}
		b.exec("UPDATE users SET short_code = 'TWO' WHERE id = 2")
		b.box.RevokeAccess()
		b.wait(5 * time.Minute)
		for token, spent := range b.box.TokenSpends() {
			if spent > 1 {
				t.Errorf("a refresh token (%d characters) was spent %d times", len(token), spent)
			}
		}
		if last := b.ran()[len(b.ran())-1]; last.Outcome != ccsync.Synced {
			t.Errorf("the last run ended %s: %+v", last.Outcome, last.Error)
		}
		if c, _ := b.box.Contact("user0002@example.com"); c.Fields["short_code"] != "TWO" {
			t.Errorf("the contact carries %q", c.Fields["short_code"])
		}
	})
}

// A mistake in the file changes nothing, and a good file all that it names: schedule, token,
// limits.
func TestAReloadTakesAGoodFileAndKeepsTheOldOneOtherwise(t *testing.T) {
	t.Parallel()
	inBubble(t, 3, func(b *bubble) {
		b.cfg.Path = filepath.Join(b.dir, "ccsync.toml")
		reload := func(text string) {
			t.Helper()
			b.must(os.WriteFile(b.cfg.Path, []byte(text), 0o600))
			b.hangUp <- syscall.SIGHUP
			b.wait(time.Second)
		}
		old := b.d.app.Load()
		b.wait(time.Minute)
		for text, says := range map[string]string{
			"[source": "reload failed, keeping the current configuration",
			strings.Replace(bubbleConfig, `token = "`+bubbleToken, `token = "`, 1): "reload failed, keeping the current configuration",
		} {
			if reload(text); b.d.app.Load() != old || !strings.Contains(b.log.String(), says) {
				t.Errorf("%q was taken, or the log does not say %q", text, says)
			}
		}
		changed := strings.NewReplacer(bubbleToken, "another-token-of-the-bubble", "@every 10s", "@every 1h").Replace(bubbleConfig)
		reload(changed)
		if b.d.app.Load() == old || !strings.Contains(b.log.String(), "configuration reloaded") {
			t.Error("the good file was not taken")
		}
		if left := time.Until(b.d.schedule.next); left < 59*time.Minute || left > time.Hour {
			t.Errorf("the next run is in %s", left)
		}
		if status, _ := b.ask(http.MethodPost, "/run", ""); status != http.StatusUnauthorized {
			t.Errorf("the old token is answered with %d", status)
		}
		next, ok, err := ccsync.ReadNext(b.ctx, b.d.app.Load().State)
		if err != nil || !ok || next.Schedule != "@every 1h" {
			t.Errorf("written down: %+v (%v)", next, err)
		}
	})
}

// What takes a restart stays as it is, and the log does not claim otherwise.
func TestAReloadNamesTheSettingsThatNeedARestart(t *testing.T) {
	t.Parallel()
	inBubble(t, 1, func(b *bubble) {
		b.cfg.Path = filepath.Join(b.dir, "ccsync.toml")
		text := strings.Replace(bubbleConfig, "127.0.0.1:8484", "127.0.0.1:8485", 1) + "[state]\nkey = \"" + strings.Repeat("01", 32) + "\"\n"
		b.must(os.WriteFile(b.cfg.Path, []byte(text), 0o600))
		b.wait(time.Second)
		b.hangUp <- syscall.SIGHUP
		b.wait(time.Second)
		var said string
		for line := range strings.Lines(b.log.String()) {
			if strings.Contains(line, "configuration reloaded") {
				said += line
			}
		}
		if strings.Count(said, "\n") != 1 || !strings.Contains(said, "WARN") || !strings.Contains(said, "[state] key, [http] listen") || !strings.Contains(said, "restart") {
			t.Errorf("the log says %q", said)
		}
	})
}
