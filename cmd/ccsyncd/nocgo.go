//go:build !cgo

package main

// Without cgo the SQLite driver builds and then fails at its first query. This refuses to build
// instead: the undefined name is the hint.
var _ = ccsyncd_needs_cgo_install_a_C_compiler_and_build_with_CGO_ENABLED_1
