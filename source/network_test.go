package source

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// as gives the DSN of the same database for another account.
func (d *testDB) as(t *testing.T, user, password string) string {
	t.Helper()
	if d.driver == MySQL {
		cfg, err := mysql.ParseDSN(d.dsn)
		if err != nil {
			t.Fatal(err)
		}
		cfg.User, cfg.Passwd = user, password
		return cfg.FormatDSN()
	}
	u, err := url.Parse(d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// newAccount makes an account that may connect to the database and no more.
func (d *testDB) newAccount(t *testing.T) (user, password string) {
	t.Helper()
	user, password = "ccsync_"+fmt.Sprint(names.Add(1))+newName()[len(newName())-8:], "S3CRET"
	if d.driver == MySQL {
		d.exec(t, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", user, password),
			fmt.Sprintf("GRANT CREATE TEMPORARY TABLES ON *.* TO '%s'@'%%'", user))
		t.Cleanup(func() { d.exec(t, "DROP USER '"+user+"'@'%'") })
		return user, password
	}
	d.exec(t, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", user, password))
	t.Cleanup(func() { d.exec(t, "DROP OWNED BY "+user, "DROP ROLE "+user) })
	return user, password
}

// onServers runs a test on the databases that have accounts.
func onServers(t *testing.T, test func(*testing.T, *testDB)) {
	t.Helper()
	for _, driver := range []string{Postgres, MySQL} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			test(t, newTestDB(t, driver))
		})
	}
}

func TestAnAccountNeedsSELECTAndNoMore(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 2)
		user, password := d.newAccount(t)
		dsn := d.as(t, user, password)
		cfg := usersConfig
		cfg.DSN = dsn
		db, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		err = db.Check(t.Context())
		if err == nil || errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "GRANT SELECT ON users TO ") || !strings.Contains(err.Error(), user) {
			t.Errorf("without a right: got %v, want the GRANT that is missing", err)
		}
		account := map[string]string{Postgres: user, MySQL: "'" + user + "'@'%'"}[d.driver]
		d.exec(t, "GRANT SELECT (email, short_code) ON users TO "+account)
		if rows := collect(t, db); len(rows) != 2 || rows[0].Key != "" {
			t.Errorf("with a right on two columns: got %v, want two rows without a key", rows)
		}
		d.exec(t, "GRANT SELECT ON users TO "+account)
		if rows := collect(t, db); len(rows) != 2 || rows[0].Key != "1" {
			t.Errorf("with SELECT: got %v, want both users", rows)
		}
	})
}

func TestWhyAServerIsNotReachedIsSaid(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	listener.Close()
	for dsn, want := range map[string][]string{
		"postgres://bob:S3CRET@" + closed + "/app":                       {"connect to postgres localhost:", "/app: connection refused", "start the server"},
		"mysql://bob:S3CRET@" + closed + "/app":                          {"connect to mysql localhost:", "/app: connection refused", "start the server"},
		"postgres://bob:S3CRET@no-such-host.invalid/app":                 {"connect to postgres no-such-host.invalid:5432/app: no such host", "correct the host"},
		"mysql://bob:S3CRET@no-such-host.invalid/app":                    {"connect to mysql no-such-host.invalid:3306/app: no such host", "correct the host"},
		"postgres://bob:S3CRET@localhost/app?host=/no/such/folder":       {"connect to postgres localhost:5432/app: no such socket"},
		"mysql://bob:S3CRET@localhost/app?socket=/no/such/folder/mysqld": {"connect to mysql localhost:3306/app: no such socket"},
	} {
		cfg := usersConfig
		cfg.DSN = dsn
		db, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Check(t.Context())
		db.Close()
		if err == nil || errors.Is(err, ErrConfig) {
			t.Errorf("%s: got %v, want an error that is not the configuration's", dsn, err)
			continue
		}
		for _, want := range want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", dsn, err, want)
			}
		}
		if strings.Contains(fmt.Sprintf("%+v", err), "S3CRET") {
			t.Errorf("%s: the error shows the password: %v", dsn, err)
		}
	}
}

