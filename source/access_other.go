//go:build !unix

package source

// writable is true where nothing can be asked.
func writable(string) bool { return true }
