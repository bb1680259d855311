package source

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// sqliteDB reads an SQLite file that another program writes.
//
// Each read opens the file again, since the file under a path may be replaced. One idle connection
// stays open for current; a file renamed over the path it does not see, so that the file's identity
// is compared too. No Go code opens the file by hand: closing it would drop SQLite's locks on it in
// this process.
type sqliteDB struct {
	path string
	hint string // for a file that does not exist
	pool *sqlx.DB

	mu sync.Mutex // guards what follows
	// asked for data_version, again and again, it tells whether anybody committed
	watch   *sqlx.Conn
	watched int // how many files were watched
	file    fs.FileInfo
}

// sqliteOptions: mode=ro neither creates nor writes the file. immutable=1 would give stale rows
// beside a writer. _mutex=no is sound, since database/sql uses a connection from one goroutine.
const sqliteOptions = "?mode=ro&_query_only=1&_mutex=no&_busy_timeout=5000"

func openSQLite(t *target) *sqliteDB {
	uri := "file:" + (&url.URL{Path: t.path}).EscapedPath() + sqliteOptions
	pool := sqlx.NewDb(sql.OpenDB(lockedSQLite(uri)), "sqlite3")
	pool.SetMaxIdleConns(0)
	return &sqliteDB{path: t.path, hint: t.hint, pool: pool}
}

// lockedSQLite connects to the file of a URI, for reading alone.
type lockedSQLite string

var sqliteDriver = &sqlite3.SQLiteDriver{ConnectHook: lockSQLite}

func (uri lockedSQLite) Connect(context.Context) (driver.Conn, error) {
	return sqliteDriver.Open(string(uri))
}

func (uri lockedSQLite) Driver() driver.Driver { return sqliteDriver }

func (d *sqliteDB) begin(ctx context.Context) (*session, error) {
	if _, err := d.stat(); err != nil {
		return nil, err
	}
	before, err := d.current(ctx)
	if err != nil {
		return nil, err
	}
	s, err := startSession(ctx, d.pool, "", nil)
	if err != nil {
		return nil, err
	}
	s.before = before
	return s, nil
}

// stat tells whether there is a file that can be a database.
func (d *sqliteDB) stat() (fs.FileInfo, error) {
	info, err := os.Stat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Message: "no such file: " + d.path, Hint: d.missingHint(), Err: err}
	case err != nil:
		return nil, &Error{Message: "read " + d.path + ": " + reason(err), Hint: "allow this user to read the file and enter its folders", Err: err}
	case info.IsDir():
		return nil, misconfigured("name the file in dsn", "%s is a folder", d.path)
	}
	return info, nil
}

func (d *sqliteDB) missingHint() string {
	prisma := filepath.Join(filepath.Dir(d.path), "prisma", filepath.Base(d.path))
	if _, err := os.Stat(prisma); err == nil {
		return "Prisma resolves the path from its schema's folder; this file exists: " + prisma
	}
	if d.hint != "" {
		return d.hint
	}
	return "correct dsn in [source]"
}

// sqliteColumns leaves out the hidden columns of virtual tables; generated ones are in.
const sqliteColumns = `
SELECT name, type, pk
FROM pragma_table_xinfo(?, ?)
WHERE hidden <> 1
ORDER BY cid`

func (d *sqliteDB) columns(ctx context.Context, s *session, rel *relation) ([]Column, error) {
	if rel.query != "" {
		all, err := queryColumns(ctx, s, *rel, sqliteKind)
		renumber(all)
		for i := range all {
			all[i].dated = all[i].declaredDate()
		}
		return all, err
	}
	rel.from = quoteWith(`"`, rel.table)
	all, err := tableInfo(ctx, s, "main", rel.table)
	if schema, table := splitTable(rel.table); err == nil && len(all) == 0 && strings.EqualFold(schema, "main") {
		rel.from = "main." + quoteWith(`"`, table)
		return tableInfo(ctx, s, "main", table)
	}
	return all, err
}

func tableInfo(ctx context.Context, s *session, schema, table string) ([]Column, error) {
	var found []struct {
		Name, Type string
		PK         int
	}
	if err := s.tx.SelectContext(ctx, &found, sqliteColumns, table, schema); err != nil {
		return nil, err
	}
	all := make([]Column, len(found))
	for i, f := range found {
		all[i] = Column{Name: f.Name, Type: f.Type, PrimaryKey: f.PK > 0, kind: sqliteKind(f.Type), position: i}
		all[i].dated = all[i].declaredDate()
	}
	return all, nil
}

// renumber takes the number off a second column of one name: where a query stands in FROM, SQLite
// calls it id:1.
func renumber(all []Column) {
	for i, c := range all {
		if name, number, ok := strings.Cut(c.Name, ":"); ok && allDigits(number) && hasColumn(all, name) {
			all[i].Name = name
		}
	}
}

