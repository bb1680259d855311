package source

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Row is one user in the app's table.
//
// Every text is as the database has it, neither trimmed nor folded. "" stands for NULL. A text can
// have bytes that are not UTF-8. The next user overwrites the same Row: copy Values to keep them.
// The strings themselves stay valid.
type Row struct {
	Key    string   // names the user in reports; "" where the source has no key column
	Email  string   // the address
	Values []string // one for each of Config.Columns, in that order
}

// Config is the section source of ccsync.toml, with the columns of its fields.
type Config struct {
	DSN     string        // a path, the URL that the app uses, or the driver's own form
	Driver  string        // SQLite, Postgres or MySQL; "" where the DSN tells
	Table   string        // table or schema.table, spelled as in the database; or else Query
	Where   string        // condition on Table, in SQL; "" for all rows
	Query   string        // a whole SELECT, in place of Table
	Email   string        // the column with the address
	Key     string        // the column that names a user; "" for the table's primary key
	Columns []string      // the columns of Row.Values, at least one
	Timeout time.Duration // for the whole read; 0 for none
	Dir     string        // where a relative path of SQLite starts; "" for the working directory
}

// DB is the app's database. It is only read. Its methods may be called concurrently.
type DB struct {
	cfg     Config
	target  *target
	dialect dialect

	rel    relation
	handle string // random: a mark of another handle, in another process say, proves nothing here

	mu     sync.Mutex // guards what follows
	key    string
	advice []string // what Check noticed
}

// Open prepares to read. It checks the configuration and does not connect. Its errors are
// [ErrConfig]. If the database is not available, Check and Read return the error.
func Open(_ context.Context, cfg Config) (*DB, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	t, err := parseDSN(cfg.DSN, cfg.Driver, cfg.Dir)
	if err != nil {
		return nil, err
	}
	rel, err := cfg.relation(t.driver)
	if err != nil {
		return nil, err
	}
	d, err := t.dialect(cfg.Timeout)
	if err != nil {
		return nil, err
	}
	return &DB{rel: rel, cfg: cfg, target: t, dialect: d, handle: rand.Text(), key: cfg.Key}, nil
}

func (cfg Config) validate() error {
	switch {
	case cfg.Table == "" && cfg.Query == "":
		return misconfigured("set one of them", "[source] has neither table nor query")
	case cfg.Table != "" && cfg.Query != "":
		return misconfigured("remove one of them", "[source] has both table and query")
	case cfg.Query != "" && cfg.Where != "":
		return misconfigured("write the condition into query", "[source] has both where and query")
	case cfg.Email == "":
		return misconfigured("name the column with the address", "email in [source] is empty")
	case len(cfg.Columns) == 0:
		return misconfigured("add a [[field]] with its column", "no column is mapped")
	case slices.Contains(cfg.Columns, ""):
		return misconfigured("name the source column", "a [[field]] has no column")
	}
	return nil
}

// Check connects, and tests whether the table and its columns exist and can be read. It reads one
// row.
func (db *DB) Check(ctx context.Context) error {
	return db.within(ctx, func(ctx context.Context, s *session) error {
		advice := db.dialect.advice(ctx, s)
		db.mu.Lock()
		db.advice = advice
		db.mu.Unlock()
		rel := db.rel
		_, err := db.read(ctx, s, &rel, nil, func(Row) bool { return false })
		return err
	})
}

// Unchanged reports whether a reading now would return the same rows as the reading with this mark.
// True is certain. False can also mean that it is not known: for the mark of another DB, in MySQL,
// for a view of PostgreSQL, or if the condition depends on the time of day.
func (db *DB) Unchanged(ctx context.Context, mark string) (bool, error) {
	handle, was, _ := strings.Cut(mark, " ")
	if handle != db.handle || was == "" {
		return false, nil
	}
	ctx, cancel := withTimeout(ctx, db.cfg.Timeout)
	defer cancel()
	now, err := db.dialect.current(ctx)
	if err != nil {
		return false, db.explain(err)
	}
	return now == was, nil
}

// Identity names the database: its driver, and the file or the host, port and database. It has no
// account, password or parameters.
func (db *DB) Identity() string { return db.target.identity }

// Notes returns one sentence for each parameter of the DSN that is not used, for a server whose
// certificate is not verified, and for what Check noticed.
func (db *DB) Notes() []string {
	db.mu.Lock()
	defer db.mu.Unlock()
	return slices.Concat(db.target.notes, db.target.advice, db.advice)
}

// KeyColumn names the column of Row.Key: Config.Key, or the primary key of the table. The primary
// key is known after Check or Read has read. "" means that there is none: for a query, a view, or a
// key of several columns.
func (db *DB) KeyColumn() string {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.key
}

// Close ends all connections. The DB cannot be used afterwards.
func (db *DB) Close() error { return db.dialect.close() }

func (db *DB) setKey(key string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.key = key
}

// explain gives an error its words: which database, and a hint.
func (db *DB) explain(err error) error {
	var told *Error
	if errors.As(err, &told) {
		return err
	}
	return db.dialect.explain(err, db.rel)
}

func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}
