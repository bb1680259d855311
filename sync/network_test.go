package sync_test

import (
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

func TestALocalFileThatCannotBeReadIsNotDiagnosedAsTheNetwork(t *testing.T) {
	t.Parallel()
	for _, early := range []error{io.EOF, io.ErrUnexpectedEOF} {
		if code, hint := ccsync.Diagnose(fmt.Errorf("sort the users: %w", early)); code != "failed" {
			t.Errorf("a file that ends early, %v: code %q, hint %q", early, code, hint)
		}
	}
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.EMFILE, syscall.EACCES, syscall.EROFS, syscall.ENOENT} {
		err := fmt.Errorf("sort the users: %w", &fs.PathError{Op: "open", Path: "/var/lib/ccsync/spool", Err: errno})
		if code, hint := ccsync.Diagnose(err); code != "failed" {
			t.Errorf("%v: code %q, hint %q", err, code, hint)
		}
	}
}

// An answer that ends early has the same error as a file that does, and is an error of the network.
func TestAnAnswerThatEndsEarlyIsDiagnosedAsTheNetwork(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.FaultKind{sandbox.FaultResetBefore, sandbox.FaultCutBody, sandbox.FaultHangBefore} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(20, 1)
				w.box.Fault(sandbox.Fault{Kind: kind, Path: "/v3/contacts"})
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Failed)
				if report.Error.Code != "network" {
					t.Errorf("error = %+v", report.Error)
				}
			})
		})
	}
}