func hasColumn(all []Column, name string) bool {
	for _, c := range all {
		if c.Name == name {
			return true
		}
	}
	return false
}

const sqliteTables = `
SELECT name
FROM sqlite_schema
WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY name`

func (d *sqliteDB) tables(ctx context.Context, s *session) ([]string, error) {
	var names []string
	return names, s.tx.SelectContext(ctx, &names, sqliteTables)
}

// statement selects +"column": the sign makes an expression of it, so that the driver sees no
// declared type. It would make year 1 of text in a DATE column that it cannot read.
func (d *sqliteDB) statement(rel relation, want []Column, limit int) string {
	expressions := make([]string, len(want))
	for i, c := range want {
		expressions[i] = "+" + quoteWith(`"`, c.Name)
	}
	return selectStatement(rel, expressions, limit)
}

// number counts on a text that is no number being 0, or the number that it begins with.
func (d *sqliteDB) number(column string) string { return "abs(" + quoteWith(`"`, column) + " + 0.0)" }

// advice tells what WAL mode asks of the account: SQLite makes the -wal and -shm files beside the
// database when nobody has it open, and leaves them when a reader was the last.
func (d *sqliteDB) advice(ctx context.Context, s *session) []string {
	var mode string
	if s.tx.GetContext(ctx, &mode, "PRAGMA journal_mode") != nil || mode != "wal" {
		return nil
	}
	folder := filepath.Dir(d.path)
	switch {
	case !writable(folder):
		return []string{d.path + " is in WAL mode, and this user may not write to " + folder + "; ccsyncd can read it only while the app runs. Run ccsyncd as the app's user"}
	case foreign(d.path):
		return []string{d.path + " is in WAL mode and belongs to another user; while the app is down, a read creates files next to it that the app may not be able to write. Run ccsyncd as the app's user"}
	}
	return nil
}

func (d *sqliteDB) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unwatch()
	return d.pool.Close()
}

// sqliteKind reads a declared type; SQLite keeps it as it was written. Libraries declare booleans
// as BOOLEAN or TINYINT(1) and moments as DATE, DATETIME(3), TIMESTAMP WITH TIME ZONE and so on.
func sqliteKind(declared string) kind {
	t := strings.ToLower(strings.ReplaceAll(declared, " ", ""))
	base, _, _ := strings.Cut(t, "(")
	switch {
	case base == "boolean", base == "bool", t == "tinyint(1)", t == "bit(1)":
		return asBoolean
	case base == "date":
		return asDate
	case strings.HasPrefix(base, "datetime"), strings.HasPrefix(base, "timestamp"):
		return asTimestamp
	case base == "time":
		return asTime
	case base == "uuid", base == "guid", base == "uniqueidentifier", t == "binary(16)":
		return asUUID
	case base == "json", base == "jsonb":
		return asJSON
	}
	return asText
}

// explain words what SQLite says.
func (d *sqliteDB) explain(err error, rel relation) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("read %s: %w", d.path, err)
	}
	told := &Error{Message: "read " + d.path + ": " + e.Error(), Err: err}
	switch e.Code {
	case sqlite3.ErrError:
		told.Message = fmt.Sprintf("read %s from %s: %s", rel, d.path, e.Error())
		told.Hint, told.config = "correct "+rel.clause()+" in [source]", true
	case sqlite3.ErrNotADB:
		told.Message = d.path + " is not a SQLite database"
		told.Hint, told.config = "name the app's database file in dsn; ccsyncd cannot read an encrypted file", true
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		told.Hint = "another program locked the file for over five seconds; the next run retries"
	case sqlite3.ErrAuth:
		told.Message = fmt.Sprintf("read %s from %s: %s", rel, d.path, e.Error())
		told.Hint, told.config = rel.clause()+" in [source] may only read", true
	case sqlite3.ErrCantOpen, sqlite3.ErrPerm:
		told.Hint = "run ccsyncd as the app's user; reading a database in WAL mode needs write access to " + filepath.Dir(d.path) + " while the app is down"
	case sqlite3.ErrReadonly:
		told.Message = "read " + d.path + ": it is in WAL mode and no program has it open"
		told.Hint = "start the app, or run ccsyncd as the app's user, who may write to " + filepath.Dir(d.path)
		if e.ExtendedCode == sqlite3.ErrReadonlyRollback {
			told.Message = "read " + d.path + ": its app was stopped in the middle of a transaction"
			told.Hint = "start the app, which rolls the transaction back"
		}
	case sqlite3.ErrCorrupt:
		told.Hint = "the file is damaged; restore a backup"
	case sqlite3.ErrFull:
		told.Hint = "free disk space; SQLite needs it for temporary files"
	case sqlite3.ErrIoErr:
		told.Hint = "check the disk; the system's log may have the cause"
	}
	return told
}
