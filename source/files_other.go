//go:build !unix

package source

// writable is true where nothing can be asked.
func writable(string) bool { return true }

// foreign is false where nothing can be asked.
func foreign(string) bool { return false }

// changeOf is not told by this system.
func changeOf(string) string { return "" }
