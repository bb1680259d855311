//go:build !unix

package main

import "errors"

// errRefused says that nobody listens: not told here.
var errRefused = errors.New("refused")

func withUmask(_ int, work func()) { work() }
