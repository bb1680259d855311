package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// habit is a table as a library makes it, with a row that is deleted and one that is not.
type habit struct {
	name, table string
	columns     map[string]string // by driver, with names in brackets
	rows        []string          // the deleted one last
	want        map[string]string // the condition, by driver
}

var habits = []habit{
	{"Prisma: camel case, UUID, a moment", "User", map[string]string{
		"postgres": `[id] uuid PRIMARY KEY, [email] text, [shortCode] text, [deletedAt] timestamp(3)`,
		"mysql":    `[id] varchar(191) PRIMARY KEY, [email] varchar(191), [shortCode] varchar(191), [deletedAt] datetime(3)`,
		"sqlite":   `[id] TEXT PRIMARY KEY, [email] TEXT, [shortCode] TEXT, [deletedAt] DATETIME`},
		[]string{`'7d444840-9dc0-11d1-b245-5ffdce74fad2', 'ann@example.com', 'K7Q2M9', NULL`,
			`'7d444840-9dc0-11d1-b245-5ffdce74fad3', 'bob@example.com', 'B0BB0B', '2026-01-02 03:04:05'`},
		map[string]string{"postgres": `"deletedAt" IS NULL`, "mysql": "`deletedAt` IS NULL", "sqlite": `"deletedAt" IS NULL`}},
	{"Prisma: an enumeration", "User", map[string]string{
		"postgres": `[id] int PRIMARY KEY, [email] text, [shortCode] text, [status] "UserStatus"`,
		"mysql":    `[id] int PRIMARY KEY, [email] varchar(191), [shortCode] varchar(191), [status] ENUM('ACTIVE', 'DELETED')`},
		[]string{`1, 'ann@example.com', 'K7Q2M9', 'ACTIVE'`, `2, 'bob@example.com', 'B0BB0B', 'DELETED'`},
		map[string]string{"postgres": `status <> 'DELETED'`, "mysql": `status <> 'DELETED'`}},
	{"TypeORM: a truth", "user", map[string]string{
		"postgres": `[id] uuid PRIMARY KEY, [email] varchar, [shortCode] varchar, [isDeleted] boolean`,
		"mysql":    `[id] varchar(36) PRIMARY KEY, [email] varchar(255), [shortCode] varchar(255), [isDeleted] tinyint`,
		"sqlite":   `[id] varchar PRIMARY KEY, [email] varchar, [shortCode] varchar, [isDeleted] boolean`},
		[]string{`'7d444840-9dc0-11d1-b245-5ffdce74fad2', 'ann@example.com', 'K7Q2M9', FALSE`,
			`'7d444840-9dc0-11d1-b245-5ffdce74fad3', 'bob@example.com', 'B0BB0B', TRUE`},
		map[string]string{"postgres": `"isDeleted" IS NOT TRUE`, "mysql": "COALESCE(`isDeleted`, 0) = 0", "sqlite": `"isDeleted" IS NOT TRUE`}},
	{"Sequelize: paranoid", "Users", map[string]string{
		"postgres": `[id] SERIAL PRIMARY KEY, [email] varchar(255), [shortCode] varchar(255), [deletedAt] timestamptz`,
		"mysql":    `[id] int AUTO_INCREMENT PRIMARY KEY, [email] varchar(255), [shortCode] varchar(255), [deletedAt] datetime`,
		"sqlite":   `[id] INTEGER PRIMARY KEY AUTOINCREMENT, [email] VARCHAR(255), [shortCode] VARCHAR(255), [deletedAt] DATETIME`},
		[]string{`1, 'ann@example.com', 'K7Q2M9', NULL`, `2, 'bob@example.com', 'B0BB0B', '2026-01-02 03:04:05'`},
		map[string]string{"postgres": `"deletedAt" IS NULL`, "mysql": "`deletedAt` IS NULL", "sqlite": `"deletedAt" IS NULL`}},
	{"Drizzle: a truth that is a number", "users", map[string]string{"sqlite": `[id] integer PRIMARY KEY, [email] text, [short_code] text, [deleted] integer`},
		[]string{`1, 'ann@example.com', 'K7Q2M9', 0`, `2, 'bob@example.com', 'B0BB0B', 1`},
		map[string]string{"sqlite": "COALESCE(deleted, 0) = 0"}},
	{"Knex: snake case", "users", map[string]string{
		"postgres": `[id] serial PRIMARY KEY, [email] varchar(255), [short_code] varchar(255), [deleted_at] timestamptz`,
		"mysql":    `[id] int PRIMARY KEY, [email] varchar(255), [short_code] varchar(255), [deleted_at] timestamp NULL`,
		"sqlite":   `[id] integer PRIMARY KEY, [email] varchar(255), [short_code] varchar(255), [deleted_at] datetime`},
		[]string{`1, 'ann@example.com', 'K7Q2M9', NULL`, `2, 'bob@example.com', 'B0BB0B', '2026-01-02 03:04:05'`},
		map[string]string{"postgres": `deleted_at IS NULL`, "mysql": "deleted_at IS NULL", "sqlite": `deleted_at IS NULL`}},
}

// What init guesses of the tables that libraries make lets those users through who are not deleted,
// on each database.
func TestInitKnowsTheHabitsOfLibraries(t *testing.T) {
	t.Parallel()
	for _, h := range habits {
		for driver, columns := range h.columns {
			t.Run(h.name+" on "+driver, func(t *testing.T) {
				t.Parallel()
				d := newAppDB(t, driver)
				mark := d.quote("")[:1]
				if strings.Contains(columns, "UserStatus") && driver == "postgres" {
					d.exec(t, `CREATE TYPE "UserStatus" AS ENUM ('ACTIVE', 'DELETED')`)
				}
				d.exec(t, "CREATE TABLE "+d.quote(h.table)+" ("+strings.NewReplacer("[", mark, "]", mark).Replace(columns)+")")
				for _, row := range h.rows {
					d.exec(t, "INSERT INTO "+d.quote(h.table)+" VALUES ("+row+")")
				}
				dir := t.TempDir()
				told := initialise(t, dir, "--dsn", d.dsn, "--client-id", "a-client-id")
				if want := "where " + h.want[driver] + " matches 1 of 2 rows"; !strings.Contains(told, want) {
					t.Errorf("init does not say %q:\n%s", want, told)
				}
				cmd := exec.CommandContext(t.Context(), "ccsyncd", "check", "--offline", "--strict")
				cmd.Dir = dir
				if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 row, none would be skipped") {
					t.Errorf("check: %v\n%s", err, out)
				}
			})
		}
	}
}

// initialise runs init in a folder, and returns what it says.
func initialise(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ccsyncd", append([]string{"init", "--config", filepath.Join(dir, "ccsync.toml")}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("init: %v\n%s", err, out)
	}
	return string(out)
}
