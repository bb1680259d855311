package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/mattn/go-sqlite3"
)

func TestAColumnIsFoundInAnotherCaseOnlyWhereThatIsClear(t *testing.T) {
	t.Parallel()
	columns := func(names ...string) (all []Column) {
		for i, name := range names {
			all = append(all, Column{Name: name, position: i})
		}
		return all
	}
	for _, test := range []struct {
		all  []Column
		want int // position; -1: an error
		text string
	}{
		{columns("id", "Code", "code"), 2, ""},
		{columns("code", "Code"), 0, ""},
		{columns("id", "CODE"), 1, ""},
		{columns("Code", "CODE"), -1, "two columns"},
		{columns("code", "code"), -1, "two columns"},
		{columns("codes"), -1, `did you mean "codes"?`},
	} {
		got, err := find(test.all, "code", relation{table: "users"})
		if test.want < 0 && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), test.text)) {
			t.Errorf("%v: got %v, want %q", test.all, err, test.text)
		}
		if test.want >= 0 && (err != nil || got.position != test.want) {
			t.Errorf("%v: got column %d, %v, want %d", test.all, got.position, err, test.want)
		}
	}
}

func TestErrorsOfMySQLHaveHints(t *testing.T) {
	t.Parallel()
	d := &mysqlDB{identity: "mysql h:3306/app", user: "bob"}
	for number, want := range map[uint16]struct {
		hint   string
		config bool
	}{
		1040: {"no free connection", false}, 1044: {"correct the database", true}, 1045: {"correct user and password", true},
		1046: {"add /database to dsn", true}, 1049: {"correct the database", true}, 1054: {"correct where in [source]", true},
		1060: {"a different name with AS", true}, 1064: {"correct where in [source]", true}, 1130: {"CREATE USER for the host", true},
		1142: {"GRANT SELECT ON users TO 'bob'", false}, 1143: {"GRANT SELECT ON users TO 'bob'", false}, 1146: {"correct where", true},
		1305: {"correct where", true}, 1792: {"correct where", true}, 1969: {"a limit of the server", false}, 3024: {"a limit of the server", false},
		9999: {"", false},
	} {
		err := d.explain(fmt.Errorf("read: %w", &mysql.MySQLError{Number: number, Message: "so it is"}), relation{table: "users", where: "x"})
		if !strings.Contains(err.Error(), want.hint) || !strings.Contains(err.Error(), "so it is") || errors.Is(err, ErrConfig) != want.config {
			t.Errorf("%d: got %q, want %q, and config = %v", number, err, want.hint, want.config)
		}
	}
}

func TestErrorsOfSQLiteKeepTheirCause(t *testing.T) {
	t.Parallel()
	d := &sqliteDB{path: "/srv/app.db"}
	for code, want := range map[sqlite3.ErrNoExtended]string{
		sqlite3.ErrReadonlyRollback: "stopped in the middle of a transaction", sqlite3.ErrReadonlyRecovery: "no program has it open",
	} {
		err := d.explain(sqlite3.Error{Code: sqlite3.ErrReadonly, ExtendedCode: code}, relation{table: "users"})
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %q, want %q", code, err, want)
		}
	}
	if err := d.explain(io.ErrUnexpectedEOF, relation{}); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "/srv/app.db") {
		t.Errorf("got %v, want the cause and the file", err)
	}
	err := d.explain(sqlite3.Error{Code: sqlite3.ErrAuth}, relation{table: "users", where: "x"})
	const want = `read table "users" from /srv/app.db: authorization denied; where in [source] may only read`
	if !errors.Is(err, ErrConfig) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestTheInnermostErrorSpeaks(t *testing.T) {
	t.Parallel()
	cause := errors.New("the cause")
	for _, err := range []error{cause, fmt.Errorf("a: %w", fmt.Errorf("b: %w", cause)), errors.Join(fmt.Errorf("a: %w", cause), io.EOF)} {
		if got := innermost(err); got != cause {
			t.Errorf("innermost(%v) = %v", err, got)
		}
	}
}

func TestSQLiteTellsKindsByWhatIsDeclared(t *testing.T) {
	t.Parallel()
	for declared, want := range map[string]kind{
		"": asText, "TEXT": asText, "INTEGER": asText, "TINYINT(1)": asBoolean, "tinyint ( 1 )": asBoolean, "TINYINT": asText, "BIT(1)": asBoolean, "BIT(8)": asText, "bool": asBoolean,
		"BOOLEAN": asBoolean, "DATE": asDate, "DATETIME(3)": asTimestamp, "TIMESTAMP WITH TIME ZONE": asTimestamp, "TIME": asTime, "UUID": asUUID, "GUID": asUUID,
		"uniqueidentifier": asUUID, "BINARY(16)": asUUID, "BINARY(20)": asText, "JSON": asJSON, "JSONB": asJSON, "DATES": asText,
	} {
		if got := sqliteKind(declared); got != want {
			t.Errorf("%q is of kind %d, want %d", declared, got, want)
		}
	}
}

// TestACommitWhileTheRowsAreReadIsSeenAfterwards: the mark is of the rows, and not of the moment at
// which their end was reached.
func TestACommitWhileTheRowsAreReadIsSeenAfterwards(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		if d.driver == SQLite {
			d = newSQLite(t, "_journal_mode=WAL")
		}
		createUsers(t, d, 3000)
		db := d.open(t, usersConfig)
		reading, rows := db.Read(t.Context()), 0
		for _, err := range reading.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			if rows++; rows == 10 {
				d.exec(t, "UPDATE users SET short_code = 'late' WHERE id = 1")
			}
		}
		assertChanged(t, db, reading.Mark(), "a commit while the rows were read")
	})
}

func TestTheWatchOfAFileThatWasReplacedIsClosed(t *testing.T) {
	t.Parallel()
	d := newSQLite(t, "")
	createUsers(t, d, 3)
	db := d.open(t, usersConfig)
	for range 5 {
		next := newSQLite(t, "")
		createUsers(t, next, 3)
		next.app.Close()
		d.app.Close()
		if err := os.Rename(next.dsn, d.dsn); err != nil {
			t.Fatal(err)
		}
		collect(t, db)
	}
	if open := db.dialect.(*sqliteDB).pool.Stats().OpenConnections; open > 1 {
		t.Errorf("%d connections are open, want the one that watches", open)
	}
	if err := db.within(context.Background(), func(context.Context, *session) error { return nil }); err != nil {
		t.Error(err)
	}
}
