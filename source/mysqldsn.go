package source

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ccsyncd/internal/kit"

	"github.com/go-sql-driver/mysql"
)

// mysqlParams are the parameters of go-sql-driver that are passed on. Others it would set as
// variables of the session, or they would change what the values look like.
var mysqlParams = wordSet(`
	allowCleartextPasswords allowFallbackToPlaintext allowNativePasswords allowOldPasswords
	checkConnLiveness compress connectionAttributes maxAllowedPacket readTimeout timeout
	writeTimeout`)

// parseMySQL reads mysql://..., mariadb://... or go-sql-driver's user:password@tcp(host)/database.
func parseMySQL(dsn, dir string) (*target, error) {
	parse := parseGoMySQL
	if hasScheme(dsn) {
		parse = parseURL
	}
	l, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	network, address, err := l.mysqlAddress()
	if err != nil {
		return nil, err
	}
	t := &target{driver: MySQL}
	security, err := t.translateMySQLTLS(l.params, dir, network == "tcp" && !loopback(address))
	if err != nil {
		return nil, err
	}
	cfg, err := mysql.ParseDSN("/?" + t.translateMySQL(l.params))
	if err != nil {
		return nil, misconfigured("correct the parameter", "dsn in [source]: %s", err)
	}
	cfg.User, cfg.Passwd, cfg.DBName = l.user, l.password, l.database
	cfg.Net, cfg.Addr = network, address
	cfg.TLSConfig, cfg.TLS = security.name, security.config
	cfg.Logger = &mysql.NopLogger{}
	if cfg.Timeout == 0 {
		cfg.Timeout = connectSeconds * time.Second
	}
	t.mysql, t.advice = cfg, mysqlTLSAdvice(cfg)
	t.identity = MySQL + " " + mysqlHost(cfg) + "/" + cfg.DBName
	return t, nil
}

// goAddress is a network with or without an address, or nothing.
var goAddress = regexp.MustCompile(`^((tcp6?|unix)(\(.*\))?)?$`)

// parseGoMySQL reads user:password@tcp(host:port)/database?name=value.
func parseGoMySQL(dsn string) (location, error) {
	wrong := misconfigured("it is mysql://user:password@host:port/database", "dsn in [source] is not a readable address of a MySQL server")
	slash := strings.LastIndexByte(dsn, '/')
	if slash < 0 {
		return location{}, wrong
	}
	database, query, _ := strings.Cut(dsn[slash+1:], "?")
	user, address := "", dsn[:slash]
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		user, address = address[:at], address[at+1:]
	}
	if strings.ContainsAny(database, "@()") || !goAddress.MatchString(address) {
		return location{}, wrong
	}
	params, err := parseParams(query)
	if err != nil {
		return location{}, err
	}
	l := location{database: unescape(database), params: params}
	l.user, l.password, l.hasPassword = strings.Cut(user, ":")
	l.hosts = strings.TrimPrefix(strings.TrimPrefix(address, "tcp"), "6")
	if socket, ok := strings.CutPrefix(address, "unix("); ok {
		l.hosts, params["socket"] = "", strings.TrimSuffix(socket, ")")
	}
	l.hosts = strings.TrimSuffix(strings.TrimPrefix(l.hosts, "("), ")")
	return l, checkNames(l.hosts, l.database)
}

// mysqlAddress takes the address out of the host, or out of the parameter that names a socket.
func (l location) mysqlAddress() (network, address string, err error) {
	for _, name := range []string{"socket", "socketPath", "unix_socket"} {
		if path := l.params[name]; path != "" {
			delete(l.params, name)
			return "unix", path, nil
		}
	}
	if path := unescape(l.hosts); strings.HasPrefix(path, "/") {
		return "unix", path, nil
	}
	if strings.Contains(l.hosts, ",") {
		return "", "", misconfigured("keep one host", "dsn in [source] has several hosts")
	}
	host, port, err := net.SplitHostPort(l.hosts)
	if err != nil {
		host, port = strings.Trim(l.hosts, "[]"), "3306"
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", "", misconfigured("it is a number up to 65535, usually 3306", "dsn in [source] has an invalid port")
	}
	return "tcp", net.JoinHostPort(host, port), nil
}

// translateMySQL gives the parameters for go-sql-driver, and leaves the rest out.
func (t *target) translateMySQL(params map[string]string) string {
	passed := make(url.Values)
	for _, name := range slices.Sorted(maps.Keys(params)) {
		value := params[name]
		switch seconds, err := strconv.Atoi(value); {
		case name == "connect_timeout" && err == nil: // Prisma
			passed.Set("timeout", fmt.Sprintf("%ds", seconds))
		case name == "connectTimeout" && err == nil: // mysql2
			passed.Set("timeout", fmt.Sprintf("%dms", seconds))
		case mysqlParams[name]:
			passed.Set(name, value)
		default:
			t.leftOut(name, "ccsyncd reads text as UTF-8 and time as UTC, and uses one connection")
		}
	}
	return passed.Encode()
}

// mysqlHost names the server; all ways to this machine are one.
func mysqlHost(cfg *mysql.Config) string {
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return hostName("/", 3306)
	}
	number, _ := strconv.Atoi(port) // checked by mysqlAddress
	return hostName(host, number)
}

// loopback tells whether host:port is on this machine.
func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return kit.IsLoopback(host)
}
