package daemon

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi/sandbox"
)

// A tale is lived by a whole installation: the daemon with its loop, pages and notifier, other
// processes on the same files, the app's table, Constant Contact, and people on both sides. All of
// it is drawn from one seed, so that a tale can be told again:
//
//	go test ./cmd/ccsyncd -run TestTales -v -tale.seed=17 -tale.n=1
//
// What can happen is the table of tale_events_test.go, what must hold the one of
// tale_judges_test.go.
var (
	taleSeed = flag.Uint64("tale.seed", 1, "seed of the first tale")
	taleN    = flag.Int("tale.n", 4, "how many tales, with the seeds that follow each other")
	taleCut  = flag.Bool("tale.cut", false, "cut a tale that fails to the steps that it needs")
	taleLog  = flag.Bool("tale.log", false, "print the log of each tale")
)

// tale is an installation and what happens to it. It is drawn whole before anything is done.
type tale struct {
	seed     uint64
	rules    taleRules
	switches sandbox.Switches
	steps    []taleStep
}

// taleRules are what the configuration says.
type taleRules struct {
	fields        int  // of taleFields
	lists, create bool // [contacts]
	guarded       bool // limits that a few users reach
	shortLogin    bool // access tokens live ten minutes
	canary        bool // some contacts go ahead of the others
}

// taleStep is one thing that happens, and how long nothing else does. It draws for itself, so that
// a tale can be cut.
type taleStep struct {
	event *taleEvent
	seed  uint64
	pause time.Duration
}

func (s taleStep) draw() *rand.Rand { return rand.New(rand.NewPCG(s.seed, 2)) }

const taleLength = 24 // steps at most

func drawTale(seed uint64) *tale {
	r := rand.New(rand.NewPCG(seed, 1))
	t := &tale{seed: seed}
	t.rules = taleRules{fields: r.IntN(len(taleFields)), lists: r.IntN(2) == 0, guarded: r.IntN(2) == 0, shortLogin: r.IntN(3) == 0}
	t.rules.canary = r.IntN(3) == 0
	t.rules.create = t.rules.lists && r.IntN(2) == 0
	table := sandbox.SwitchTable()
	for range r.IntN(3) {
		if s := table[r.IntN(len(table))]; !untold[s.Name] {
			s.Set(&t.switches, true)
		}
	}
	all := 0
	for i := range taleEvents {
		all += taleEvents[i].often
	}
	for range 4 + r.IntN(taleLength-3) {
		n, event := r.IntN(all), 0
		for ; n >= taleEvents[event].often; event++ {
			n -= taleEvents[event].often
		}
		pause := talePauses[r.IntN(len(talePauses))]
		t.steps = append(t.steps, taleStep{&taleEvents[event], r.Uint64(), pause + time.Duration(r.IntN(1000))*time.Millisecond})
	}
	return t
}

// talePauses are what a step takes: time for a tick or two, mostly.
var talePauses = []time.Duration{0, time.Second, 3 * time.Second, 8 * time.Second, 20 * time.Second, 20 * time.Second, 45 * time.Second, 2 * time.Minute, 7 * time.Minute}

// untold are positions of the switches in which not every promise is kept yet, or which change what
// people do.
var untold = map[string]bool{"authorization_counts": true, "lower_case_addresses": true}

func (t *tale) String() string {
	var b strings.Builder
	// those alone that are not off
	thrown, err := json.Marshal(sandbox.Fault{Kind: sandbox.FaultSwitch, Switches: t.switches})
	fmt.Fprintf(&b, "rules %+v, %s %v\n", t.rules, thrown, err)
	for i, s := range t.steps {
		fmt.Fprintf(&b, "%2d %s, then %s\n", i, s.event.name, s.pause)
	}
	return b.String()
}

func TestTales(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "off") // else each process of a tale would bound the memory of all tests
	dir := t.TempDir()
	for i := range *taleN {
		told := drawTale(*taleSeed + uint64(i))
		began := time.Now()
		w := told.live(t, dir)
		if *taleLog {
			t.Logf("%s\n%s", told, w.log.String())
		}
		if w.wrong != "" && *taleCut {
			told, w = told.cut(t, dir, w)
		}
		if w.wrong != "" {
			t.Errorf("tale %d: %s\n%s%s", told.seed, w.wrong, told, w.diary.String())
		}
		t.Logf("tale %d took %s", told.seed, time.Since(began).Round(time.Millisecond))
	}
}

// One seed is one tale, with every request and every wait: else what it finds could not be looked
// into.
func TestATaleIsToldAlikeTwice(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "off")
	dir := t.TempDir()
	told := func() string {
		w := drawTale(41).live(t, dir) // a request that fails, a restart, a canary
		return strings.ReplaceAll(w.log.String()+w.diary.String(), w.dir, "")
	}
	first, second := told(), told()
	if first == second {
		return
	}
	lines, others := strings.Split(first, "\n"), strings.Split(second, "\n")
	for i := range min(len(lines), len(others)) {
		if lines[i] != others[i] {
			t.Fatalf("line %d was\n%s\nand is\n%s", i+1, lines[i], others[i])
		}
	}
	t.Fatalf("%d lines and then %d", len(lines), len(others))
}

// live lives the tale in a bubble, on files of its own.
func (t *tale) live(outer *testing.T, dir string) (w *taleWorld) {
	dir, err := os.MkdirTemp(dir, fmt.Sprint(t.seed)+"-")
	if err != nil {
		outer.Fatal(err)
	}
	defer os.RemoveAll(dir)
	defer taleLives.Delete(filepath.Join(dir, "ccsync.db"))
	synctest.Test(outer, func(inner *testing.T) {
		w = newTaleWorld(inner.Context(), t, dir)
		defer w.close()
		w.live()
	})
	return w
}

// cut leaves out every step without which the tale still breaks the same promise.
func (t *tale) cut(outer *testing.T, dir string, broken *taleWorld) (*tale, *taleWorld) {
	for i := len(t.steps) - 1; i >= 0; i-- {
		shorter := *t
		shorter.steps = append(append([]taleStep{}, t.steps[:i]...), t.steps[i+1:]...)
		if w := shorter.live(outer, dir); w.promise == broken.promise {
			t, broken = &shorter, w
		}
	}
	return t, broken
}
