//go:build unix

package source

import "golang.org/x/sys/unix"

// writable tells whether this process may make files in the folder.
func writable(folder string) bool { return unix.Access(folder, unix.W_OK) == nil }
