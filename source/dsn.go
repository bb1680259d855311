package source

import (
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
)

// The three kinds of database, as Config.Driver names them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
	MySQL    = "mysql"
)

// target is what a DSN points at. One of the three forms is filled, by driver.
type target struct {
	driver   string
	identity string
	notes    []string // on what is not used as it is written
	advice   []string // on what is better written otherwise
	private  bool     // a password is among the parameters: it may go on where one seems to begin

	path     string          // SQLite: absolute
	hint     string          // SQLite: what to look at when there is no such file
	postgres *pgx.ConnConfig // PostgreSQL
	schema   string          // PostgreSQL: the search path, "" for the account's own
	mysql    *mysql.Config   // MySQL, MariaDB
}

// schemes are the URL schemes that name a driver.
var schemes = map[string]string{
	"file": SQLite, "sqlite": SQLite, "sqlite3": SQLite,
	"postgres": Postgres, "postgresql": Postgres,
	"mysql": MySQL, "mariadb": MySQL,
}

// parseDSN reads a path, the URL that an app uses, or a driver's own form of a DSN. dir is where a
// relative path starts. No error holds any part of the DSN but its scheme and the names of its
// parameters: where a password ends cannot be told in a malformed one.
func parseDSN(dsn, driver, dir string) (*target, error) {
	if dsn = strings.TrimSpace(dsn); dsn == "" {
		return nil, misconfigured("set it to a path or to the URL that the app uses", "dsn in [source] is empty")
	}
	if strings.ContainsAny(dsn, "\x00\r\n") {
		return nil, misconfigured("write it on one line", "dsn in [source] contains a control character")
	}
	if err := mistaken(dsn); err != nil {
		return nil, err
	}
	found, err := detect(dsn)
	switch {
	case driver == "" && err != nil:
		return nil, err
	case driver == "":
		driver = found
	case !slices.Contains([]string{SQLite, Postgres, MySQL}, driver):
		return nil, misconfigured(`it is "sqlite", "postgres" or "mysql"`, "no driver %q", driver)
	case hasScheme(dsn) && found != driver:
		return nil, misconfigured("remove driver, or correct dsn", "driver = %q in [source], but dsn is for another database", driver)
	}
	switch driver {
	case Postgres:
		return parsePostgres(dsn, dir)
	case MySQL:
		return parseMySQL(dsn, dir)
	default:
		return parseSQLite(dsn, dir)
	}
}

// schemePattern finds a scheme: two letters at least, so that C:\app.db is a path.
var schemePattern = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`)

var (
	keywordPattern = regexp.MustCompile(`^(host|hostaddr|port|user|password|dbname|service|sslmode)\s*=`)
	// user:password@tcp(host:3306)/db, and the same without user, network or address
	goMySQLPattern = regexp.MustCompile(`^[^/.].*@((tcp6?|unix)(\(.*\))?)?/[^/]*$|^(tcp6?|unix)\(.*\)/[^/]*$`)
)

func hasScheme(dsn string) bool {
	m := schemePattern.FindStringSubmatch(dsn)
	return m != nil && schemes[strings.ToLower(m[1])] != ""
}

// detect tells the driver that a DSN is for.
func detect(dsn string) (string, error) {
	switch m := schemePattern.FindStringSubmatch(dsn); {
	case keywordPattern.MatchString(dsn):
		return Postgres, nil
	case m != nil && schemes[strings.ToLower(m[1])] != "":
		return schemes[strings.ToLower(m[1])], nil
	case goMySQLPattern.MatchString(withoutParams(dsn)):
		return MySQL, nil
	case m != nil && strings.Contains(dsn, "://"), m != nil && strings.EqualFold(m[1], "jdbc"):
		return "", misconfigured("use sqlite:, postgres://, mysql:// or mariadb://", "dsn in [source] is for a database or library that is not supported")
	}
	return SQLite, nil
}

// withoutParams cuts the parameters off a DSN of go-sql-driver's form.
func withoutParams(dsn string) string {
	slash := strings.LastIndexByte(dsn, '/')
	if slash < 0 {
		return dsn
	}
	name, _, _ := strings.Cut(dsn[slash:], "?")
	return dsn[:slash] + name
}

// parseSQLite reads a path, file:..., sqlite:... or go-sqlite3's form, a path with parameters. All
// parameters are left out: the file is opened for reading, whatever they say.
func parseSQLite(dsn, dir string) (*target, error) {
	t := &target{driver: SQLite}
	path, query, _ := strings.Cut(dsn, "?")
	if !hasScheme(dsn) && query != "" && !strings.Contains(query, "=") {
		path, query = dsn, "" // a question mark in a file name
	}
	scheme := hasScheme(path)
	if scheme {
		_, path, _ = strings.Cut(path, ":")
	}
	if err := checkPath(path, scheme); err != nil {
		return nil, err
	}
	params, err := parseParams(query)
	if err != nil {
		return nil, err
	}
	written := path
	if scheme {
		path = sqliteURLPath(path)
	}
	if path == "" || path == ":memory:" || path == ":memory" || params["mode"] == "memory" {
		return nil, misconfigured("name the file of the app's database", "dsn in [source] names no file")
	}
	for name := range params {
		t.leftOut(name, "ccsyncd opens the file read-only, with its own settings")
	}
	relative := !filepath.IsAbs(path)
	if relative {
		path = filepath.Join(dir, path)
	}
	if t.path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := checkMissing(written, t.path); !scheme && err != nil {
		return nil, err
	}
	if relative {
		start, _ := filepath.Abs(dir) // it has just worked
		t.hint = "a relative path starts at " + start
	}
	t.identity = SQLite + " " + t.path
	slices.Sort(t.notes)
	return t, nil
}

// sqliteURLPath takes the path out of what follows the scheme in file:path, file:///path,
// file://localhost/path and the same with sqlite:; in all but plain paths, %20 is a blank.
func sqliteURLPath(path string) string {
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		path = rest
		if local, ok := strings.CutPrefix(rest, "localhost/"); ok {
			path = "/" + local
		}
	}
	if decoded, err := url.PathUnescape(path); err == nil {
		return decoded
	}
	return path
}

// leftOut notes a parameter that is not passed on.
func (t *target) leftOut(name, why string) {
	if t.private {
		name = "with an unknown name"
	}
	t.note("parameter " + name + " of dsn is ignored: " + why)
}

func (t *target) note(text string) {
	t.notes = append(t.notes, text)
}
