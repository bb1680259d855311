package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const holdEnv = "CCSYNC_TEST_HOLD"

// TestMain is another process, too: one that takes the run lock of a file and keeps it until it is
// killed.
func TestMain(m *testing.M) {
	path := os.Getenv(holdEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	db, err := connect(path)
	if err == nil {
		_, _, err = db.Lock(context.Background(), "run")
	}
	fmt.Println("held", err)
	time.Sleep(time.Minute)
}

func TestALockIsHeldAcrossProcessesAndFreedByAKill(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holdEnv+"="+db.Path())
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held <nil>\n" {
		t.Fatalf("the other process says %q (%v)", line, err)
	}
	var held *HeldError
	host, _ := os.Hostname()
	if _, _, err := db.Lock(t.Context(), "run"); !errors.As(err, &held) || held.PID != holder.Process.Pid || held.Host != host {
		t.Errorf("got %v, want that process %d on %s holds it", err, holder.Process.Pid, host)
	}
	if _, release, err := db.Lock(t.Context(), "mirror"); err != nil {
		t.Errorf("another lock: %v", err)
	} else {
		release()
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	holder.Wait()
	_, release, err := db.Lock(t.Context(), "run")
	if err != nil {
		t.Fatalf("after the kill: %v", err)
	}
	release()
}

func TestALockIsHeldAgainstTheSameProcessToo(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	work, release, err := db.Lock(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, _, err := open(t, db.Path()).Lock(t.Context(), "run"); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("got %v, want that this process holds it", err)
	}
	release()
	if work.Err() == nil {
		t.Error("the work goes on without the lock")
	}
	if _, release, err = db.Lock(t.Context(), "run"); err != nil {
		t.Fatal(err)
	}
	release()
}

func TestASymbolicLinkInALocksPlaceIsNotFollowed(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	target := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, db.lockPath("run")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Lock(t.Context(), "run"); !errors.Is(err, ErrLink) || !strings.Contains(err.Error(), db.lockPath("run")) {
		t.Errorf("got %v, want ErrLink of %s", err, db.lockPath("run"))
	}
	if text, err := os.ReadFile(target); string(text) != "precious" || err != nil {
		t.Errorf("the link's target is %q now, %v", text, err)
	}
}

// chown makes another user the owner of a file, which root alone can.
func chown(t *testing.T, path string) (owner string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	const nobody = 65534
	if err := os.Chown(path, nobody, -1); err != nil {
		t.Fatal(err)
	}
	return userName(nobody)
}

func TestAnotherUsersLockIsRefused(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	path := db.lockPath("vault-login")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	owner := chown(t, path)
	_, err := db.Vault("login").Lock(t.Context())
	var other *OwnerError
	if !errors.As(err, &other) || other.Path != path || other.Owner != owner {
		t.Errorf("got %v, want that %s belongs to %s", err, path, owner)
	}
	if want := path + " belongs to user " + owner + ", and this process runs as " + userName(os.Geteuid()); !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Between the lock and the line that names its holder the file may be gone: what is locked then
// keeps nobody out.
func TestALockWhoseFileIsAnotherOneNowIsNone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ccsync.db-run.lock")
	write := func(text string) fs.FileInfo {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	locked := write("the name of an earlier holder that is longer")
	host, _ := os.Hostname()
	if err := sign(path, locked); err != nil || *holder("run", path) != (HeldError{Name: "run", PID: os.Getpid(), Host: host}) {
		t.Errorf("the lock is that of %+v (%v)", holder("run", path), err)
	}
	if err := os.Rename(path, path+".old"); err != nil { // the next file gets another inode
		t.Fatal(err)
	}
	if err := sign(path, locked); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
	write("another's")
	if err := sign(path, locked); !errors.Is(err, ErrReplaced) {
		t.Errorf("another file: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "another's" {
		t.Errorf("another file has %q now (%v)", text, err)
	}
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}
	chown(t, path)
	given, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := sign(path, given); !errors.As(err, new(*OwnerError)) {
		t.Errorf("another user's file: %v", err)
	}
}

func TestALockThatIsHeldNamesItsHolderIfThatIsKnown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ccsync.db-run.lock")
	const unknown = "the run lock is held by another process"
	for text, want := range map[string]string{"": unknown, "x host": unknown, "12 host\n": "the run lock is held by process 12 on host"} {
		if got := holder("run", path).Error(); text == "" && got != unknown {
			t.Errorf("without a file: %s", got)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := holder("run", path).Error(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnotherUsersFilesAreRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		db := fresh(t)
		if err := db.SetFacts(t.Context(), map[string]string{"a": "b"}); err != nil {
			t.Fatal(err)
		}
		owner := chown(t, db.Path()+suffix)
		_, err := Open(t.Context(), db.Path(), nil)
		var other *OwnerError
		if !errors.As(err, &other) || other.Path != db.Path()+suffix || other.Owner != owner {
			t.Errorf("%q: got %v, want that it belongs to %s", suffix, err, owner)
		}
	}
	path := filepath.Join(t.TempDir(), "planted.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	chown(t, path)
	if _, err := Open(t.Context(), path, nil); !errors.As(err, new(*OwnerError)) {
		t.Errorf("a file that another user planted: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("%d bytes were written into it, %v", info.Size(), err)
	}
}
