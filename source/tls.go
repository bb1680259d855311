package source

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Ways to a server elsewhere that somebody in between can read or take over.
const (
	withoutTLS = "the connection to %s does not use TLS, so the network can read the password and the users; set %s"
	perhapsTLS = "the connection to %s uses TLS only if the server offers it; an impostor can refuse TLS and read the password; set %s"
	anyTLS     = "the certificate of %s is not verified; an impostor can read the password and invent users; set %s"
)

// What makes sure who answers.
const (
	postgresVerifies = "sslmode=verify-full in dsn, and sslrootcert if this machine does not know its CA"
	mysqlVerifies    = "tls=true in dsn, and sslca if this machine does not know its CA"
)

// postgresWays lists every way that pgx may try to reach a server elsewhere.
func postgresWays(cfg *pgx.ConnConfig) []*pgconn.FallbackConfig {
	all := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	return slices.DeleteFunc(all, func(way *pgconn.FallbackConfig) bool {
		return strings.HasPrefix(way.Host, "/") || loopback(net.JoinHostPort(way.Host, "0"))
	})
}

// postgresTLSAdvice tells of each server elsewhere whose certificate is not verified.
func postgresTLSAdvice(cfg *pgx.ConnConfig) (advice []string) {
	ways := postgresWays(cfg)
	for len(ways) > 0 {
		host := hostName(ways[0].Host, int(ways[0].Port))
		clear, unverified := false, false
		ways = slices.DeleteFunc(ways, func(way *pgconn.FallbackConfig) bool {
			if hostName(way.Host, int(way.Port)) != host {
				return false
			}
			config := way.TLSConfig
			clear = clear || config == nil
			unverified = unverified || config != nil && config.InsecureSkipVerify && config.VerifyPeerCertificate == nil
			return true
		})
		switch {
		case clear && unverified:
			advice = append(advice, fmt.Sprintf(perhapsTLS, host, postgresVerifies))
		case clear:
			advice = append(advice, fmt.Sprintf(withoutTLS, host, postgresVerifies))
		case unverified:
			advice = append(advice, fmt.Sprintf(anyTLS, host, postgresVerifies))
		}
	}
	return advice
}

// mysqlTLSAdvice tells of a server elsewhere whose certificate is not verified.
func mysqlTLSAdvice(cfg *mysql.Config) []string {
	text := map[string]string{tlsOff: withoutTLS, tlsPreferred: perhapsTLS, tlsRequired: anyTLS}[cfg.TLSConfig]
	if cfg.Net != "tcp" || loopback(cfg.Addr) || text == "" {
		return nil
	}
	return []string{fmt.Sprintf(text, mysqlHost(cfg), mysqlVerifies)}
}
