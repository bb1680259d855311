package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

// keeper is a folder with a configuration, and what `check --offline` says of it.
type keeper struct {
	*testing.T
	dir, toml string
}

func newKeeper(t *testing.T, secrets string) *keeper {
	t.Helper()
	k := &keeper{T: t, dir: t.TempDir()}
	k.toml = filepath.Join(k.dir, "ccsync.toml")
	k.write("ccsync.toml", `
[source]
dsn = "app.db"
table = "users"
email = "email"
[[field]]
column = "short_code"
custom_field = "short_code"
[auth]
client_id = "x"
`+secrets, 0o644)
	appDatabase(t, filepath.Join(k.dir, "app.db"), `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT)`,
		`INSERT INTO users (email, short_code) VALUES ('a@example.com', 'A')`)
	return k
}

func (k *keeper) write(name, text string, mode fs.FileMode) {
	k.Helper()
	path := filepath.Join(k.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		k.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		k.Fatal(err)
	}
}

// check runs the program as this user, or as another one.
func (k *keeper) check(uid int, args ...string) (code int, said string) {
	k.Helper()
	cmd := exec.CommandContext(k.Context(), "ccsyncd", append([]string{"check", "--offline"}, args...)...)
	cmd.Dir, cmd.Env = k.dir, append(os.Environ(), "NO_COLOR=1", "CCSYNC_ENDPOINT=", "CCSYNC_CONFIG="+k.toml)
	if uid != os.Getuid() { // who may not enter the folder of the program
		program := filepath.Join(k.dir, "ccsyncd")
		if err := os.Link(cmd.Path, program); err != nil && !errors.Is(err, fs.ErrExist) {
			k.Fatal(err)
		}
		cmd.Path = program
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		k.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

const (
	inClear = "[http]\ntoken = \"a-token-in-clear-long-enough\"\n"
	inAFile = "[http]\ntoken = \"secret:token\"\n"
)

func TestCheckTellsWhichFilesOthersCanReadOrWrite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		secrets      string
		mode         fs.FileMode // of the configuration
		secret       fs.FileMode // of the file with the token
		says         string      // "" for nothing
		strict, root int         // exit codes of --strict, and of a command of root
	}{
		"no secret in it":               {mode: 0o644},
		"a secret that nobody can read": {secrets: inClear, mode: 0o600},
		"a secret for the group":        {secrets: inClear, mode: 0o640},
		"a secret that all can read":    {secrets: inClear, mode: 0o644, says: "which contains [http] token", strict: 78},
		"all can write":                 {mode: 0o646, says: "any user of this machine can write to", strict: 78, root: 78},
		"its secret elsewhere":          {secrets: inAFile, mode: 0o644, secret: 0o600},
		"which all can read":            {secrets: inAFile, mode: 0o644, secret: 0o644, says: "which contains a secret", strict: 78},
		"which all can write":           {secrets: inAFile, mode: 0o644, secret: 0o602, says: "any user of this machine can write to", strict: 78, root: 78},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t, c.secrets)
			if c.secret != 0 {
				k.write("token", "a-token-in-a-file-long-enough", c.secret)
			}
			if err := os.Chmod(k.toml, c.mode); err != nil {
				t.Fatal(err)
			}
			wantCode, isRoot := 0, os.Geteuid() == 0
			if isRoot {
				wantCode = c.root
			}
			code, said := k.check(os.Getuid())
			if code != wantCode || c.says == "" && strings.Contains(said, "any user of this machine") || !strings.Contains(said, c.says) {
				t.Errorf("check ends with %d, want %d, and says\n%s", code, wantCode, said)
			}
			if strings.Contains(said, "long-enough") {
				t.Errorf("the secret is printed:\n%s", said)
			}
			if code, said := k.check(os.Getuid(), "--strict"); code != c.strict {
				t.Errorf("--strict ends with %d, want %d, and says\n%s", code, c.strict, said)
			}
		})
	}
}

// A password in a DSN is a secret, wherever it stands in it; a path or an address without one is
// none.
func TestAPasswordInTheDSNIsASecretInClear(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]bool{
		"app.db": false, "postgres://app@db.example.com/shop": false, "postgres://db.example.com:5432/shop": false, "app@tcp(127.0.0.1:3306)/shop": false,
		"postgres://app:pw@db.example.com/shop": true, "mysql://app:p%40w@db/shop": true, "app:pw@tcp(127.0.0.1:3306)/shop": true,
		"postgres://db/shop?user=app&password=pw": true,
	} {
		k := newKeeper(t, "")
		text, err := os.ReadFile(k.toml)
		if err != nil {
			t.Fatal(err)
		}
		k.write("ccsync.toml", strings.Replace(string(text), `"app.db"`, `"`+dsn+`"`, 1), 0o644)
		cfg, err := (&cli{&shell.Shell{Getenv: func(string) string { return "" }}}).LoadConfig(k.toml)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if got := len(cfg.FileFaults()) > 0; got != want {
			t.Errorf("%s: %v, want %v", dsn, got, want)
		}
	}
}

