//go:build !cgo

package source

import "github.com/mattn/go-sqlite3"

// lockSQLite is never called: without cgo the program refuses to be built.
func lockSQLite(*sqlite3.SQLiteConn) error { return nil }
