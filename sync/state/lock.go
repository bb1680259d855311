package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// HeldError says that another process, or another caller in this one, holds a lock.
type HeldError struct {
	Name string // which lock
	PID  int    // 0 when unknown
	Host string // "" when unknown
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the %s lock is held by another process", e.Name)
	}
	return fmt.Sprintf("the %s lock is held by process %d on %s", e.Name, e.PID, e.Host)
}

// MirrorLock is the name of the lock for whoever reads contacts into the mirror, a dry run too.
const MirrorLock = "mirror"

// Lock takes the lock of a name, or fails at once with a *HeldError. The kernel releases it when
// the process dies. The context that it returns ends when the lock is released: work under it. A
// lock whose file another user owns is an *OwnerError, a symbolic link in its place ErrLink.
func (db *file) Lock(ctx context.Context, name string) (held context.Context, release func(), err error) {
	path := db.lockPath(name)
	if err := db.present(); err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := lockFile(path); err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", path, err)
	}
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR|noFollow), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", path, explain(path, err))
	}
	if !got {
		return nil, nil, holder(name, path)
	}
	file, err := lock.Stat()
	if err == nil {
		err = sign(path, file)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), lock.Unlock())
	}
	db.held.Store(path, file)
	held, cancel := context.WithCancel(ctx)
	return held, func() { cancel(); db.held.Delete(path); lock.Unlock() }, nil
}

// sign writes who holds the lock, for the message of those who do not, into the file that is locked
// and no other. That it could not be written hurts nobody.
func sign(path string, locked fs.FileInfo) error {
	if err := owned(path, locked); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|noFollow, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !os.SameFile(locked, info) {
		return errors.Join(fmt.Errorf("%w: %s is another file now", ErrReplaced, path), err)
	}
	host, _ := os.Hostname()
	if f.Truncate(0) == nil {
		_, _ = f.WriteString(strconv.Itoa(os.Getpid()) + " " + host + "\n")
	}
	return nil
}

// Holder tells who took the lock of a name last, without touching it: that process may be gone. PID
// is 0 when it is not known.
func (db *file) Holder(name string) HeldError { return *holder(name, db.lockPath(name)) }

func (db *file) lockPath(name string) string { return db.path + "-" + name + ".lock" }

func holder(name, path string) *HeldError {
	e := &HeldError{Name: name}
	text, err := os.ReadFile(path)
	if err != nil {
		return e
	}
	pid, host, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if e.PID, err = strconv.Atoi(pid); err == nil {
		e.Host = host
	}
	return e
}
