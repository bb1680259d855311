package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
)

// DB is an open state file: one file, and what is remembered in it, topic by topic. Its methods
// may be called concurrently.
type DB struct {
	*file
	mirror
	outbox
	history
	facts
	*vaults
}

// What a DB remembers. Each topic knows the file, and none of the others.
type (
	// mirror is the contacts of the account as they were last seen.
	mirror struct{ *file }
	// outbox is the batches on their way, and the problems of those that did not arrive.
	outbox struct{ *file }
	// history is the runs, and the requests for them.
	history struct{ *file }
	// facts are the single values, and the custom fields and lists that names are bound to.
	facts struct{ *file }
	// vaults are the sealed records.
	vaults struct {
		*file
		seal   sealer
		judged atomic.Pointer[judgement] // the last of opened
	}
)

// file is the database file, open, with its locks and its clock.
type file struct {
	path   string
	write  handle // one connection
	read   handle
	vigil  handle       // one idle connection that notices what other processes commit
	skewed atomic.Int64 // the server's clock minus ours, nanoseconds
	jumped atomic.Int64 // how far that was seen to jump, nanoseconds
	dated  atomic.Bool  // a Date was seen
	seen   atomic.Int64 // the data_version at the last call of Changed

	// What Present compares the paths with.
	info     fs.FileInfo
	filled   atomic.Bool // the file was seen with content
	wal, shm companion
	held     sync.Map // of each lock that is held, by its path, the fs.FileInfo

	remnants atomic.Bool           // wipeRest has left some
	trouble  atomic.Pointer[error] // see Trouble
}

// Errors of Open, told apart by what a person has to do.
var (
	// ErrExposed: others than the owner can read the file.
	ErrExposed = errors.New("other users can read the state file")
	// ErrNewer: a newer ccsyncd has worked on the file.
	ErrNewer = errors.New("the state file was written by a newer ccsyncd")
	// ErrForeign: the file is a database, and another program's.
	ErrForeign = errors.New("the file is another program's database; set [state] path to a separate file")
	// ErrDamaged: the file is no database, or is damaged.
	ErrDamaged = errors.New("the state file is damaged")
	// ErrKey: the tokens in the file are sealed with another key, or sealed and no key was given.
	ErrKey = errors.New("the state key does not match the state file")
)

const (
	// The writer's SQLite gives up soon, and handle.patient asks again.
	writePragmas = "_journal_mode=WAL&_synchronous=FULL&_foreign_keys=on&_busy_timeout=100&_mutex=no&_secure_delete=on&_txlock=immediate"
	readPragmas  = "mode=ro&_query_only=1&_busy_timeout=5000&_mutex=no"
)

// Open opens the state file at path, creating it with mode 0600 if there is none, and brings an
// older one up to date. The key seals what Vault keeps; nil leaves it in the clear. The errors are
// ErrExposed, *OwnerError, *ReadOnlyError, ErrForeign, ErrNewer, ErrDamaged and ErrKey, or those of
// the file system.
func Open(ctx context.Context, path string, key []byte) (*DB, error) {
	return openWith(path, func(db *DB) error { return db.prepare(ctx, key) })
}

func openWith(path string, prepare func(*DB) error) (*DB, error) {
	if err := create(path); err != nil {
		return nil, fmt.Errorf("open state file: %w", explain(path, err))
	}
	db, err := connect(path)
	if err != nil {
		return nil, fmt.Errorf("open state file %s: %w", path, err)
	}
	if err := prepare(db); err != nil {
		return nil, errors.Join(fmt.Errorf("open state file %s: %w", path, err), db.Close())
	}
	return db, nil
}

// create makes an empty file that nobody else can read, before SQLite opens it; an existing one
// must be just as private, and this user must be allowed to write it.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, name := range append([]string{path}, companions(path)...) {
		if err := private(name); err != nil {
			return err
		}
	}
	return writable(path)
}

func dsn(path, pragmas string) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: pragmas}).String()
}

func connect(path string) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f := &file{path: abs}
	db := &DB{f, mirror{f}, outbox{f}, history{f}, facts{f}, &vaults{file: f}}
	if db.info, err = os.Stat(abs); err != nil {
		return nil, err
	}
	for h, pragmas := range map[*handle]string{&db.write: writePragmas, &db.read: readPragmas, &db.vigil: readPragmas} {
		h.path = abs
		if h.DB, err = sqlx.Open("sqlite3", dsn(abs, pragmas)); err != nil {
			return nil, err
		}
	}
	db.write.tries, db.write.present, db.write.noted = busyTries, db.present, db.noted
	for _, one := range []handle{db.write, db.vigil} {
		one.SetMaxOpenConns(1)
	}
	db.read.SetMaxOpenConns(4)
	return db, nil
}

func (db *DB) prepare(ctx context.Context, key []byte) error {
	if err := db.migrate(ctx, migrations); err != nil {
		return err
	}
	if err := db.loadSkew(ctx); err != nil {
		return err
	}
	if err := db.loadJump(ctx); err != nil {
		return err
	}
	if err := db.unlock(ctx, key); err != nil {
		return err
	}
	return db.wipeRest(ctx)
}

// Close closes the database. Locks that are still held are not released.
func (db *file) Close() error {
	return errors.Join(db.vigil.Close(), db.read.Close(), db.write.Close())
}

// Path is the absolute path of the file.
func (db *file) Path() string { return db.path }

// Changed tells whether any other process has committed anything since the last call; the first
// call tells true. It costs microseconds. What a process could not overwrite while others were
// reading is overwritten here.
func (db *file) Changed(ctx context.Context) (bool, error) {
	var version int64
	if err := db.vigil.GetContext(ctx, &version, "PRAGMA data_version"); err != nil {
		return false, fmt.Errorf("ask for changes: %w", err)
	}
	changed := db.seen.Swap(version) != version
	if changed || db.remnants.Load() {
		// what cannot be done now is tried at the next call
		db.remnants.Store(db.wipeRest(ctx) != nil || db.remnants.Load())
	}
	return changed, nil
}

// change runs work in one transaction that writes. Its context has no end: the transaction is
// short, and for each statement that can be interrupted the driver starts a goroutine, which takes
// as long as the statement.
func (db *file) change(ctx context.Context, what string, work func(context.Context, *sqlx.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	ctx = context.WithoutCancel(ctx)
	tx, err := db.write.BeginTxx(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := work(ctx, tx); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", what, db.write.note(db.write.explain(err))), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: %w", what, db.write.note(db.write.explain(err)))
	}
	db.noted(nil)
	return nil
}

// stamp writes a time for the database; the zero time is "".
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// moment reads what stamp wrote.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
