package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrReplaced: the file under the path is not the one that is open: somebody deleted, moved or
// replaced it, its write-ahead log or a lock. What is written from then on would be lost, and
// another process may have begun beside this one.
var ErrReplaced = errors.New("the state file was deleted, moved or replaced during use")

// Present returns ErrReplaced unless the file under the path, its write-ahead log and the locks
// held are those that are open. Everything that writes asks first, so that no request is charged,
// no batch moved and no token marked once the file is gone. It costs microseconds and may be called
// concurrently.
func (db *file) Present(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.present()
}

func (db *file) present() error {
	if err := same(db.path, db.info); err != nil {
		return err
	}
	if wal := db.wal.Load(); wal != nil {
		if err := same(db.path+"-wal", *wal); err != nil {
			return err
		}
	} else if info, err := os.Lstat(db.path + "-wal"); err == nil {
		// SQLite creates it with the first statement and keeps it.
		db.wal.CompareAndSwap(nil, &info)
	}
	var err error
	db.held.Range(func(path, file any) bool {
		err = same(path.(string), file.(fs.FileInfo))
		return err == nil
	})
	return err
}

// same wants the file under a path to be that one. It does not open it: closing it again would drop
// SQLite's locks.
func same(path string, file fs.FileInfo) error {
	now, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s is gone", ErrReplaced, path)
	case err != nil: // a disk that hangs; not what a file is put in place of
		return fmt.Errorf("look at %s: %w", path, err)
	case !os.SameFile(file, now):
		return fmt.Errorf("%w: %s is another file now", ErrReplaced, path)
	}
	return nil
}
