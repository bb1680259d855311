package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
)

// postgresDB reads a PostgreSQL database. pgx streams the rows of a plain query, so that memory
// stays flat.
type postgresDB struct {
	identity string
	user     string
	schema   string // the search path, "" for the account's own
	timeout  time.Duration
	pool     *sqlx.DB
}

func openPostgres(t *target, timeout time.Duration) *postgresDB {
	cfg := t.postgres.Copy()
	// The end of a context ends the statement on the server too.
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: time.Second}
	}
	pool := sqlx.NewDb(stdlib.OpenDB(*cfg), "pgx")
	pool.SetMaxIdleConns(1)
	pool.SetConnMaxIdleTime(time.Minute)
	return &postgresDB{identity: t.identity, user: cfg.User, schema: t.schema, timeout: timeout, pool: pool}
}

// postgresSettings make the text of values the same whatever the server's settings, for this
// transaction alone: pgbouncer hands the connection on. enclosed reads texts as the standard has
// them. Bytes of a database without an encoding come as they are; the server would end the read at
// the first that is no UTF-8.
const postgresSettings = `
SELECT
	set_config('TimeZone', 'UTC', true),
	set_config('DateStyle', 'ISO, YMD', true),
	set_config('IntervalStyle', 'postgres', true),
	set_config('extra_float_digits', '3', true),
	set_config('bytea_output', 'hex', true),
	set_config('standard_conforming_strings', 'on', true),
	set_config('client_encoding',
		CASE current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, true),
	set_config('search_path', COALESCE(NULLIF($1, ''), current_setting('search_path')), true),
	set_config('statement_timeout', COALESCE(NULLIF($2, ''), current_setting('statement_timeout')), true)`

// begin starts a transaction that sees one snapshot and cannot write.
func (d *postgresDB) begin(ctx context.Context) (*session, error) {
	s, err := startSession(ctx, d.pool, "", &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	limit := ""
	if d.timeout > 0 {
		limit = strconv.FormatInt(serverTimeout(d.timeout).Milliseconds(), 10)
	}
	if _, err := s.tx.ExecContext(ctx, postgresSettings, d.schema, limit); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// postgresColumns follows domains down to the type that they are made of.
const postgresColumns = `
SELECT
	a.attname AS name,
	format_type(a.atttypid, a.atttypmod) AS type,
	COALESCE(a.attnum = ANY (p.conkey), false) AND has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS pk,
	(WITH RECURSIVE b AS (
		SELECT t.typname, t.typbasetype FROM pg_type t WHERE t.oid = a.atttypid
		UNION ALL
		SELECT t.typname, t.typbasetype FROM b JOIN pg_type t ON t.oid = b.typbasetype
	) SELECT typname FROM b WHERE typbasetype = 0) AS base,
	array_to_string(ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = a.atttypid ORDER BY enumsortorder), chr(31)) AS labels
FROM pg_attribute a
LEFT JOIN pg_constraint p ON p.conrelid = a.attrelid AND p.contype = 'p'
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

func (d *postgresDB) columns(ctx context.Context, s *session, rel *relation) ([]Column, error) {
	if rel.query != "" {
		return queryColumns(ctx, s, *rel, postgresKind)
	}
	for _, rel.from = range candidates(rel.table, `"`) {
		all, err := d.tableColumns(ctx, s, rel.from)
		if err != nil || len(all) > 0 {
			return all, err
		}
	}
	return nil, nil
}

func (d *postgresDB) tableColumns(ctx context.Context, s *session, from string) ([]Column, error) {
	var found []struct {
		Name, Type string
		PK         bool
		Base       string
		Labels     string // separated by the character 31
	}
	if err := s.tx.SelectContext(ctx, &found, postgresColumns, from); err != nil {
		return nil, err
	}
	all := make([]Column, len(found))
	for i, f := range found {
		all[i] = Column{Name: f.Name, Type: f.Type, PrimaryKey: f.PK, kind: postgresKind(f.Base), position: i}
		if f.Labels != "" {
			all[i].Labels = strings.Split(f.Labels, "\x1f")
		}
	}
	return all, nil
}

const postgresTables = `
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
	AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
	AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
ORDER BY 1`

