package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// mysqlDB reads a database of MySQL or MariaDB. Without arguments a statement goes through the text
// protocol, whose rows the driver takes from the connection one by one.
type mysqlDB struct {
	identity string
	user     string
	settings string // a statement
	pool     *sqlx.DB
}

func openMySQL(t *target, timeout time.Duration) (*mysqlDB, error) {
	connector, err := mysql.NewConnector(t.mysql)
	if err != nil {
		return nil, misconfigured("correct the parameters", "dsn in [source]: %s", err)
	}
	pool := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	pool.SetMaxIdleConns(1)
	pool.SetConnMaxIdleTime(time.Minute)
	return &mysqlDB{identity: t.identity, user: t.mysql.User, settings: mysqlSettings(timeout), pool: pool}, nil
}

// mysqlSettings prepares a connection. enclosed reads texts with backslash escapes. The time-out of
// statements is in seconds for MariaDB, which alone reads the comment with M, and in milliseconds
// for MySQL, whose comment MariaDB skips.
func mysqlSettings(timeout time.Duration) string {
	settings := "SET time_zone = '+00:00', sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')"
	if timeout <= 0 {
		return settings
	}
	limit := serverTimeout(timeout)
	return fmt.Sprintf("%s /*M!100101 , max_statement_time = %d */ /*!50704 , max_execution_time = %d */",
		settings, int(limit.Seconds()), limit.Milliseconds())
}

