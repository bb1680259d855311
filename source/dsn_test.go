package source

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clearPostgresEnvironment takes away what libpq reads from the environment.
func clearPostgresEnvironment(t testing.TB) {
	for _, name := range []string{"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSERVICE", "PGSSLMODE", "PGOPTIONS", "PGAPPNAME"} {
		t.Setenv(name, "")
	}
}

func TestDSNsOfSQLiteNameAFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, dsn, path string
		dropped         []string
	}{
		{"a relative path", "app.db", "/etc/ccsync/app.db", nil},
		{"a path with blanks around it", "\t app.db ", "/etc/ccsync/app.db", nil},
		{"a relative path upwards", "../data/app.sqlite", "/etc/data/app.sqlite", nil},
		{"an absolute path", "/var/lib/app.db", "/var/lib/app.db", nil},
		{"a path with blanks", "/srv/my app/a.db", "/srv/my app/a.db", nil},
		{"a path with a question mark", "/srv/what?.db", "/srv/what?.db", nil},
		{"a path with an at sign", "/srv/me@host/a.db", "/srv/me@host/a.db", nil},
		{"a path with a blank and a hyphen", "/srv/my app - copy/a.db", "/srv/my app - copy/a.db", nil},
		{"a path with a colon", "/srv/12:30/a.db", "/srv/12:30/a.db", nil},
		{"a path with an apostrophe", "/srv/bob's/a.db", "/srv/bob's/a.db", nil},
		{"a file URI of any path", "file:/srv/a=b;password{1}/a -b.db", "/srv/a=b;password{1}/a -b.db", nil},
		{"a file URI with a colon and an at sign", "file:/srv/a:b@c/a.db", "/srv/a:b@c/a.db", nil},
		{"a path that looks like a network", "tcp/app.db", "/etc/ccsync/tcp/app.db", nil},
		{"Prisma's", "file:./dev.db", "/etc/ccsync/dev.db", nil},
		{"Prisma's with parameters", "file:./dev.db?connection_limit=1&socket_timeout=10", "/etc/ccsync/dev.db", []string{"connection_limit", "socket_timeout"}},
		{"a file URL", "file:///var/lib/my%20app.db", "/var/lib/my app.db", nil},
		{"a file URL of this host", "file://localhost/var/lib/app.db", "/var/lib/app.db", nil},
		{"a file URI", "file:/var/lib/app.db?mode=rwc&cache=shared&immutable=1", "/var/lib/app.db", []string{"cache", "immutable", "mode"}},
		{"Sequelize's", "sqlite:data/app.db", "/etc/ccsync/data/app.db", nil},
		{"Sequelize's absolute", "sqlite:/var/lib/app.db", "/var/lib/app.db", nil},
		{"with slashes", "sqlite:///var/lib/app.db", "/var/lib/app.db", nil},
		{"with slashes, relative", "sqlite://data/app.db", "/etc/ccsync/data/app.db", nil},
		{"with another scheme", "sqlite3:app.db", "/etc/ccsync/app.db", nil},
		{"in capitals", "SQLite:app.db", "/etc/ccsync/app.db", nil},
		{"go-sqlite3's", "app.db?_journal_mode=WAL&_txlock=immediate", "/etc/ccsync/app.db", []string{"_journal_mode", "_txlock"}},
	}
	for _, test := range tests {
		got, err := parseDSN(test.dsn, "", "/etc/ccsync")
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got.driver != SQLite || got.path != filepath.FromSlash(test.path) || got.identity != "sqlite "+got.path {
			t.Errorf("%s: got %s %s (%s), want %s", test.name, got.driver, got.path, got.identity, test.path)
		}
		assertDropped(t, test.name, got.notes, test.dropped)
	}
}

// assertDropped checks that each of the parameters, and nothing else, has a note.
func assertDropped(t *testing.T, name string, notes, dropped []string) {
	t.Helper()
	if len(notes) != len(dropped) {
		t.Errorf("%s: notes are %q, want one for each of %q", name, notes, dropped)
		return
	}
	for i, parameter := range dropped {
		if !slices.Contains(strings.Fields(strings.ReplaceAll(notes[i], "=", " ")), parameter) {
			t.Errorf("%s: note %q does not name %q", name, notes[i], parameter)
		}
	}
}

