package sync_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

func TestAStateFileBelongsToOneSourceOneMachineAndOneAPI(t *testing.T) {
	t.Parallel()
	home := ccsync.Home{API: "https://api/v3", Auth: "https://auth", Source: "sqlite:/app.db", Machine: "m1", Path: "/one.db"}
	for name, c := range map[string]struct {
		change func(*ccsync.Home)
		moved  bool
		code   string
	}{
		"nothing changed":                         {change: func(*ccsync.Home) {}},
		"another source":                          {change: func(h *ccsync.Home) { h.Source = "sqlite:/other.db" }, moved: true},
		"another machine and path":                {change: func(h *ccsync.Home) { h.Machine, h.Path = "m2", "/two.db" }, moved: true},
		"the file was renamed":                    {change: func(h *ccsync.Home) { h.Path = "/two.db" }},
		"the disk was put into another machine":   {change: func(h *ccsync.Home) { h.Machine = "m2" }},
		"another API":                             {change: func(h *ccsync.Home) { h.API = "http://127.0.0.1/v3" }, code: "other_endpoints"},
		"another authorization server":            {change: func(h *ccsync.Home) { h.Auth = "http://127.0.0.1" }, code: "other_endpoints"},
		"the machine cannot be told, as in a box": {change: func(h *ccsync.Home) { h.Machine = "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.home = home
				w.populate(20, 0)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.rows[0].Values = []string{"NEW"}
				c.change(&w.home)
				seen := len(w.box.Requests())
				report := w.run(ccsync.Options{})
				switch {
				case c.moved:
					w.want(report, ccsync.Refused)
					if !slices.Equal(report.Guard.Reasons, []string{"moved"}) || report.Error.Hint == "" {
						t.Errorf("%+v %+v", report.Guard, report.Error)
					}
					w.want(w.dry(ccsync.Options{Force: true}), ccsync.Planned)
					w.want(w.run(ccsync.Options{}), ccsync.Refused) // looking does not move
					w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
				case c.code != "":
					setup := new(ccsync.SetupError)
					if !errors.As(report.Err(), &setup) || setup.Code != c.code || setup.Hint == "" {
						t.Errorf("error %v", report.Err())
					}
					w.want(w.run(ccsync.Options{Force: true}), ccsync.Failed)
					if n := len(w.box.Requests()); n != seen {
						t.Errorf("%d requests were sent", n-seen)
					}
					return
				default:
					w.want(report, ccsync.Synced)
				}
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantAllCodes()
			})
		})
	}
}

func TestALostStateFileCostsOneSnapshotAndNoWrongWrite(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists, w.policy.ClearOrphans, w.policy.Fields[0].Clear = true, []string{"App users"}, true, true
		w.populate(1200, 50)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.box.Delete(w.rows[1].Email)
		w.box.OptOut(w.rows[2].Email)
		before, writes := w.box.Contacts(), len(w.box.Writes())
		w.lose("")
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Requests > 5 || len(w.box.Writes()) != writes {
			t.Errorf("%d requests, writes %+v", report.Requests, w.box.Writes()[writes:])
		}
		for i, c := range w.box.Contacts() {
			if c.UpdatedAt != before[i].UpdatedAt {
				t.Errorf("%s was changed", c.Address)
			}
		}
	})
}

func TestAnOldCopyOfTheStateFileWritesNothingWrong(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists, w.policy.ClearOrphans = true, []string{"App users"}, true
		w.populate(60, 5)
		for i := range 20 {
			w.box.JoinList(w.rows[i].Email, "Newsletter")
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.close()
		w.copyTo(w.path + ".old")
		w.open()
		for i := range 10 {
			w.rows[i].Values = []string{"LATER" + w.rows[i].Key}
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(72 * time.Hour)
		w.box.Delete(w.rows[0].Email)
		w.box.OptOut(w.rows[1].Email)
		w.box.LeaveList(w.rows[2].Email, "App users")
		for i := range 10 {
			w.rows[i].Values = []string{"LAST" + w.rows[i].Key}
		}
		w.lose(w.path + ".old")
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if c, _ := w.box.Contact(w.rows[0].Email); !c.Deleted {
			t.Error("a deleted contact was revived")
		}
		if c, _ := w.box.Contact(w.rows[1].Email); c.Permission != "unsubscribed" || c.Fields["short_code"] != "LATER2" {
			t.Errorf("who opted out: %+v", c)
		}
		if c, _ := w.box.Contact(w.rows[2].Email); !slices.Equal(c.Lists, []string{"Newsletter"}) || c.Fields["short_code"] != "LAST3" {
			t.Errorf("who left the list: %+v", c)
		}
		for _, r := range w.rows[3:] {
			if got := w.code(r.Email); got != r.Values[0] {
				t.Errorf("%s carries %q, want %q", r.Email, got, r.Values[0])
			}
		}
	})
}

// lose removes the state file and puts a copy in its place, or none.
func (w *world) lose(older string) {
	w.t.Helper()
	w.close()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(w.path + suffix)
	}
	if older != "" {
		if err := os.Rename(older, w.path); err != nil {
			w.t.Fatal(err)
		}
	}
	w.open()
}

// copyTo copies the closed state file.
func (w *world) copyTo(path string) {
	w.t.Helper()
	content, err := os.ReadFile(w.path)
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// A mistyped name is no move: who is told so would force it.
func TestAnotherSourceThatCannotBeReadIsNoMove(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(4, 1)
		w.home.Source = "sqlite:/app.db"
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.home.Source = "sqlite:/mistyped.db"
		rows := w.rows
		w.rows, w.broken = nil, errors.New("no such file")
		r := w.run(ccsync.Options{})
		if w.want(r, ccsync.Failed); r.Error.Code != "source" || strings.Contains(r.Error.Hint, "--force") {
			t.Errorf("error %+v", r.Error)
		}
		w.rows, w.broken = rows, nil
		w.want(w.run(ccsync.Options{}), ccsync.Refused)
	})
}
