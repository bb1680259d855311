package state

import (
	"context"
	"fmt"
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

// Lock takes the lock of a name, or fails at once with a *HeldError. The kernel releases it when the process
// dies. The context that it returns ends when the lock is released: work under it.
func (db *DB) Lock(ctx context.Context, name string) (held context.Context, release func(), err error) {
	path := db.lockPath(name)
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !got {
		return nil, nil, holder(name, path)
	}
	sign(path)
	held, cancel := context.WithCancel(ctx)
	return held, func() { cancel(); lock.Unlock() }, nil
}

// sign writes who holds the lock, for the message of those who do not. That it could not be written
// hurts nobody.
func sign(path string) {
	host, _ := os.Hostname()
	_ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+" "+host+"\n"), 0o600)
}

// Holder tells who took the lock of a name last, without touching it: that process may be gone. PID is 0 when it is not
// known.
func (db *DB) Holder(name string) HeldError { return *holder(name, db.lockPath(name)) }

func (db *DB) lockPath(name string) string { return db.path + "-" + name + ".lock" }

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
