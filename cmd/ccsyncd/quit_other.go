//go:build !unix

package main

import "io"

func noCore() {}

func stacksOnQuit(io.Writer) {}
