package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ccsyncd/cmd/ccsyncd/internal/app"
)

// completionHelp is how to use the script of each shell. cobra has texts of its own, in Markdown
// and wider than a terminal.
var completionHelp = map[string]string{
	"completion": `Generate a script that completes the commands, flags and run numbers of ccsyncd.
The help of each shell says where the script goes.`,

	"bash": `Generate the script for bash. It needs the package bash-completion.

For this shell:

  source <(ccsyncd completion bash)

For every new shell, as root:

  ccsyncd completion bash > /etc/bash_completion.d/ccsyncd`,

	"zsh": `Generate the script for zsh. Completion must be enabled once:

  echo "autoload -U compinit; compinit" >> ~/.zshrc

For this shell:

  source <(ccsyncd completion zsh)

For every new shell:

  ccsyncd completion zsh > "${fpath[1]}/_ccsyncd"`,

	"fish": `Generate the script for fish.

For this shell:

  ccsyncd completion fish | source

For every new shell:

  ccsyncd completion fish > ~/.config/fish/completions/ccsyncd.fish`,

	"powershell": `Generate the script for PowerShell.

For this shell:

  ccsyncd completion powershell | Out-String | Invoke-Expression

For every new shell, put that line into the profile.`,
}

// describeCompletion gives cobra's completion commands our words.
func describeCompletion(root *cobra.Command) {
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return // there is none in this tree
	}
	completion.Short, completion.Long = "Generate completion for a shell", completionHelp["completion"]
	for _, shell := range completion.Commands() {
		shell.Short, shell.Long = "Generate the script for "+shell.Name(), completionHelp[shell.Name()]
	}
}

// completeValues lets a shell complete the values of each flag whose usage lists them, as in
// `text|json`.
func completeValues(cmd *cobra.Command) {
	complete := func(f *pflag.Flag) {
		list, _ := pflag.UnquoteUsage(f)
		if !strings.Contains(list, "|") || strings.Contains(list, ":") {
			return
		}
		// fails for a flag that has one
		_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(strings.Split(list, "|"), cobra.ShellCompDirectiveNoFileComp))
	}
	cmd.NonInheritedFlags().VisitAll(complete)
	for _, sub := range cmd.Commands() {
		completeValues(sub)
	}
}

// completeRuns lets a shell complete the numbers of recent runs. It never creates a state file.
func (c *cli) completeRuns(cmd *cobra.Command, given []string, _ string) (numbers []cobra.Completion, _ cobra.ShellCompDirective) {
	cfg, err := c.Config()
	if err != nil || len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if _, err := os.Stat(cfg.State.Path); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	a, err := app.Open(cmd.Context(), c.Shell)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer a.Close()
	const recent = 20
	runs, _ := a.State.Runs(cmd.Context(), recent) // without them nothing is completed
	for _, r := range runs {
		numbers = append(numbers, cobra.CompletionWithDesc(strconv.FormatInt(r.ID, 10), r.Outcome))
	}
	return numbers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
