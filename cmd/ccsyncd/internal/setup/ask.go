package setup

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	xterm "golang.org/x/term"

	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

// asker asks a person for what no flag has told. Where nobody is at the terminal, a guess has to
// do.
type asker struct {
	*shell.Shell
	ctx   context.Context
	given func(flag string) bool
	asks  bool
	lines <-chan string

	listed string // the options that were shown last
}

// UnansweredError is a question that nobody was there to answer.
type UnansweredError struct{ flag, question string }

func (e *UnansweredError) Error() string {
	return fmt.Sprintf("--%s is required: %s. ccsyncd has no guess and cannot prompt without a terminal", e.flag, e.question)
}

func newAsker(ctx context.Context, sh *shell.Shell, given func(flag string) bool) *asker {
	a := &asker{Shell: sh, ctx: ctx, given: given}
	in, isFile := sh.In.(*os.File)
	if a.asks = isFile && xterm.IsTerminal(int(in.Fd())) && sh.Err.IsTerminal(); !a.asks {
		return a
	}
	lines := make(chan string)
	a.lines = lines
	go func() { // reads as long as the process lives: a read from a terminal cannot be called off
		defer close(lines)
		for s := bufio.NewScanner(sh.In); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return a
}

// text settles an answer that cannot be empty.
func (a *asker) text(answer *string, flag, question, guess string) error {
	for {
		if err := a.optional(answer, flag, question, guess); err != nil || *answer != "" {
			return err
		}
		if !a.asks {
			return &UnansweredError{flag, question}
		}
	}
}

// choose settles an answer that is one of a few.
func (a *asker) choose(answer *string, flag, question string, options []string, guess string) error {
	if all := strings.Join(options, ", "); a.asks && !a.given(flag) && all != a.listed {
		a.Err.Printf("choose from: %s\n", all)
		a.listed = all
	}
	for {
		if err := a.text(answer, flag, question, guess); err != nil {
			return err
		}
		if slices.Contains(options, *answer) {
			return nil
		}
		wrong := fmt.Errorf("no %s %q; choose from: %s", flag, *answer, strings.Join(options, ", "))
		if !a.asks || a.given(flag) {
			return &exit.ConfigError{Message: wrong.Error(), Hint: "set one of these as --" + flag}
		}
		a.Err.Printf("%v\n", wrong)
	}
}

// optional settles an answer that may be empty; "-" empties it where there is a guess.
func (a *asker) optional(answer *string, flag, question, guess string) error {
	if a.given(flag) {
		return nil
	}
	*answer = guess
	if !a.asks {
		return nil
	}
	if guess == "" {
		a.Err.Printf("%s: ", question)
	} else {
		a.Err.Printf("%s [%s]: ", question, guess)
	}
	select {
	case line, ok := <-a.lines:
		if !ok {
			return &UnansweredError{flag, question}
		}
		if line = strings.TrimSpace(line); line == "-" {
			*answer = ""
		} else if line != "" {
			*answer = line
		}
		return nil
	case <-a.ctx.Done():
		return fmt.Errorf("interrupted; nothing was written")
	}
}
