package source

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestAServerEndsAStatementWhoseReaderIsGone: five seconds after the reader itself would have given
// it up, and by its own rules where the configuration has no time-out.
func TestAServerEndsAStatementWhoseReaderIsGone(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]string{
		0:           "SET time_zone = '+00:00', sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')",
		time.Minute: "SET time_zone = '+00:00', sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '') /*M!100101 , max_statement_time = 65 */ /*!50704 , max_execution_time = 65000 */",
	} {
		if got := mysqlSettings(timeout); got != want {
			t.Errorf("MySQL, %v: got %s, want %s", timeout, got, want)
		}
	}
	d := newPostgres(t)
	for timeout, want := range map[time.Duration]string{0: "0", time.Minute: "65s"} {
		cfg := usersConfig
		cfg.Timeout = timeout
		var got string
		err := d.open(t, cfg).within(t.Context(), func(ctx context.Context, s *session) error {
			return s.tx.GetContext(ctx, &got, "SHOW statement_timeout")
		})
		if err != nil || got != want {
			t.Errorf("PostgreSQL, %v: %q, %v, want %s", timeout, got, err, want)
		}
	}
}

// TestAViewWithoutEndHasNoSample: whoever sets the program up sees the other tables all the same.
func TestAViewWithoutEndHasNoSample(t *testing.T) {
	t.Parallel()
	d := newSQLite(t, "")
	createUsers(t, d, 2)
	d.exec(t, "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) AS c FROM n")
	began := time.Now()
	tables, err := Inspect(t.Context(), Config{DSN: d.dsn, Timeout: time.Minute})
	if err != nil || len(tables) != 2 || tables[0].Sample != nil || len(tables[1].Sample) != 2 {
		t.Errorf("Inspect gave %+v, %v, want a sample of users alone", tables, err)
	}
	if took := time.Since(began); took < 2*time.Second || took > 30*time.Second {
		t.Errorf("it took %v, want 2 s for the view", took)
	}
}

// TestAnErrorListsTwentyNames, and counts the others.
func TestAnErrorListsTwentyNames(t *testing.T) {
	t.Parallel()
	names := strings.Split("a b c d e f g h i j k l m n o p q r s t u v", " ")
	const twenty = "a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t"
	for n, want := range map[int]string{1: "a", 20: twenty, 21: twenty + " and 1 more", 22: twenty + " and 2 more"} {
		err := missing("table", "zzzzzz", "sqlite app.db", names[:n])
		if got := `no table "zzzzzz" in sqlite app.db; choose from: ` + want; err.Error() != got || !errors.Is(err, ErrConfig) {
			t.Errorf("%d names: got %v, want %s", n, err, got)
		}
	}
	if got := missing("table", "x", "sqlite app.db", nil).Error(); got != `no table "x" in sqlite app.db; this account can read no table` {
		t.Errorf("no names: got %s", got)
	}
}

// TestAValueOfAnUnknownKindIsAnError: a driver that gives one has changed, and nothing is made up.
func TestAValueOfAnUnknownKindIsAnError(t *testing.T) {
	t.Parallel()
	sc := newScanner(choice{columns: make([]Column, 2), order: []int{0, 1}})
	if err := sc.take([]driver.Value{"a@example.com", time.Time{}}); err == nil || !strings.Contains(err.Error(), "time.Time") {
		t.Errorf("got %v, want an error that names the type", err)
	}
}
