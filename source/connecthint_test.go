package source

import (
	"strings"
	"testing"
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
