package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// testAll tests the links in order. What hangs on a link that fails is left out.
func testAll(ctx context.Context, sh *shell.Shell, ch *chain) {
	cfg, err := sh.Config()
	if err != nil {
		ch.fail("configuration", err, "")
		return
	}
	ch.ok("configuration", cfg.Path)
	ch.files(cfg)
	a := app.New(sh, cfg)
	defer func() {
		if err := a.Close(); err != nil {
			ch.fail("close", err, "")
		}
	}()
	known, ok := ch.testState(ctx, a)
	ch.testDisk(a)
	ch.testSource(ctx, a, known)
	if ch.Offline || !ok && ch.code() != exit.Done {
		return
	}
	ch.testConstantContact(ctx, a)
}

// files tells what others can read or write: the files of the configuration, and the folder of the
// state file.
func (ch *chain) files(cfg *config.Config) {
	const name = "files"
	for _, fault := range cfg.FileFaults() {
		if ch.Strict {
			ch.fail(name, &exit.ConfigError{Message: fault.Text, Hint: fault.Hint}, "")
		} else {
			ch.note(name, fault.Text, fault.Hint)
		}
	}
	dir := filepath.Dir(cfg.State.Path)
	if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&config.OthersWrite != 0 && runtime.GOOS != "windows" {
		ch.note(name, fmt.Sprintf("any user of this machine can write to the folder of the state file, %s (mode %04o)", dir, info.Mode().Perm()),
			"set [state] path to a folder that only the user of ccsyncd can write to")
	}
}

// testState opens the state file if there is one, and makes none.
func (ch *chain) testState(ctx context.Context, a *app.App) (known []state.Binding, ok bool) {
	const name = "state database" // scripts find the test by it in the JSON of check
	path := a.Config.State.Path
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		ch.note(name, path+" does not exist yet", "`ccsyncd auth login` creates it")
		return nil, false
	}
	err := a.OpenState(ctx)
	if err == nil {
		known, err = a.State.Bindings(ctx)
	}
	if err != nil {
		ch.fail(name, err, "")
		return nil, false
	}
	switch {
	case !a.Config.State.Key.IsSet():
		ch.note(name, path+", tokens not encrypted", "to encrypt them, set [state] key (openssl rand -hex 32 creates a key)")
	default:
		ch.ok(name, path+", tokens encrypted")
	}
	return known, true
}

// Less room than this ends badly or soon.
const (
	leastRoom = 16 << 20  // bytes
	scantRoom = 256 << 20 // bytes
)

// testDisk looks for room beside the state file, without writing there.
func (ch *chain) testDisk(a *app.App) {
	const name = "disk"
	dir := filepath.Dir(a.Config.State.Path)
	free, err := room(dir)
	switch {
	case errors.Is(err, errNotTold):
		return
	case err != nil:
		ch.fail(name, fmt.Errorf("the folder of the state file: %w", err), "create the folder and let this user write to it, or change [state] path")
	case free < leastRoom:
		ch.fail(name, fmt.Errorf("%s has %s left", dir, bytesText(free)), "free disk space; ccsyncd stops sending when it cannot record what it sends")
	case free < scantRoom:
		ch.note(name, fmt.Sprintf("%s has %s left", dir, bytesText(free)), "free disk space soon")
	default:
		ch.ok(name, fmt.Sprintf("%s has %s left", dir, bytesText(free)))
	}
}

func bytesText(n uint64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	default:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
}

// testSource connects to the app's database and judges its rows.
func (ch *chain) testSource(ctx context.Context, a *app.App, known []state.Binding) {
	const name = "app database"
	err := a.OpenSource(ctx)
	if err == nil {
		err = a.Source.Check(ctx)
	}
	if err != nil {
		ch.failSource(name, err)
		return
	}
	detail := a.Source.Identity()
	if key := a.Source.KeyColumn(); key != "" {
		detail += fmt.Sprintf(", users identified by %q", key)
	}
	ch.ok(name, detail)
	for _, text := range a.Source.Notes() {
		ch.note(name, text, "")
	}
	e := &ccsync.Engine{Users: a.Source.Read, Scratch: os.TempDir(), Policy: app.Policy(a.Config)}
	x, err := e.Examine(ctx, known)
	if err != nil {
		ch.fail("rows", err, "")
		return
	}
	if x.Source.Rows == 0 {
		ch.noRows(ctx, a)
		return
	}
	ch.rows(x)
}

// failSource adds the link of the app's database. The error itself has the hint for this database:
// only one of the configuration gets another.
func (ch *chain) failSource(name string, err error) {
	code, _ := exit.Of(err)
	l := link{Name: name, Verdict: verdictFail, Detail: err.Error(), code: code}
	if code == exit.Config {
		l.Hint = "correct [source] in the configuration"
	}
	ch.links = append(ch.links, l)
}

// noRows tells a condition that lets nobody through from a table that has nobody yet.
func (ch *chain) noRows(ctx context.Context, a *app.App) {
	const name = "rows"
	_, all, err := a.Source.Count(ctx)
	switch where := a.Config.Source.Where; {
	case err != nil:
		ch.fail(name, err, "")
	case all > 0:
		ch.fail(name, &exit.ConfigError{Message: fmt.Sprintf("[source] where matches 0 of %s", kit.Plural(all, "row", "rows")),
			Hint: "correct the condition: " + where}, "")
	case a.Config.Source.Query != "":
		ch.note(name, "the query returns no rows", "check [source] query; a run needs at least [guard] min_source_rows")
	default:
		ch.note(name, "the table has no rows yet", "a run needs at least [guard] min_source_rows")
	}
}

// rows tells what a run would make of the rows by themselves.
func (ch *chain) rows(x *ccsync.Examination) {
	const name = "rows"
	skipped := x.Count()
	detail := kit.Plural(x.Source.Rows, "row", "rows")
	if x.Formulas > 0 {
		ch.note("values", kit.Plural(x.Formulas, "row has", "rows have")+" a value that begins with = + - or @; a spreadsheet treats it as a formula",
			"the formula may run when someone opens an export of the contacts in a spreadsheet; make the app reject such values")
	}
	if skipped == 0 {
		ch.ok(name, detail+", none would be skipped")
		return
	}
	detail += fmt.Sprintf(", %s would be skipped:\n%s", kit.Count(skipped), reasonsText(x))
	cure := "correct these rows in the app's database; all other rows are sent"
	if ch.Strict {
		ch.fail(name, errors.New(detail), cure)
		return
	}
	ch.note(name, detail, cure)
}

// reasonsText lists the reasons with a row for each, the most frequent first.
func reasonsText(x *ccsync.Examination) string {
	var parts []string
	for _, reason := range report.ByCount(x.Reasons) {
		part := fmt.Sprintf("%s %s", kit.Count(x.Reasons[reason]), reason)
		for _, s := range x.Skipped {
			if string(s.Reason) == reason {
				part += ", such as " + report.Sample(s)
				break
			}
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "\n")
}
