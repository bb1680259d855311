package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
)

// ErrReplaced: the file under the path is not the one that is open: somebody deleted, moved,
// emptied or replaced it, its write-ahead log, the log's index or a lock. What is written from then
// on would be lost, and another process may have begun beside this one. Without the index, which
// SQLite's processes share, no process sees what another one wrote, or its locks.
var ErrReplaced = errors.New("the state file was deleted, moved or replaced during use")

// Present returns ErrReplaced unless the file under the path, its write-ahead log with its index
// and the locks held are those that are open. Everything that writes asks first, so that no request
// is charged, no batch moved and no token marked once the file is gone. It costs microseconds and
// may be called concurrently.
func (db *file) Present(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.present()
}

func (db *file) present() error {
	now, err := same(db.path, db.info)
	switch {
	case err != nil:
		return err
	case now.Size() > 0:
		db.filled.Store(true)
	case db.filled.Load():
		return fmt.Errorf("%w: %s is empty now", ErrReplaced, db.path)
	}
	if err := db.wal.same(db.path + "-wal"); err != nil {
		return err
	}
	if indexMayVanish {
		if err := db.shm.same(db.path + "-shm"); err != nil {
			return err
		}
	}
	db.held.Range(func(path, file any) bool {
		_, err = same(path.(string), file.(fs.FileInfo))
		return err == nil
	})
	return err
}

// companion is a file that SQLite creates beside the database with the first statement, and keeps.
type companion struct{ seen atomic.Pointer[fs.FileInfo] } // nil until there is one

// same wants the file that it saw first.
func (c *companion) same(path string) error {
	if seen := c.seen.Load(); seen != nil {
		_, err := same(path, *seen)
		return err
	}
	if info, err := os.Lstat(path); err == nil {
		c.seen.CompareAndSwap(nil, &info)
	}
	return nil
}

// same wants the file under a path to be that one. It does not open it: closing it again would drop
// SQLite's locks.
func same(path string, file fs.FileInfo) (now fs.FileInfo, err error) {
	now, err = os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s is gone", ErrReplaced, path)
	case err != nil: // a disk that hangs; not what a file is put in place of
		return nil, fmt.Errorf("look at %s: %w", path, err)
	case !os.SameFile(file, now):
		return nil, fmt.Errorf("%w: %s is another file now", ErrReplaced, path)
	}
	return now, nil
}