func TestAFolderThatOthersMayWriteToIsTold(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, "")
	if err := os.Chmod(k.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if code, said := k.check(os.Getuid()); code != 0 || !strings.Contains(said, "can write to the folder of the state file") {
		t.Errorf("check ends with %d and says\n%s", code, said)
	}
}

// nobody is a user without rights.
const nobody = 65534

// letIn lets every user enter the folder.
func (k *keeper) letIn() {
	k.Helper()
	for dir := k.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			k.Fatal(err)
		}
	}
}

// SQLite gives what it creates the mode of the database, and uses what it finds. A hint that names
// the database alone would not help.
func TestEachFileOfTheStateFileThatCannotBeWrittenIsNamed(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root runs a program as another user")
	}
	k := newKeeper(t, "[state]\npath = \"state/ccsync.db\"\n")
	k.letIn()
	dir := filepath.Join(k.dir, "state")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	wantFine := func() {
		t.Helper()
		if code, said := k.check(nobody); code != 0 {
			t.Errorf("check ends with %d and says\n%s", code, said)
		}
	}
	wantFine() // it creates the file
	for _, closed := range [][]string{{"ccsync.db"}, {"ccsync.db-shm"}, {"ccsync.db", "ccsync.db-wal", "ccsync.db-shm"}} {
		for _, name := range closed {
			f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY, 0o600)
			if err == nil {
				err = errors.Join(f.Chmod(0o400), f.Chown(nobody, nobody), f.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		code, said := k.check(nobody)
		for _, name := range []string{"ccsync.db", "ccsync.db-wal", "ccsync.db-shm"} {
			named := strings.Contains(said, name+" (mode 0400)")
			if code != exit.Failed || named != slices.Contains(closed, name) {
				t.Errorf("%v: check ends with %d and names %s: %v\n%s", closed, code, name, named, said)
			}
		}
		if hint := "write to " + strings.Join(closed, ", "); !strings.Contains(said, hint+"\n") {
			t.Errorf("%v: no hint %q:\n%s", closed, hint, said)
		}
		for _, name := range closed {
			if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		wantFine()
	}
}

// Who may not read a file is told who may.
func TestAFileThatCannotBeReadNamesUserAndMode(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root runs a program as another user")
	}
	for name, c := range map[string]struct {
		secrets string
		closed  string
	}{"the configuration": {inClear, "ccsync.toml"}, "a secret": {inAFile, "token"}} {
		k := newKeeper(t, c.secrets)
		k.write("token", "a-token-in-a-file-long-enough", 0o644)
		k.letIn()
		if err := os.Chmod(filepath.Join(k.dir, c.closed), 0o600); err != nil {
			t.Fatal(err)
		}
		code, said := k.check(nobody)
		want := "this process runs as " + config.UserName(nobody)
		if code != exit.Config || !strings.Contains(said, want) || !strings.Contains(said, "has mode 0600 and belongs to root") {
			t.Errorf("%s: check ends with %d and says\n%s", name, code, said)
		}
	}
}

// Who owns a file, or may write to its folder, can put another in its place.
func TestCheckTellsWhoCanReplaceTheConfiguration(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	for name, c := range map[string]struct {
		prepare func(k *keeper) error
		says    string
	}{
		"another user's":             {func(k *keeper) error { return os.Chown(k.toml, 65533, 65533) }, "who can change it at any time"},
		"a folder that all write to": {func(k *keeper) error { return os.Chmod(filepath.Dir(k.toml), 0o777) }, "any user of this machine can replace"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t, inClear)
			if err := errors.Join(os.Chmod(k.toml, 0o600), c.prepare(k)); err != nil {
				t.Fatal(err)
			}
			if code, said := k.check(0); code != 0 || !strings.Contains(said, c.says) {
				t.Errorf("check ends with %d and says\n%s", code, said)
			}
			if code, said := k.check(0, "--strict"); code != 78 {
				t.Errorf("--strict ends with %d and says\n%s", code, said)
			}
		})
	}
}
