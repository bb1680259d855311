//go:build !unix

package app

import "ccsyncd/sync/state"

// isAlive takes every process for alive, since this system does not tell.
func isAlive(who state.HeldError) bool { return who.PID != 0 }
