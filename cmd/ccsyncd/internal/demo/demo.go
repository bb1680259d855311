// Package demo tells the whole story of `ccsyncd demo`: a sandbox, an app's database and the
// program between them.
package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
)

// Run tells the story in a folder of its own. run runs a command of the program in another shell.
// With keep, all goes on until ctx ends.
func Run(ctx context.Context, sh *shell.Shell, keep bool, run func(ctx context.Context, sh *shell.Shell, args ...string) error) (err error) {
	dir, err := os.MkdirTemp("", "ccsyncd-demo-")
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "remove the demo's folder", func() error { return os.RemoveAll(dir) })
	d := &demo{Shell: sh, run: run, dir: dir, began: time.Now(), keep: keep}
	if err := d.open(ctx); err != nil {
		return err
	}
	defer shell.AtExit(&err, "end the demo", d.close)
	return d.story(ctx)
}

// demo is one telling of the story.
type demo struct {
	*shell.Shell
	// runs a command of the program
	run     func(ctx context.Context, sh *shell.Shell, args ...string) error
	dir     string
	keep    bool
	began   time.Time
	chapter int
	demoWorld
}

// story is the story, chapter by chapter. Each command is the real one.
func (d *demo) story(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{
		d.constantContact, d.appDatabase, d.configuration, d.logIn, d.preview, d.push, d.lookAtOne, d.liveChange,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// heading begins a chapter.
func (d *demo) heading(title string) {
	d.chapter++
	d.Out.Print("", d.Out.Paint(term.Strong, fmt.Sprintf("%d. %s", d.chapter, title)))
}

// tell prints lines of the narration.
func (d *demo) tell(format string, args ...any) {
	d.Out.Printf(format+"\n", args...)
}

// show prints a text as it stands in a file, or as it is typed.
func (d *demo) show(text string) {
	for line := range strings.Lines(text) {
		d.Out.Print("   " + d.Out.Paint(term.Faint, strings.TrimRight(line, "\n")))
	}
}

// command runs a command of this program as a person would, with the demo's configuration.
func (d *demo) command(ctx context.Context, args ...string) error {
	d.show("$ ccsyncd " + strings.Join(args, " "))
	return d.execute(ctx, args...)
}

// execute is command without a word.
func (d *demo) execute(ctx context.Context, args ...string) error {
	another := &shell.Shell{Terminal: d.Terminal, In: strings.NewReader(""), Getenv: d.environment, Version: d.Version}
	args = append(args, "--config", d.path("ccsync.toml"))
	if d.NoColor {
		args = append(args, "--no-color")
	}
	if d.LogLevel != "" {
		args = append(args, "--log-level", d.LogLevel)
	}
	return d.run(ctx, another, args...)
}

// environment hides what would lead out of the demo.
func (d *demo) environment(name string) string {
	if strings.HasPrefix(name, "CCSYNC_") || name == "STATE_DIRECTORY" || name == "NOTIFY_SOCKET" {
		return ""
	}
	return d.Getenv(name)
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }
