package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ccsyncd/cmd/ccsyncd/internal/shell"
)

const manPage = "docs/man/ccsyncd.1"

// The manual page is made from the help: every command, every flag.
func TestTheManPageIsThatOfTheCommands(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", manPage)
	root := (&cli{&shell.Shell{Version: version}}).root()
	fresh := renderManPage(root)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fresh, string(page)); diff != "" {
		t.Errorf("%s is stale, run make man (-want +got):\n%s", manPage, diff)
	}
	visitCommands(root, func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(string(page), `\fB`+roff("--"+f.Name)+`\fR`) {
				t.Errorf("%s lacks --%s of %s", manPage, f.Name, cmd.CommandPath())
			}
		})
	})
}

// manHead begins the page. It has neither date nor version, which would make it stale without a
// change. Words are not hyphenated, lines are as ragged as those of the help, and a sentence that
// ends with its line gets no second blank.
const manHead = `.\" Made from the help of the commands by make man. Do not edit.
.TH CCSYNCD 1 "" "ccsyncd" "User Commands"
.nh
.ad l
.ss 12 0
.SH NAME
ccsyncd \- %s
.SH SYNOPSIS
\fBccsyncd\fR [\fIoption\fR...]
.br
\fBccsyncd\fR \fIcommand\fR [\fIargument\fR...] [\fIoption\fR...]
.SH DESCRIPTION
`

// manTail is what no help text has.
const manTail = `.SH ENVIRONMENT
.TP
\fBCCSYNC_CONFIG\fR
Path of the configuration, unless \fB\-\-config\fR is given.
.TP
\fBCCSYNC_ENDPOINT\fR
Address of a sandbox. It replaces both [endpoints] of the configuration, and the state file by one of its own beside it.
.TP
\fBSTATE_DIRECTORY\fR
Folder of the state file where the configuration names none; systemd sets it.
.TP
\fBGOMEMLIMIT\fR
Memory from which on the garbage collector works harder, 32MiB unless set. It is no hard limit.
.TP
\fBNO_COLOR\fR
No colours, if it is not empty.
.PP
The configuration may name other variables to read secrets from.
.SH FILES
.TP
\fIccsync.toml\fR, \fI/etc/ccsync/ccsync.toml\fR
The configuration. That in the working directory comes first.
.TP
\fIccsync.db\fR
The state file: beside the configuration unless it says otherwise.
`

// renderManPage makes one page of a tree of commands. It renders text as roff itself: the generator
// that comes with cobra takes the help for Markdown, which it is not, and makes twenty pages.
func renderManPage(root *cobra.Command) string {
	root.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	description, exits, _ := strings.Cut(root.Long, "\n\nExit codes:\n")
	var p strings.Builder
	fmt.Fprintf(&p, manHead, roff(strings.ToLower(root.Short[:1])+root.Short[1:]))
	p.WriteString(manText(description))
	p.WriteString(".SH OPTIONS\nWithout a command:\n")
	p.WriteString(manFlags(root.LocalNonPersistentFlags()))
	p.WriteString(".PP\nWith every command:\n")
	p.WriteString(manFlags(root.PersistentFlags()) + manFlag(root.Flags().Lookup("help"), "what a command does, and its flags"))
	for _, group := range append(root.Groups(), &cobra.Group{Title: "Other commands:"}) {
		p.WriteString(".SH " + roff(strings.ToUpper(strings.TrimSuffix(group.Title, ":"))) + "\n")
		for _, cmd := range root.Commands() {
			if cmd.GroupID == group.ID {
				visitCommands(cmd, func(cmd *cobra.Command) { p.WriteString(manCommand(cmd)) })
			}
		}
	}
	p.WriteString(".SH EXIT STATUS\n" + manText(exits) + manTail)
	return p.String()
}

// manCommand is the part about one command.
func manCommand(cmd *cobra.Command) string {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	_, args, _ := strings.Cut(cmd.Use, " ")
	title := strings.TrimSpace(cmd.CommandPath() + " " + args)
	return ".SS " + roff(title) + "\n" + manText(text) + manFlags(cmd.LocalFlags())
}

// manFlags is a list of flags, but for --help, which every command has.
func manFlags(flags *pflag.FlagSet) string {
	var p strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		usage = strings.TrimPrefix(usage, value+": ")
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			usage += " (default: " + f.DefValue + ")"
		}
		p.WriteString(manFlag(f, usage))
	})
	return p.String()
}

func manFlag(f *pflag.Flag, usage string) string {
	var p strings.Builder
	p.WriteString(".TP\n")
	if f.Shorthand != "" {
		p.WriteString(`\fB` + roff("-"+f.Shorthand) + `\fR, `)
	}
	p.WriteString(`\fB` + roff("--"+f.Name) + `\fR`)
	if value, _ := pflag.UnquoteUsage(f); value != "" {
		p.WriteString(` \fI` + roff(value) + `\fR`)
	}
	return p.String() + "\n" + roff(usage) + "\n"
}

// listed is a line of a list in a help text: indented, two columns.
var listed = regexp.MustCompile(`^ +(\S.*?) {2,}(\S.*)$`)

// manText renders a help text: paragraphs, examples (indented by two blanks) and lists.
func manText(text string) string {
	var p strings.Builder
	for i, paragraph := range strings.Split(text, "\n\n") {
		lines, widest, example := strings.Split(paragraph, "\n"), 0, false
		for _, line := range lines {
			if item := listed.FindStringSubmatch(line); item != nil {
				widest = max(widest, len(item[1]))
			}
		}
		if i > 0 && !strings.HasPrefix(lines[0], " ") {
			p.WriteString(".PP\n")
		}
		for _, line := range lines {
			item := listed.FindStringSubmatch(line)
			indented := item == nil && strings.HasPrefix(line, " ")
			if indented && !example {
				p.WriteString(".PP\n.RS 4\n.nf\n")
				example = true
			}
			if item != nil {
				fmt.Fprintf(&p, ".TP %d\n\\fB%s\\fR\n%s\n", widest+2, roff(item[1]), roff(item[2]))
			} else {
				p.WriteString(roff(strings.TrimPrefix(line, "  ")) + "\n")
			}
		}
		if example {
			p.WriteString(".fi\n.RE\n")
		}
	}
	return p.String()
}

// roff escapes what troff would take for its own: what is printed can be copied into a shell.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
