//go:build !unix

package daemon

import "errors"

// errRefused says that nobody listens: not told here.
var errRefused = errors.New("refused")

func withUmask(_ int, work func()) { work() }
