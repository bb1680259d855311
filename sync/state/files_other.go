//go:build !unix

package state

import "io/fs"

// noFollow has no meaning on this system.
const noFollow = 0

// indexMayVanish: Windows lets nobody delete a file that is mapped, and the log's index may be
// another file after the first statements.
const indexMayVanish = false

// ownerOf is not told by this system.
func ownerOf(fs.FileInfo) (id int, told bool) { return 0, false }

// mayWrite tells whether the attributes of a file let this user write it. Those of a folder have
// another meaning.
func mayWrite(_ string, info fs.FileInfo) bool { return info.IsDir() || info.Mode()&0o200 != 0 }
