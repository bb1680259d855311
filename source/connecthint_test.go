package source

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// A server that refuses a connection says by a code why; only what the owner can correct in dsn is
// a wrong configuration.
func TestWhatAPostgreSQLServerRefusesIsReportedWithAHint(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		hint   string
		config bool
	}{
		"28P01": {"user and password", true},
		"28000": {"user and password", true},
		"3D000": {"correct the database", true},
		"53300": {"no free connection", false},
		"57P03": {"", false},
		"":      {"", false},
	} {
		hint, config := postgresConnectHint(code)
		if !strings.Contains(hint, want.hint) || (hint == "") != (want.hint == "") || config != want.config {
			t.Errorf("%s: %q, %v", code, hint, config)
		}
	}
}

func TestErrorsOfPostgreSQLComeWithAHint(t *testing.T) {
	t.Parallel()
	d := &postgresDB{identity: "postgres h:5432/app", user: "bob"}
	for code, want := range map[string]struct {
		hint   string
		config bool
	}{
		"42501": {`GRANT SELECT ON users TO "bob"`, false}, "25006": {"where in [source]", true}, "42601": {"correct where in [source]", true},
		"22012": {"where in [source]", false}, "57014": {"log", false}, "XX000": {"its own hint", false},
	} {
		err := d.explain(&pgconn.PgError{Code: code, Message: "so it is", Hint: "its own hint"}, relation{table: "users", where: "x"})
		var told *Error
		if !errors.As(err, &told) || !strings.Contains(told.Hint, want.hint) || !strings.Contains(told.Message, "so it is") || errors.Is(err, ErrConfig) != want.config {
			t.Errorf("%s: got %v, want %q, and config = %v", code, err, want.hint, want.config)
		}
	}
}
