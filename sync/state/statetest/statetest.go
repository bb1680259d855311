// Package statetest breaks state files for tests.
package statetest

import (
	"sync"

	"github.com/mattn/go-sqlite3"
)

// Denier lets one statement fail on the connections that ask it ([sqlite3.SQLiteConn]'s
// RegisterAuthorizer). The zero value lets all pass. Its methods may be called concurrently.
type Denier struct {
	mu     sync.Mutex
	armed  bool
	after  int
	denied string
	last   string
}

// Arm lets the statement fail that comes after so many others, once.
func (d *Denier) Arm(after int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed, d.after, d.denied, d.last = true, after, "", ""
}

// Disarm lets all pass again and tells which statement failed, such as "INSERT facts"; "" for none.
func (d *Denier) Disarm() (denied string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed = false
	return d.denied
}

// What SQLite asks before it carries a statement out (sqlite.org/c3ref/c_alter_table.html), and
// go-sqlite3 has no name for.
const (
	askPragma      = 19
	askSelect      = 21
	askTransaction = 22
)

var asked = map[int]string{sqlite3.SQLITE_INSERT: "INSERT", sqlite3.SQLITE_UPDATE: "UPDATE", sqlite3.SQLITE_DELETE: "DELETE",
	askPragma: "PRAGMA", askSelect: "SELECT", askTransaction: "TRANSACTION"}

// Ask is the authorizer of a connection.
func (d *Denier) Ask(op int, arg, _, _ string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	what := asked[op] + " " + arg
	repeated := what == d.last && op != askSelect // it is asked for each column
	d.last = what
	if !d.armed || asked[op] == "" || repeated || what == "TRANSACTION ROLLBACK" {
		return sqlite3.SQLITE_OK
	}
	if d.after--; d.after != -1 {
		return sqlite3.SQLITE_OK
	}
	d.denied = what
	return sqlite3.SQLITE_DENY
}