// begin starts a transaction that cannot write. InnoDB takes its snapshot with the first row that
// is read.
func (d *mysqlDB) begin(ctx context.Context) (*session, error) {
	return startSession(ctx, d.pool, d.settings, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
}

func (d *mysqlDB) columns(ctx context.Context, s *session, rel *relation) ([]Column, error) {
	if rel.query != "" {
		return queryColumns(ctx, s, *rel, func(name string) kind { return mysqlKind(name, true) })
	}
	for _, rel.from = range candidates(rel.table, "`") {
		all, err := d.tableColumns(ctx, s, rel.from)
		if !isMySQL(err, noSuchTable, noSuchDatabase) {
			return all, err
		}
	}
	return nil, nil
}

func (d *mysqlDB) tableColumns(ctx context.Context, s *session, from string) ([]Column, error) {
	var found []struct {
		Name    string `db:"Field"`
		Type    string `db:"Type"`
		Null    string `db:"Null"`
		Key     string `db:"Key"`
		Default []byte `db:"Default"`
		Extra   string `db:"Extra"`
	}
	if err := s.tx.SelectContext(ctx, &found, "SHOW COLUMNS FROM "+from); err != nil {
		return nil, err
	}
	all := make([]Column, len(found))
	for i, f := range found {
		all[i] = Column{Name: f.Name, Type: f.Type, PrimaryKey: f.Key == "PRI", kind: mysqlKind(f.Type, false), position: i,
			Labels: mysqlLabels(f.Type)}
	}
	return all, nil
}

var mysqlLabel = regexp.MustCompile(`'((?:[^']|'')*)'`)

// mysqlLabels are those of a type like enum('active','deleted').
func mysqlLabels(declared string) (labels []string) {
	if !strings.HasPrefix(strings.ToLower(declared), "enum(") {
		return nil
	}
	for _, m := range mysqlLabel.FindAllStringSubmatch(declared, -1) {
		labels = append(labels, strings.ReplaceAll(m[1], "''", "'"))
	}
	return labels
}

const mysqlTables = `
SELECT IF(table_schema = DATABASE(), table_name, CONCAT(table_schema, '.', table_name)) AS name
FROM information_schema.tables
WHERE (table_schema = DATABASE() OR DATABASE() IS NULL)
	AND table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
ORDER BY name`

func (d *mysqlDB) tables(ctx context.Context, s *session) ([]string, error) {
	var names []string
	return names, s.tx.SelectContext(ctx, &names, mysqlTables)
}

// statement selects FLOAT columns as DOUBLE: the server would write six digits of them.
func (d *mysqlDB) statement(rel relation, want []Column, limit int) string {
	expressions := make([]string, len(want))
	for i, c := range want {
		expressions[i] = quoteWith("`", c.Name)
		if c.kind == asSingle {
			expressions[i] += " + 0e0"
		}
	}
	return selectStatement(rel, expressions, limit)
}

// mark is never there: MySQL has nothing that proves that a table is as it was.
func (d *mysqlDB) mark(context.Context, *session, relation) (string, error) { return "", nil }

func (d *mysqlDB) current(context.Context) (string, error) { return "", nil }

// number counts on a text that is no number being 0, or the number that it begins with.
func (d *mysqlDB) number(column string) string { return "ABS(" + quoteWith("`", column) + " + 0e0)" }

func (d *mysqlDB) advice(context.Context, *session) []string { return nil }

func (d *mysqlDB) close() error { return d.pool.Close() }

// mysqlKind takes a type as SHOW COLUMNS writes it, or of a query, as the driver names it: without
// a width, so that BOOLEAN, which is TINYINT(1), cannot be told from TINYINT, nor BIT(1) from
// BIT(8).
func mysqlKind(declared string, ofQuery bool) kind {
	declared = strings.ToLower(declared)
	base, _, _ := strings.Cut(declared, "(")
	base, _, _ = strings.Cut(base, " ")
	switch {
	case declared == "tinyint(1)", base == "tinyint" && ofQuery:
		return asBoolean
	case declared == "bit(1)", base == "bit" && ofQuery:
		return asBit
	case declared == "binary(16)", base == "binary" && ofQuery:
		return asUUID
	}
	return mysqlKinds[base]
}

var mysqlKinds = map[string]kind{
	"bit":     asBits,
	"decimal": asNumber, "double": asNumber, "float": asSingle,
	"date": asDate, "datetime": asTimestamp, "timestamp": asTimestamp, "time": asTime,
	"json": asJSON,
}

// Errors of MySQL and MariaDB that are worded here.
const (
	tooManyConnections = 1040
	noDatabaseAccess   = 1044
	accessDenied       = 1045
	noDatabaseSelected = 1046
	noSuchDatabase     = 1049
	noSuchColumn       = 1054
	twoColumns         = 1060
	syntaxError        = 1064
	hostNotAllowed     = 1130
	tableDenied        = 1142
	columnDenied       = 1143
	noSuchTable        = 1146
	noSuchFunction     = 1305
	readOnly           = 1792
	statementTime      = 1969 // MariaDB
	executionTime      = 3024 // MySQL
)

func isMySQL(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	for _, n := range numbers {
		if e.Number == n {
			return true
		}
	}
	return false
}

// explain words what the server says.
func (d *mysqlDB) explain(err error, rel relation) error {
	var e *mysql.MySQLError
	var network *net.OpError
	switch {
	case isMySQL(err, tooManyConnections, noDatabaseAccess, accessDenied, noSuchDatabase, hostNotAllowed),
		errors.As(err, &network) && network.Op == "dial":
		return connectError(d.identity, err)
	case !errors.As(err, &e):
		return readError(rel, d.identity, err)
	}
	told := &Error{Message: fmt.Sprintf("read %s from %s: %s", rel, d.identity, e.Message), Err: err}
	switch e.Number {
	case noDatabaseSelected:
		told.Hint, told.config = "add /database to dsn, or write table as database.table", true
	case twoColumns:
		told.Hint, told.config = "give each column of query a different name with AS", true
	case tableDenied, columnDenied:
		told.Hint = grantHint(rel, "'"+d.user+"'")
	case noSuchColumn, syntaxError, noSuchTable, noSuchFunction, readOnly:
		told.Hint, told.config = "correct "+rel.clause()+" in [source]", true
	case statementTime, executionTime:
		told.Hint = "a limit of the server ended the statement"
	}
	return told
}

func mysqlConnectHint(number uint16) (hint string, config bool) {
	switch number {
	case accessDenied:
		return "correct user and password in dsn", true
	case noDatabaseAccess, noSuchDatabase:
		return "correct the database in dsn, or GRANT SELECT on it to this account", true
	case hostNotAllowed:
		return "run CREATE USER for the host that ccsyncd runs on", true
	case tooManyConnections:
		return "the server has no free connection; raise max_connections, or make the app use fewer", false
	}
	return "", false
}