func TestDSNsOfPostgresAreUnderstood(t *testing.T) {
	clearPostgresEnvironment(t)
	tests := []struct {
		name, dsn, want string // user:password host/database search path TLS
		dropped         []string
	}{
		{"a URL", "postgres://bob:s3cret@db.internal:6432/app?sslmode=disable", "bob:s3cret db.internal:6432/app [] off", nil},
		{"the other scheme, without a port", "postgresql://bob@db.internal/app?sslmode=disable", "bob: db.internal:5432/app [] off", nil},
		{"Prisma's", "postgresql://bob:x@localhost:5432/app?schema=tenant&connection_limit=5&pool_timeout=0&pgbouncer=true&sslmode=disable", `bob:x localhost:5432/app ["tenant"] off`, []string{"connection_limit", "pgbouncer", "pool_timeout"}},
		{"Prisma's with a schema of capitals", `postgresql://bob:x@localhost/app?schema=My%20Tenant&sslmode=disable`, `bob:x localhost:5432/app ["My Tenant"] off`, nil},
		{"TLS whatever the certificate", "postgres://bob:x@h/app?sslmode=no-verify", "bob:x h:5432/app [] unverified", []string{"sslmode"}},
		{"TLS as node-postgres names it", "postgres://bob:x@h/app?ssl=true", "bob:x h:5432/app [] unverified", []string{"ssl"}},
		{"no TLS as node-postgres names it", "postgres://bob:x@h/app?ssl=false", "bob:x h:5432/app [] off", []string{"ssl"}},
		{"TLS with a checked certificate", "postgres://bob:x@h/app?sslmode=verify-full", "bob:x h:5432/app [] verified", nil},
		{"Prisma's TLS", "postgres://bob:x@h/app?sslmode=require&sslaccept=strict&sslidentity=c.p12", "bob:x h:5432/app [] verified", []string{"sslidentity", "sslaccept"}},
		{"Prisma's TLS by default", "postgres://bob:x@h/app?sslaccept=strict", "bob:x h:5432/app [] verified", []string{"sslaccept"}},
		{"Prisma's TLS on this machine", "postgres://bob:x@localhost/app?sslaccept=strict&sslmode=disable", "bob:x localhost:5432/app [] off", []string{"sslaccept"}},
		{"Prisma's TLS on this machine, without a mode", "postgres://bob:x@localhost/app?sslaccept=strict", "bob:x localhost:5432/app [] unverified", []string{"sslaccept"}},
		{"Prisma's TLS whatever the certificate", "postgres://bob:x@h/app?sslmode=require&sslaccept=accept_invalid_certs", "bob:x h:5432/app [] unverified", []string{"sslaccept"}},
		{"other libraries' pools", "postgres://bob:x@h/app?sslmode=disable&max=10&idleTimeoutMillis=1&keepAlive=true&uselibpqcompat=true", "bob:x h:5432/app [] off", []string{"idleTimeoutMillis", "keepAlive", "max", "uselibpqcompat"}},
		{"a search path", "postgres://bob:x@h/app?search_path=a,b&sslmode=disable", "bob:x h:5432/app [a,b] off", nil},
		{"a password that is encoded", "postgres://bob:p%40ss%2Fw%3F%23@h/app?sslmode=disable", "bob:p@ss/w?# h:5432/app [] off", nil},
		{"a password that is not encoded", "postgres://bob:p@ss%w!$&'()*+,;=@h/app?sslmode=disable", "bob:p@ss%w!$&'()*+,;= h:5432/app [] off", nil},
		{"a socket", "postgres://bob:x@localhost/app?host=/var/run/postgresql", "bob:x localhost:5432/app [] off", nil},
		{"two hosts", "postgres://bob:x@a:1,b:2/app?target_session_attrs=any&sslmode=disable", "bob:x a:1,b:2/app [] off", nil},
		{"an IPv6 host", "postgres://bob:x@[2001:db8::1]:5433/app?sslmode=disable", "bob:x [2001:db8::1]:5433/app [] off", nil},
		{"keywords", "host=db.internal port=6432 user=bob password='it''s' dbname=app sslmode=disable", "", nil},
		{"keywords with quotes", `host=h user=bob password='it\'s a p' dbname=app sslmode=disable pool_max_conns=4`, "bob:it's a p h:5432/app [] off", []string{"pool_max_conns"}},
	}
	for _, test := range tests {
		got, err := parseDSN(test.dsn, "", "/etc/ccsync")
		if test.want == "" {
			if !errors.Is(err, ErrConfig) {
				t.Errorf("%s: got %v, want an ErrConfig", test.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		cfg := got.postgres
		tls := "off"
		switch {
		case cfg.TLSConfig != nil && cfg.TLSConfig.InsecureSkipVerify:
			tls = "unverified"
		case cfg.TLSConfig != nil:
			tls = "verified"
		}
		text := fmt.Sprintf("%s:%s %s [%s] %s", cfg.User, cfg.Password, strings.TrimPrefix(got.identity, "postgres "), got.schema, tls)
		if diff := cmp.Diff(test.want, text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if cfg.ConnectTimeout != 10*time.Second {
			t.Errorf("%s: it may take %v to connect, want 10 s", test.name, cfg.ConnectTimeout)
		}
		for name := range cfg.RuntimeParams {
			if name != "application_name" {
				t.Errorf("%s: %s is passed on to the server", test.name, name)
			}
		}
		assertDropped(t, test.name, got.notes, test.dropped)
	}
}

func TestDSNsOfMySQLAreUnderstood(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, dsn, want string // user:password address/database time-out TLS
		dropped         []string
	}{
		{"a URL", "mysql://bob:s3cret@db.internal:3307/app", "bob:s3cret tcp db.internal:3307/app 10s preferred", nil},
		{"MariaDB's scheme, without a port", "mariadb://bob:x@127.0.0.1/app", "bob:x tcp 127.0.0.1:3306/app 10s false", nil},
		{"Prisma's", "mysql://bob:x@localhost:3306/app?connection_limit=5&pool_timeout=3&connect_timeout=4&sslaccept=strict", "bob:x tcp localhost:3306/app 4s false", []string{"connection_limit", "pool_timeout", "sslaccept"}},
		{"Prisma's TLS", "mysql://bob:x@h/app?sslaccept=strict", "bob:x tcp h:3306/app 10s true", []string{"sslaccept"}},
		{"Prisma's TLS whatever the certificate", "mysql://bob:x@h/app?sslaccept=accept_invalid_certs", "bob:x tcp h:3306/app 10s skip-verify", []string{"sslaccept"}},
		{"Prisma's socket", "mysql://bob:x@localhost/app?socket=/run/mysqld/mysqld.sock", "bob:x unix /run/mysqld/mysqld.sock/app 10s false", nil},
		{"mysql2's", "mysql://bob:x@h/app?charset=utf8mb4&timezone=Z&connectTimeout=1500&multipleStatements=true&dateStrings=true", "bob:x tcp h:3306/app 1.5s preferred", []string{"charset", "dateStrings", "multipleStatements", "timezone"}},
		{"mysql2's TLS", `mysql://bob:x@h/app?ssl={"rejectUnauthorized":true}`, "bob:x tcp h:3306/app 10s true", []string{"ssl"}},
		{"mysql2's TLS whatever the certificate", `mysql://bob:x@h/app?ssl=%7B%22rejectUnauthorized%22%3Afalse%7D`, "bob:x tcp h:3306/app 10s skip-verify", []string{"ssl"}},
		{"a hosting company's TLS", "mysql://bob:x@h:25060/app?ssl-mode=REQUIRED", "bob:x tcp h:25060/app 10s skip-verify", []string{"ssl-mode"}},
		{"TLS whatever the certificate", "mysql://bob:x@h/app?sslmode=no-verify", "bob:x tcp h:3306/app 10s skip-verify", []string{"sslmode"}},
		{"no TLS", "mysql://bob:x@h/app?tls=false", "bob:x tcp h:3306/app 10s false", nil},
		{"a password that is encoded", "mysql://bob:p%40ss%2Fw%3F%23@h/app", "bob:p@ss/w?# tcp h:3306/app 10s preferred", nil},
		{"go-sql-driver's", "bob:p@ss/w:rd@tcp(127.0.0.1:3307)/app?parseTime=true&timeout=3s&loc=Local", "bob:p@ss/w:rd tcp 127.0.0.1:3307/app 3s false", []string{"loc", "parseTime"}},
		{"go-sql-driver's socket", "bob:x@unix(/run/mysqld/mysqld.sock)/app", "bob:x unix /run/mysqld/mysqld.sock/app 10s false", nil},
		{"go-sql-driver's without a network", "bob:x@/app", "bob:x tcp 127.0.0.1:3306/app 10s false", nil},
		{"go-sql-driver's without an account", "tcp(h)/app", ": tcp h:3306/app 10s preferred", nil},
		{"go-sql-driver's without an address", "bob:x@tcp/app", "bob:x tcp 127.0.0.1:3306/app 10s false", nil},
		{"go-sql-driver's variables", "bob:x@tcp(h)/app?sql_mode=ANSI&strict=true", "bob:x tcp h:3306/app 10s preferred", []string{"sql_mode", "strict"}},
		{"the first port", "mysql://h:1/app", ": tcp h:1/app 10s preferred", nil},
		{"the last port", "mysql://h:65535/app", ": tcp h:65535/app 10s preferred", nil},
		{"an IPv6 host", "mysql://bob:x@[2001:db8::1]:3307/app", "bob:x tcp [2001:db8::1]:3307/app 10s preferred", nil},
	}
	for _, test := range tests {
		got, err := parseDSN(test.dsn, "", "/etc/ccsync")
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		cfg := got.mysql
		text := fmt.Sprintf("%s:%s %s %s/%s %s %s", cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.Timeout, cfg.TLSConfig)
		if diff := cmp.Diff(test.want, text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if len(cfg.Params) > 0 || cfg.MultiStatements || cfg.ParseTime {
			t.Errorf("%s: parameters are passed on that change what is read", test.name)
		}
		assertDropped(t, test.name, got.notes, test.dropped)
	}
}

func TestAServerElsewhereWhoseCertificateIsNotVerifiedIsNoted(t *testing.T) {
	clearPostgresEnvironment(t)
	folder, _ := newAuthority(t)
	const without, perhaps, anyCertificate = "does not use TLS", "only if the server offers it", "is not verified"
	for dsn, want := range map[string][]string{
		"postgres://bob:x@h/app":                                    {"h:5432 " + perhaps},
		"postgres://bob:x@h/app?sslmode=allow":                      {"h:5432 " + perhaps},
		"postgres://bob:x@h/app?sslmode=disable":                    {"h:5432 " + without},
		"postgres://bob:x@h/app?sslmode=require":                    {"h:5432 " + anyCertificate},
		"postgres://bob:x@h/app?sslmode=no-verify":                  {"h:5432 " + anyCertificate},
		"postgres://bob:x@h/app?sslmode=require&sslrootcert=ca.pem": nil,
		"postgres://bob:x@h/app?sslmode=verify-ca":                  nil,
		"postgres://bob:x@h/app?sslrootcert=system":                 nil,
		"postgres://bob:x@h/app?sslmode=verify-full":                nil,
		"postgres://bob:x@h/app?sslaccept=strict":                   nil,
		"postgres://bob:x@h/app?sslaccept=strict&sslmode=disable":   {"h:5432 " + without},
		"postgres://bob:x@a:1,localhost:2,b:3/app":                  {"a:1 " + perhaps, "b:3 " + perhaps},
		"postgres://bob:x@localhost/app":                            nil,
		"postgres://bob:x@127.0.0.2/app":                            nil,
		"postgres://bob:x@[::1]/app?sslmode=disable":                nil,
		"postgres:///app?host=/run/postgresql":                      nil,
		"host=h user=bob password=x dbname=app":                     {"h:5432 " + perhaps},
		"mysql://bob:x@h/app":                                       {"h:3306 " + perhaps},
		"mysql://bob:x@h/app?tls=false":                             {"h:3306 " + without},
		"mysql://bob:x@h/app?ssl-mode=REQUIRED":                     {"h:3306 " + anyCertificate},
		"mysql://bob:x@h/app?sslaccept=accept_invalid_certs":        {"h:3306 " + anyCertificate},
		"mysql://bob:x@h/app?tls=true":                              nil,
		"mysql://bob:x@h/app?sslaccept=strict":                      nil,
		"mysql://bob:x@h/app?sslca=ca.pem":                          nil,
		"mysql://bob:x@localhost/app":                               nil,
		"mysql://bob:x@127.0.0.1/app?tls=false":                     nil,
		"mysql://bob:x@h/app?socket=/run/mysqld/mysqld.sock":        nil,
		"app.db": nil,
	} {
		got, err := parseDSN(dsn, "", folder)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if len(got.advice) != len(want) {
			t.Errorf("%s: got %q, want %d", dsn, got.advice, len(want))
			continue
		}
		for i, text := range got.advice {
			host, what, _ := strings.Cut(want[i], " ")
			if !strings.Contains(text, host) || !strings.Contains(text, what) || !strings.Contains(text, "; set ") {
				t.Errorf("%s: %q does not say %q of %s", dsn, text, what, host)
			}
		}
	}
}

func TestADatabaseHasOneIdentityHoweverItIsReached(t *testing.T) {
	clearPostgresEnvironment(t)
	for want, dsns := range map[string][]string{
		"postgres localhost:5432/app": {"postgres://a:b@localhost/app", "postgresql://c@127.0.0.1:5432/app?schema=x", "postgres://a@[::1]/app", "postgres:///app?host=/var/run/postgresql", "host=LOCALHOST dbname=app user=a"},
		"mysql localhost:3306/app":    {"mysql://a:b@localhost/app", "mariadb://127.0.0.1:3306/app", "a@unix(/run/mysqld/mysqld.sock)/app", "c:d@tcp(localhost)/app?tls=skip-verify"},
	} {
		for _, dsn := range dsns {
			got, err := parseDSN(dsn, "", "")
			if err != nil {
				t.Errorf("%s: %v", dsn, err)
			} else if got.identity != want {
				t.Errorf("%s is %q, want %q", dsn, got.identity, want)
			}
		}
	}
}

func TestADSNThatCannotBeReadIsRefusedWithoutItsPassword(t *testing.T) {
	clearPostgresEnvironment(t)
	for _, dsn := range []string{
		"postgres://bob:S3CRET#x@h/app",
		"bob:S3CRET",
		"user bob pass S3CRET",
		"bob/S3CRET@//h:1521/x",
		"h,bob,S3CRET,app",
		"[h, bob, S3CRET]",
		"h|bob|S3CRET",
		"postgres%3A%2F%2Fbob%3AS3CRET%40h%2Fapp",
		"cG9zdGdyZXM6S3CRET",
		"postgres://bob:S3CRET/x@h/app",
		"postgres://bob:S3CRET?x@h/app",
		"postgres://bob:x@S3CRET/x@h/app",
		"postgres://bob:x@S3CRET?k=x@h/app",
		"postgres://bob:x@h/app?S3CRET!=1",
		"postgres://bob:x@h:S3CRET/app",
		"postgres://bob:S3CRET@h:port/app",
		"postgres://bob:S3CRET@h/app?sslmode=perhaps",
		"postgres://bob:S3CRET@h/app?sslrootcert=/no/such/file",
		"postgres://bob:S3CRET@h h/app",
		"postgres:bob:S3CRET@h/app",
		"mysql://bob:S3CRET@h:port/app",
		"mysql://bob:S3CRET@h:0/app",
		"mysql://bob:S3CRET@h:65536/app",
		"mysql://bob:S3CRET@a,b/app",
		"mysql://bob:S3CRET@h/app?tls=perhaps",
		"mysql://bob:S3CRET@h/app?timeout=perhaps",
		"mysql://bob:S3CRET@h/app?sslca=/no/such/file",
		"mysql://bob:S3CRET/x@h/app",
		"bob:S3CRET@tcp(h:3306/app",
		"bob:S3CRET@h/app",
		"host=h password='S3CRET",
		"oracle://bob:S3CRET@h/app",
		"mysql://bob:S3CRET@h\n/app",
		"Server=h;Database=app;Uid=bob;Pwd=S3CRET;",
		"Host=h;Username=bob;Password=S3CRET;Database=app",
		"Data Source=app.db;Password=S3CRET",
		"host= password=S3CRET",
		"dbname= password=S3CRET",
		"dbname=app user= password=S3CRET",
		"application_name=x host=h password=S3CRET",
		"HOST=h PASSWORD=S3CRET",
		"password: S3CRET",
		"password S3CRET",
		"my password is S3CRET",
		"host: h, user: bob, pass: S3CRET",
		`{"host":"h","user":"bob","password":"S3CRET"}`,
		`{ host: 'h', pass: 'S3CRET' }`,
		"mysql -h h -u bob -pS3CRET app",
		"mysql -u bob -p S3CRET",
		"mysqldump --host h --pass S3CRET",
		"psql -h h -U bob -W S3CRET",
		"sqlite3 -key S3CRET app.db",
		"psql app S3CRET",
		"PGPASSWORD=S3CRET psql -h h app",
		"export DATABASE_URL=S3CRET",
		"DATABASE_URL=postgres://bob:S3CRET@h/app",
		"jdbc:postgresql://h/app?user=bob&password=S3CRET",
		"jdbc:sqlite:app.db?cipher_key=S3CRET",
		"sqlserver://h;database=app;user=bob;password=S3CRET",
		"mongodb+srv://bob:S3CRET@h/app",
		"prisma://h/?api_key=S3CRET",
		"prisma+postgres://h/?api_key=S3CRET",
		"sqlite://bob:S3CRET@h",
		"sqlite://bob:S3CRET@h/app.db",
		"sqlite3://S3CRET@h/app.db",
		"file://bob:S3CRET@h/app.db",
		"sqlite:bob:S3CRET@h/app.db",
		"sqlite:host=h;password=S3CRET",
		"file:app.db;password=S3CRET",
		"bob:S3CRET",
		"bob:S3CRET/app",
		"h:3306/S3CRET",
		"10.0.0.1:3306/S3CRET",
		"bob@h:S3CRET",
		"/bob:S3CRET@h/app",
		"./bob:S3CRET@h/app",
		"<S3CRET>",
		"$DATABASE_URL_S3CRET",
		"${S3CRET}",
		"postgres://h/app?host=bob:S3CRET@h",
		"host=bob:S3CRET@h dbname=app",
		"host=h dbname=bob:S3CRET@h/app",
		"host=h dbname='user=bob password=S3CRET'",
		"postgres://h/?dbname=postgres://bob:S3CRET@h/app",
		"postgres://h/app%40S3CRET?user=bob",
		"postgres://h/app?user=bob&password=x&S3CRET",
		"mysql://h/app%40S3CRET",
		"bob:x@tcp(password=S3CRET)/app",
		`"postgres://bob:S3CRET@h/app"`,
		`'postgres://bob:S3CRET@h/app'`,
		"`postgres://bob:S3CRET@h/app`",
		`"postgres://bob:S3CRET@h/app`,
		`'/srv/S3CRET.db'`,
		"postgres://bob:S3CRET@h/app?schema=",
	} {
		for _, driver := range []string{"", SQLite, Postgres, MySQL} {
			got, err := parseDSN(dsn, driver, "")
			if driver == Postgres && strings.HasPrefix(dsn, "application_name=") && err == nil && !strings.Contains(got.identity, "S3CRET") {
				continue // that database's own form
			}
			if !errors.Is(err, ErrConfig) {
				t.Errorf("%s: got %v, want an ErrConfig (driver %q)", dsn, err, driver)
				continue
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), "S3CRET") {
				t.Errorf("%s: the error shows the password: %v (driver %q)", dsn, err, driver)
			}
		}
	}
}

func TestADSNThatIsSomethingElseIsNamedForWhatItIs(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		`"postgres://bob:x@h/app"`:                   "is in quotes",
		`'app.db'`:                                   "is in quotes",
		"prisma+postgres://h/?api_key=x":             "of Prisma's proxy",
		"prisma://h/?api_key=x":                      "of Prisma's proxy",
		"postgres://bob:x@h/app?schema=":             "an empty schema",
		"mysql -h h -u bob -px":                      "is a command",
		"psql app":                                   "is a command",
		`{"host":"h"}`:                               "is neither a path nor a URL",
		"Server=h;Password=x":                        "is neither a path nor a URL",
		"sqlite://bob:x@h":                           "along with a user, a host",
		"jdbc:sqlite:app.db":                         "not supported",
		"oracle://bob:x@h/app":                       "not supported",
		"postgres://bob:x@h/app?sslmode=perhaps":     "sslmode is invalid",
		"10.0.0.1:3306/app":                          "does not name its type of database",
		"DATABASE_URL=postgres://bob:x@h/app":        "begins with the name of a variable",
		"export DATABASE_URL=postgres://bob:x@h/app": "begins with the name of a variable",
	} {
		_, err := parseDSN(dsn, "", "")
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it to say %q", dsn, err, want)
		}
	}
	for _, dsn := range []string{"Server=h;Password=x", `{"a":1}`, "password", "bob:x"} {
		_, err := parseDSN(dsn, "", "")
		for _, form := range []string{"postgres://", "mysql://", "file:", "path"} {
			if err == nil || !strings.Contains(err.Error(), form) {
				t.Errorf("%s: %v does not name the form %s", dsn, err, form)
			}
		}
	}
}

// newAuthority writes the certificate of an authority that signed for no database to ca.pem.
func newAuthority(t *testing.T) (folder string, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	folder, roots = t.TempDir(), x509.NewCertPool()
	roots.AddCert(server.Certificate())
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(folder, "ca.pem"), authority, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder, roots
}

func TestMySQLTrustsTheAuthorityThatItsDSNNames(t *testing.T) {
	t.Parallel()
	folder, roots := newAuthority(t)
	for _, parameter := range []string{"sslca", "ssl-ca", "sslcert"} {
		got, err := parseDSN("mysql://bob:x@h/app?sslmode=require&"+parameter+"=ca.pem", "", folder)
		if err != nil {
			t.Errorf("%s: %v", parameter, err)
			continue
		}
		assertDropped(t, parameter, got.notes, []string{"sslmode", parameter})
		cfg := got.mysql.TLS
		if cfg == nil || cfg.InsecureSkipVerify || !cfg.RootCAs.Equal(roots) {
			t.Errorf("%s: the certificate is not checked against the file", parameter)
		}
	}
}

// FuzzDSN looks for panics and for errors, identities and notes that show a password.
func FuzzDSN(f *testing.F) {
	const secret = "Zq7SECRETqZ"
	for _, dsn := range []string{
		"postgres://bob:%s@h:5432/app?schema=a", "postgresql://bob:%s@a,b/app?sslmode=no-verify", "mysql://bob:%s@h/app?ssl={}",
		"mariadb://bob:%s@h:1/app", "bob:%s@tcp(h:3306)/app?parseTime=true", "bob:%s@unix(/s)/app", "host=h password=%s dbname=app",
		"host=h password='%s'", "file:./dev.db?password=x%s", "postgres://bob:x%s#y@h/app", "postgres://bob:x/%s?y@h/app", "bob:%s@h/db",
		"postgres://h/app?user=bob&password=%s", "mysql://bob:%s@h/app?tls=x",
	} {
		before, after, _ := strings.Cut(dsn, "%s")
		f.Add(before, after)
	}
	// where a password is: scheme://user:HERE, user:HERE, password=HERE
	place := regexp.MustCompile(`^(\w+://)?[^/?#@:]*:[^/?#]*$|password\s*=\s*'?[^\s&']*$`)
	f.Fuzz(func(t *testing.T, before, after string) {
		if !place.MatchString(before) {
			return
		}
		dsn := before + secret + after
		target, err := parseDSN(dsn, "", "/etc/ccsync")
		if err != nil {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q: the error shows the password: %v", dsn, err)
			}
			return
		}
		isPassword := target.postgres != nil && strings.Contains(target.postgres.Password, secret) ||
			target.mysql != nil && strings.Contains(target.mysql.Passwd, secret)
		if isPassword && strings.Contains(target.identity+strings.Join(target.notes, ""), secret) {
			t.Errorf("%q: identity %q or notes %q show the password", dsn, target.identity, target.notes)
		}
	})
}
