package source

import (
	"os"
	"regexp"
	"strings"
)

// dsnForms is the hint of a DSN that is none.
const dsnForms = "it is the path of a SQLite file (file:PATH for one with unusual characters), " +
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
		return misconfigured("remove them: some tools read an env file with its quotes (docker run --env-file, systemd before its quotes are balanced)", "dsn in [source] stands in quotes")
	case proxy.MatchString(dsn):
		return misconfigured("use the URL of the database itself, which Prisma's schema calls directUrl", "dsn in [source] is the address of Prisma's proxy, not of a database")
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
		return misconfigured("a file has neither: "+dsnForms, "dsn in [source] names a user or host, or a password, beside a file")
	case scheme:
		return nil
	case option.MatchString(path):
		return misconfigured(dsnForms, "dsn in [source] is a command")
	case noPath.MatchString(path):
		return misconfigured(dsnForms, "dsn in [source] is no path and no URL")
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
	return misconfigured("put ./ before the name if it is a file: "+dsnForms, "dsn in [source] is no URL, and there is no such file")
}

var (
	pathStart = regexp.MustCompile(`^(\.{0,2}[/\\]|[A-Za-z]:[/\\])`)
	fileName  = regexp.MustCompile(`(?i)^[^@|,:%\[\]]+\.(db|db3|sqlite|sqlite3|s3db|sl3)$`)
)

// volume is a drive letter of Windows.
var volume = regexp.MustCompile(`^[A-Za-z]:[/\\]`)

func untold() error {
	return misconfigured(dsnForms, "dsn in [source] does not tell which database it is for")
}

// checkNames refuses a host or database that holds what is part of a DSN. Both are shown.
func checkNames(hosts, database string) error {
	for host := range strings.SplitSeq(hosts, ",") {
		if !hostsPattern.MatchString(host) && !strings.HasPrefix(host, "/") {
			return misconfigured(dsnForms, "dsn in [source] has no host that can be read")
		}
	}
	if strings.ContainsAny(database, "@=;{}?#") || strings.Contains(database, "://") {
		return misconfigured(dsnForms, "dsn in [source] has no database that can be read")
	}
	return nil
}
