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

// The state database is on a full disk while a token is renewed: the new one lives in the daemon
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
