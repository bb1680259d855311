package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

const holdEnv = "CCSYNC_TEST_HOLD"

// TestMain is another process, too: one that takes the run lock of a file and keeps it until it is killed.
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
