package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/shell"
)

// visitCommands visits the commands of a tree that people see, a parent before its children.
func visitCommands(cmd *cobra.Command, visit func(*cobra.Command)) {
	if cmd.Hidden {
		return
	}
	visit(cmd)
	for _, sub := range cmd.Commands() {
		visitCommands(sub, visit)
	}
}

// A terminal has 80 columns unless somebody made it wider.
func TestTheHelpOfEveryCommandFitsIn80Columns(t *testing.T) {
	t.Parallel()
	const most = 80
	seen := 0
	visitCommands((&cli{&shell.Shell{Version: version}}).root(), func(cmd *cobra.Command) {
		seen++
		var help bytes.Buffer
		root := (&cli{&shell.Shell{Version: version}}).root()
		root.SetOut(&help)
		root.SetArgs(append(strings.Fields(cmd.CommandPath())[1:], "--help"))
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(help.String(), "\n  "+cmd.CommandPath()+" ") {
			t.Errorf("this is not the help of %s:\n%s", cmd.CommandPath(), help.String())
		}
		for line := range strings.Lines(help.String()) {
			line = strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", strings.Repeat(" ", 8))
			if n := utf8.RuneCountInString(line); n > most {
				t.Errorf("%s --help: a line of %d characters, at most %d: %s", cmd.CommandPath(), n, most, line)
			}
		}
	})
	if seen < 20 {
		t.Errorf("only %d commands were found", seen)
	}
}
