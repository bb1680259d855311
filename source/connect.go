package source

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// connectSeconds is how long it may take to connect to a server, unless the DSN says so.
const connectSeconds = 10

// serverTimeout is the time-out that the server gets for a statement. It is a little longer than
// the reader's own, and matters when the reader is gone.
func serverTimeout(timeout time.Duration) time.Duration { return timeout + 5*time.Second }

// readError words an error that neither the server nor the configuration explains: the connection
// broke, most of the time.
func readError(rel relation, identity string, err error) error {
	return &Error{
		Message: fmt.Sprintf("read %s from %s: %s", rel, identity, innermost(err)),
		Hint:    "the next run retries",
		Err:     err,
	}
}

// connectError words why a server was not reached or turned the account away.
func connectError(identity string, err error) error {
	e := &Error{Err: err}
	cause, hint, config := connectCause(err)
	e.Message, e.Hint, e.config = fmt.Sprintf("connect to %s: %s", identity, cause), hint, config
	return e
}

func connectCause(err error) (cause, hint string, config bool) {
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		netErr      net.Error
		postgres    *pgconn.PgError
		my          *mysql.MySQLError
	)
	switch {
	case errors.As(err, &postgres):
		hint, config = postgresConnectHint(postgres.Code)
		return postgres.Message, hint, config
	case errors.As(err, &my):
		hint, config = mysqlConnectHint(my.Number)
		return my.Message, hint, config
	case errors.As(err, &dns):
		return "no such host " + dns.Name, "correct the host in dsn", false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", "start the server, or correct host and port in dsn", false
	case errors.Is(err, syscall.ENOENT):
		return "no such socket", "start the server, or correct the socket in dsn", false
	case errors.As(err, &certificate):
		return certificate.Err.Error(), "name the CA's file in dsn (sslrootcert or sslca), or accept any certificate (sslmode=require, tls=skip-verify)", false
	case errors.As(err, &netErr) && netErr.Timeout():
		return "no answer", "correct host and port in dsn, or open the firewall", false
	}
	return innermost(err).Error(), "", false
}

func postgresConnectHint(code string) (hint string, config bool) {
	switch {
	case strings.HasPrefix(code, "28"):
		return "correct user and password in dsn, or allow them in the server's pg_hba.conf", true
	case code == "3D000":
		return "correct the database in dsn", true
	case code == "53300":
		return "the server has no free connection; raise max_connections, or make the app use fewer", false
	}
	return "", false
}

// innermost is the first cause of an error, which says what happened without where and how.
func innermost(err error) error {
	for {
		var next error
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			next = e.Unwrap()
		case interface{ Unwrap() []error }:
			next = e.Unwrap()[0]
		}
		if next == nil {
			return err
		}
		err = next
	}
}

// grantHint is the statement that lets the account read the table.
func grantHint(rel relation, account string) string {
	if rel.query != "" {
		return "GRANT SELECT ON each of its tables TO " + account
	}
	return "GRANT SELECT ON " + rel.table + " TO " + account
}
