//go:build unix

package main

import (
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"ccsyncd/cmd/ccsyncd/internal/exit"
)

// noCore keeps the kernel from writing this process's memory, which has tokens in it, to a core
// file.
func noCore() {
	// where it cannot be lowered it is low
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}

// stacksOnQuit makes SIGQUIT show where every goroutine is and end with 1. Go itself would end with
// 2, which reads as "changes are pending".
func stacksOnQuit(to io.Writer) {
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() {
		<-quit
		stacks := make([]byte, 1<<20)
		_, _ = to.Write(stacks[:runtime.Stack(stacks, true)]) // the process ends anyway
		os.Exit(exit.Failed)
	}()
}
