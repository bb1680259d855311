package source

import (
	"os"
	"regexp"
	"strings"
)

// dsnForms is the hint of a DSN that is none.
const dsnForms = "dsn is the path of a SQLite file (file:PATH if it has unusual characters), " +
	"postgres://user:password@host:5432/database or mysql://user:password@host:3306/database"

var (
	// NAME=value, as a line of an env file or of a shell has it
	assignment = regexp.MustCompile(`^(export\s+[A-Za-z_]|set\s+[A-Za-z_]|[A-Z0-9]+_[A-Z0-9_]*\s*=)`)
	command    = regexp.MustCompile(`^(?:[A-Z0-9_]+=\S*\s+)*(?:sudo\s+)?(?:\S*/)?(?:mysql|mariadb|mysqldump|mysqlsh|mycli|psql|pg_dump|pgcli|sqlite3)(?:\.exe)?\s`)
	option     = regexp.MustCompile(`\s--?[A-Za-z]`)
	proxy      = regexp.MustCompile(`(?i)^prisma(\+postgres)?:`)

	// what tells that a text without a scheme is no path
	noPath      = regexp.MustCompile(`(?i)[=;{}<>"` + "`" + `]|://|passw|\bpwd\b|^\$`)
	credentials = regexp.MustCompile(`:[^/]*@|^[^/.][^/]*@`)
	hostAndPort = regexp.MustCompile(`^[^/.\\][^/\\]+:|^[^/]*:[0-9]+(/|$)`)
	// what tells that one with the scheme of SQLite is none
	namesHost = regexp.MustCompile(`^[^/]*@|(?i)passw(or)?d\s*[=:]|\bpwd\s*[=:]`)
)

// mistaken tells what a text is that can be no DSN. Its errors hold nothing of it.
func mistaken(dsn string) error {
	const quotes = "\"'`"
	switch {
	case strings.ContainsAny(dsn[:1], quotes), strings.ContainsAny(dsn[len(dsn)-1:], quotes) && !keywordPattern.MatchString(dsn):
		return misconfigured("remove the quotes; some tools keep the quotes of an env file (such as docker run --env-file)", "dsn in [source] is in quotes")
	case proxy.MatchString(dsn):
		return misconfigured("use the URL of the database itself (directUrl in Prisma's schema)", "dsn in [source] is the address of Prisma's proxy, not of a database")
	case assignment.MatchString(dsn):
		return misconfigured("remove NAME= and keep what follows", "dsn in [source] begins with the name of a variable")
	case command.MatchString(dsn):
		return misconfigured(dsnForms, "dsn in [source] is a command")
	}
	return nil
}

// checkPath refuses what is no path of a file: it would be shown as one, and may hold a password.
func checkPath(path string, scheme bool) error {
	first := strings.TrimPrefix(path, "//")
	switch {
	case scheme && namesHost.MatchString(first):
		return misconfigured("use a plain path for a file; "+dsnForms, "dsn in [source] names a file along with a user, a host or a password")
	case scheme:
		return nil
	case option.MatchString(path):
		return misconfigured(dsnForms, "dsn in [source] is a command")
	case noPath.MatchString(path):
		return misconfigured(dsnForms, "dsn in [source] is neither a path nor a URL")
	case credentials.MatchString(path), hostAndPort.MatchString(path) && !volume.MatchString(path):
		return untold()
	}
	return nil
}

// checkMissing refuses a text that names no file there is and does not look like a path either: it
// would be shown as one, and anything may stand in it.
func checkMissing(written, path string) error {
	if _, err := os.Lstat(path); err == nil || pathStart.MatchString(written) || fileName.MatchString(written) {
		return nil
	}
	return misconfigured("put ./ before the name of a file; "+dsnForms, "dsn in [source] is not a URL, and no such file exists")
}

var (
	pathStart = regexp.MustCompile(`^(\.{0,2}[/\\]|[A-Za-z]:[/\\])`)
	fileName  = regexp.MustCompile(`(?i)^[^@|,:%\[\]]+\.(db|db3|sqlite|sqlite3|s3db|sl3)$`)
)

// volume is a drive letter of Windows.
var volume = regexp.MustCompile(`^[A-Za-z]:[/\\]`)

func untold() error {
	return misconfigured(dsnForms, "dsn in [source] does not name its type of database")
}

// checkNames refuses a host or database that holds what is part of a DSN. Both are shown.
func checkNames(hosts, database string) error {
	for host := range strings.SplitSeq(hosts, ",") {
		if !hostsPattern.MatchString(host) && !strings.HasPrefix(host, "/") {
			return misconfigured(dsnForms, "dsn in [source] has an unreadable host")
		}
	}
	if strings.ContainsAny(database, "@=;{}?#") || strings.Contains(database, "://") {
		return misconfigured(dsnForms, "dsn in [source] has an unreadable database name")
	}
	return nil
}
