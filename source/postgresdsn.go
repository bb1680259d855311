package source

import (
	"errors"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ccsyncd/internal/kit"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// postgresParams are the parameters that pgx or the server understands as libpq does; all others
// it would send to the server, which refuses the connection for one that it does not know.
var postgresParams = wordSet(`
	user password host port dbname database passfile service servicefile connect_timeout
	application_name options target_session_attrs sslmode sslkey sslcert sslcertmode sslrootcert
	sslnegotiation sslpassword sslsni channel_binding require_auth krbspn krbsrvname
	min_protocol_version max_protocol_version`)

// parsePostgres reads postgres://..., postgresql://... or libpq's keyword=value form.
func parsePostgres(dsn, dir string) (*target, error) {
	var l location
	var err error
	if hasScheme(dsn) {
		l, err = parseURL(dsn)
	} else {
		l.params, err = parseKeywords(dsn)
	}
	if err != nil {
		return nil, err
	}
	if err := checkNames(l.params["host"], l.params["dbname"]+l.params["database"]); err != nil {
		return nil, err
	}
	if schema, ok := l.params["schema"]; ok && schema == "" {
		return nil, misconfigured("name the schema (usually public), or remove the parameter", "dsn in [source] has an empty schema")
	}
	t := &target{driver: Postgres, private: hasScheme(dsn) && l.params["password"]+l.params["sslpassword"] != ""}
	accept := l.params["sslaccept"] // Prisma's
	delete(l.params, "sslaccept")
	t.translatePostgres(l.params, dir)
	t.postgres, err = pgx.ParseConfig(l.postgresURL())
	switch {
	case accept == "" || err != nil:
	case accept == "strict" && l.params["sslmode"] != "disable" && len(postgresWays(t.postgres)) > 0:
		l.params["sslmode"] = "verify-full"
		t.note("sslaccept=strict of dsn is treated as sslmode=verify-full")
		t.postgres, err = pgx.ParseConfig(l.postgresURL())
	default: // on this machine nobody is in between
		t.leftOut("sslaccept", "sslmode decides for PostgreSQL")
	}
	if err != nil {
		return nil, postgresDSNError(err, l)
	}
	t.advice = postgresTLSAdvice(t.postgres)
	// Prepared statements break behind PgBouncer, and a statement runs once in a session anyway.
	t.postgres.DefaultQueryExecMode = pgx.QueryExecModeExec
	if t.postgres.RuntimeParams["application_name"] == "" {
		t.postgres.RuntimeParams["application_name"] = "ccsyncd"
	}
	t.identity = Postgres + " " + postgresHosts(t.postgres) + "/" + postgresDatabase(t.postgres)
	return t, nil
}

// translatePostgres turns what Node's libraries write into what libpq writes, and leaves the rest
// out. Relative paths of certificates start at dir.
func (t *target) translatePostgres(params map[string]string, dir string) {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		value := params[name]
		switch name {
		case "schema":
			t.schema = quoteWith(`"`, value)
			delete(params, name)
		case "search_path", "currentSchema":
			t.schema = value
			delete(params, name)
		case "ssl":
			t.translateSSL(params, value)
			delete(params, name)
		case "sslmode":
			if value == "no-verify" {
				params[name] = "require"
				t.note("sslmode=no-verify of dsn is treated as sslmode=require (TLS with any certificate)")
			}
		case "sslcert", "sslkey", "sslrootcert":
			if value != "system" && value != "" && !filepath.IsAbs(value) {
				params[name] = filepath.Join(dir, value)
			}
		default:
			if !postgresParams[name] {
				t.leftOut(name, "PostgreSQL has no such parameter")
				delete(params, name)
			}
		}
	}
	if params["sslcert"] != "" && params["sslkey"] == "" && params["sslrootcert"] == "" {
		params["sslrootcert"] = params["sslcert"]
		delete(params, "sslcert")
		t.note("sslcert of dsn is treated as sslrootcert, as in Prisma")
	}
	if params["connect_timeout"] == "" {
		params["connect_timeout"] = strconv.Itoa(connectSeconds)
	}
}

func (t *target) translateSSL(params map[string]string, value string) {
	mode := "require"
	if value == "false" || value == "0" || value == "disable" {
		mode = "disable"
	}
	if params["sslmode"] == "" {
		params["sslmode"] = mode
		t.note("ssl of dsn is treated as sslmode=" + mode)
	}
}

// postgresURL writes the location as a URL that cannot be misread.
func (l location) postgresURL() string {
	var user string
	if l.hasPassword {
		user = url.UserPassword(l.user, l.password).String() + "@"
	} else if l.user != "" {
		user = url.User(l.user).String() + "@"
	}
	query := make(url.Values)
	for name, value := range l.params {
		query.Set(name, value)
	}
	return "postgres://" + user + l.hosts + "/" + url.PathEscape(l.database) + "?" +
		strings.ReplaceAll(query.Encode(), "+", "%20")
}

// postgresDSNError takes the cause out of pgx's error, whose own text shows the DSN.
func postgresDSNError(err error, l location) error {
	text := "it cannot be read"
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) && parse.Unwrap() != nil {
		// what it quotes can be the password, percent-encoded
		text, _, _ = strings.Cut(parse.Unwrap().Error(), `"`)
		text = strings.TrimRight(text, ": ")
	}
	for _, secret := range []string{l.password, l.params["password"], l.params["sslpassword"]} {
		if secret != "" && strings.Contains(text, secret) {
			text = "it cannot be read"
		}
	}
	return misconfigured("correct the host, port or parameters", "dsn in [source]: %s", text)
}

// keywordValue is one keyword = value or keyword = 'value' of libpq.
var keywordValue = regexp.MustCompile(`^\s*([a-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?:\s+|$)`)

// mayAssign are the keywords whose values may hold an = without quotes.
var mayAssign = wordSet(`password sslpassword options`)

var backslashed = regexp.MustCompile(`\\(.)`)

// parseKeywords reads libpq's keyword=value form.
func parseKeywords(dsn string) (map[string]string, error) {
	params := make(map[string]string)
	for rest := strings.TrimSpace(dsn); rest != ""; {
		m := keywordValue.FindStringSubmatch(rest)
		if m == nil {
			return nil, misconfigured(`quote values with blanks: password='a b'`, "dsn in [source] is not a list of keyword=value pairs")
		}
		value := m[2]
		if strings.HasPrefix(value, "'") {
			value = value[1 : len(value)-1]
		} else if strings.Contains(value, "=") && !mayAssign[m[1]] {
			return nil, misconfigured("remove the keyword, or write its value after the =", "dsn in [source] has a keyword without a value")
		}
		params[m[1]] = backslashed.ReplaceAllString(value, "$1")
		rest = rest[len(m[0]):]
	}
	return params, nil
}

// postgresHosts lists the servers that may be tried.
func postgresHosts(cfg *pgx.ConnConfig) string {
	hosts := []string{hostName(cfg.Host, int(cfg.Port))}
	for _, f := range cfg.Fallbacks {
		if host := hostName(f.Host, int(f.Port)); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return strings.Join(hosts, ",")
}

func postgresDatabase(cfg *pgx.ConnConfig) string {
	if cfg.Database == "" {
		return cfg.User
	}
	return cfg.Database
}

// hostName joins host and port; all ways to this machine are one.
func hostName(host string, port int) string {
	if strings.HasPrefix(host, "/") || kit.IsLoopback(host) {
		host = "localhost"
	}
	return net.JoinHostPort(strings.ToLower(host), strconv.Itoa(port))
}
