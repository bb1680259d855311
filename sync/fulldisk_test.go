//go:build linux

package sync_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// smallDisk is a file system of one megabyte, which root alone can mount.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		t.Skipf("no file system can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves so much room on a disk, or none.
func fill(t testing.TB, dir string, room int) {
	t.Helper()
	const step = 4096
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	size := int64(0)
	for page := make([]byte, step); ; size += step {
		if _, err := ballast.WriteAt(page, size); err != nil {
			break
		}
	}
	if err := ballast.Truncate(max(size-int64(room), 0)); err != nil {
		t.Fatal(err)
	}
}

// On a disk that is really full, or becomes so at any point of a run, the error says so, wherever
// it comes up: while the state file is opened, while a run starts, in its middle, or when it
// ends.
func TestOnAFullDiskEveryErrorNamesTheDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred runs")
	}
	dir := smallDisk(t)
	codes, done := make(map[string]int), 0
	for room := 0; done < 3; room += 4096 {
		inWorldAt(t, sandbox.Options{}, dir, func(w *world) {
			w.populate(120, 0)
			w.want(w.run(ccsync.Options{}), ccsync.Synced)
			for i := range 60 {
				w.rows[i].Values = []string{fmt.Sprintf("%s-%d", strings.Repeat("long", 50), i)}
			}
			w.close()
			fill(t, dir, room)
			code := "synced"
			if err := w.tryOn(); err != nil {
				if code, _ = ccsync.Diagnose(err); code != "state_full" {
					t.Errorf("with %d bytes: %s: %v", room, code, err)
				}
				done = 0
			} else {
				done++
			}
			codes[code]++
			if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
				t.Fatal(err)
			}
			w.open()
			w.want(w.run(ccsync.Options{}), ccsync.Synced)
			w.wantAllCodes()
		})
		clearDir(t, dir)
	}
	t.Logf("%v", codes)
}

func clearDir(t *testing.T, dir string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range all {
		if err := os.RemoveAll(filepath.Join(dir, each.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// tryOn opens what close has closed, runs once and closes again; the error is that of whichever
// failed.
func (w *world) tryOn() error {
	db, err := state.Open(w.t.Context(), w.path, nil)
	if err != nil {
		return err
	}
	db.Close()
	w.open()
	defer w.close()
	report, err := w.engine().Run(w.t.Context(), ccsync.Options{})
	if report != nil && report.Err() != nil {
		if code, _ := ccsync.Diagnose(report.Err()); report.Error.Code != code {
			return fmt.Errorf("the report says %s of %w", report.Error.Code, report.Err())
		}
		err = errors.Join(err, report.Err())
	}
	return err
}