func (d *postgresDB) tables(ctx context.Context, s *session) ([]string, error) {
	var names []string
	return names, s.tx.SelectContext(ctx, &names, postgresTables)
}

// statement has the server write every value as text. A date far outside of what Go can hold would
// otherwise end the read. bytea comes as bytes; the cast of an inet would add /32.
func (d *postgresDB) statement(rel relation, want []Column, limit int) string {
	expressions := make([]string, len(want))
	for i, c := range want {
		expressions[i] = quoteWith(`"`, c.Name)
		if c.kind != asBytes && !strings.EqualFold(c.Type, "inet") {
			expressions[i] += "::text"
		}
	}
	return selectStatement(rel, expressions, limit)
}

// postgresMark reads the snapshot, and whether it says all. The locks of this transaction name
// every relation that the statement went through: views may call functions, foreign tables change
// without this server knowing, row security depends on the session, unlogged tables are emptied by
// a crash. The start of the server tells two servers apart.
const (
	postgresMark = `
SELECT txid_current_snapshot()::text || ' ' || pg_postmaster_start_time()::text`
	postgresCertain = `
SELECT NOT EXISTS (
	SELECT 1
	FROM pg_locks l
	JOIN pg_class c ON c.oid = l.relation
	WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.oid <> 'pg_locks'::regclass
		AND (c.relkind NOT IN ('r', 'p', 'm', 'i', 'I', 't') OR c.relrowsecurity OR c.relpersistence <> 'p'))`
)

// mark is the snapshot that the rows were read under, if no transaction was under way then (xmin =
// xmax): whatever is committed later gets a number that a later snapshot shows.
func (d *postgresDB) mark(ctx context.Context, s *session, rel relation) (string, error) {
	if !timeless(rel.where + " " + rel.query) {
		return "", nil
	}
	var certain bool
	if err := s.tx.GetContext(ctx, &certain, postgresCertain); err != nil || !certain {
		return "", err
	}
	var mark string
	if err := s.tx.GetContext(ctx, &mark, postgresMark); err != nil {
		return "", err
	}
	if xids := strings.SplitN(mark, ":", 3); len(xids) < 3 || xids[0] != xids[1] {
		return "", nil
	}
	return mark, nil
}

func (d *postgresDB) current(ctx context.Context) (string, error) {
	var mark string
	return mark, d.pool.GetContext(ctx, &mark, postgresMark)
}

func (d *postgresDB) number(column string) string {
	text := quoteWith(`"`, column) + "::text"
	return "CASE WHEN " + text + ` ~ '^-?[0-9]{1,30}(\.[0-9]{1,30})?$' THEN abs(` + text + "::numeric) END"
}

func (d *postgresDB) advice(context.Context, *session) []string { return nil }

func (d *postgresDB) close() error { return d.pool.Close() }

// postgresKind takes the name of a type in pg_type.
func postgresKind(name string) kind {
	switch strings.ToLower(name) {
	case "bytea":
		return asBytes
	case "numeric", "float8":
		return asNumber
	case "float4":
		return asSingle
	case "date":
		return asDate
	case "timestamp", "timestamptz":
		return asTimestamp
	case "json", "jsonb":
		return asJSON
	}
	return asText
}

// explain words what PostgreSQL says.
func (d *postgresDB) explain(err error, rel relation) error {
	var connect *pgconn.ConnectError
	var e *pgconn.PgError
	switch {
	case errors.As(err, &connect):
		return connectError(d.identity, err)
	case !errors.As(err, &e):
		return readError(rel, d.identity, err)
	}
	told := &Error{Message: fmt.Sprintf("read %s from %s: %s", rel, d.identity, e.Message), Hint: e.Hint, Err: err}
	switch {
	case e.Code == "42501":
		told.Hint = grantHint(rel, pgx.Identifier{d.user}.Sanitize())
	case e.Code == "25006":
		told.Hint, told.config = rel.clause()+" in [source] may only read", true
	case strings.HasPrefix(e.Code, "42"):
		told.Hint, told.config = "correct "+rel.clause()+" in [source]", true
	case strings.HasPrefix(e.Code, "22"):
		told.Hint = "a row has a value that " + rel.clause() + " in [source] cannot work with"
	case e.Code == "57014":
		told.Hint = "an administrator or a limit of the server ended the statement; see the server's log"
	}
	return told
}