func TestWhatADatabaseServerRefusesIsTheConfigurationsFault(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 1)
		tests := map[string]string{
			d.as(t, "nobody_of_that_name", "S3CRET"): "correct user and password in dsn",
		}
		other := strings.Replace(d.dsn, "/ccsync_test_", "/ccsync_gone_", 1)
		tests[other] = "correct the database in dsn"
		for dsn, want := range tests {
			cfg := usersConfig
			cfg.DSN = dsn
			db, err := Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			err = db.Check(t.Context())
			db.Close()
			if !errors.Is(err, ErrConfig) || !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), "S3CRET") {
				t.Errorf("got %v, want an ErrConfig that says %q", err, want)
			}
		}
	})
}

func TestAConnectionThatBreaksEndsTheReadWithAnError(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 100)
		// the product of the table with itself: no buffer holds it
		id, kill := "pg_backend_pid()", "SELECT pg_terminate_backend(%s)"
		if d.driver == MySQL {
			id, kill = "CONNECTION_ID()", "KILL %s"
		}
		db := d.open(t, Config{Query: "SELECT a.email, " + id + " AS connection FROM users a, users b, users c, users d", Email: "email", Columns: []string{"connection"}})
		rows, failed := 0, error(nil)
		for r, err := range db.Read(t.Context()).Rows() {
			if rows++; rows == 1 {
				d.exec(t, fmt.Sprintf(kill, r.Values[0]))
			}
			failed = err
		}
		if failed == nil || errors.Is(failed, ErrConfig) || !strings.Contains(failed.Error(), "read query in [source] from "+d.driver) {
			t.Errorf("after %d rows the sequence ended with %v, want an error that names the source", rows, failed)
		}
		cfg := usersConfig
		if got := len(collect(t, d.open(t, cfg))); got != 100 {
			t.Errorf("the next read gave %d rows, want 100", got)
		}
	})
}

func TestAConnectionThatIsLostBeforeTheRowsIsAnError(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 10)
		db := d.open(t, usersConfig)
		id, kill := "SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%d)"
		if d.driver == MySQL {
			id, kill = "SELECT CONNECTION_ID()", "KILL %d"
		}
		ended := make(chan error)
		go func() {
			ended <- db.within(t.Context(), func(ctx context.Context, s *session) error {
				var connection int
				if err := s.tx.GetContext(ctx, &connection, id); err != nil {
					return err
				}
				if _, err := d.app.Exec(fmt.Sprintf(kill, connection)); err != nil {
					t.Error(err)
				}
				for { // until the end of the connection has arrived
					if _, err := s.stream(ctx, "SELECT 1", 1, func([]driver.Value) (bool, error) { return true, nil }); err != nil {
						_, err = s.stream(ctx, "SELECT 1", 1, func([]driver.Value) (bool, error) { return true, nil })
						return err
					}
				}
			})
		}()
		select {
		case err := <-ended:
			if err == nil || errors.Is(err, ErrConfig) {
				t.Errorf("got %v, want an error of the connection", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the read waits for ever")
		}
		if got := len(collect(t, db)); got != 10 {
			t.Errorf("the next read gave %d rows, want 10", got)
		}
	})
}

func TestNotesNameWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	cfg := usersConfig
	cfg.DSN = "postgresql://bob:S3CRET@db/app?pgbouncer=true&sslmode=disable"
	db, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want := []string{"parameter pgbouncer of dsn is ignored: PostgreSQL has no such parameter",
		"the connection to db:5432 does not use TLS, so the network can read the password and the users; set sslmode=verify-full in dsn, and sslrootcert if this machine does not know its CA"}
	if got := db.Notes(); !slices.Equal(got, want) {
		t.Errorf("Notes() = %q, want %q", got, want)
	}
	if got, want := db.Identity(), "postgres db:5432/app"; got != want {
		t.Errorf("Identity() = %q, want %q", got, want)
	}
}
