//go:build cgo

package source

import (
	"strings"

	"github.com/mattn/go-sqlite3"
)

// sqliteRecursive is SQLITE_RECURSIVE, which the driver does not name: WITH RECURSIVE.
const sqliteRecursive = 33

// lockSQLite lets a connection read, and nothing else, whatever SQL it is given: query_only and
// mode=ro can be left by a PRAGMA or an ATTACH.
func lockSQLite(conn *sqlite3.SQLiteConn) error {
	conn.SetLimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
	conn.RegisterAuthorizer(func(action int, first, second, _ string) int {
		switch action {
		case sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqliteRecursive:
			return sqlite3.SQLITE_OK
		case sqlite3.SQLITE_FUNCTION: // the second argument is its name
			if !strings.EqualFold(second, "load_extension") {
				return sqlite3.SQLITE_OK
			}
		case sqlite3.SQLITE_TRANSACTION:
			if first != "COMMIT" {
				return sqlite3.SQLITE_OK
			}
		case sqlite3.SQLITE_PRAGMA:
			switch name := strings.ToLower(first); {
			case name == "data_version", name == "table_xinfo", name == "journal_mode" && second == "":
				return sqlite3.SQLITE_OK
			}
		}
		return sqlite3.SQLITE_DENY
	})
	return nil
}
