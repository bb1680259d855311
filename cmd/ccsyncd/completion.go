package main

import "github.com/spf13/cobra"

// completionHelp is how to use the script of each shell. cobra has texts of its own, in Markdown and wider than a
// terminal.
var completionHelp = map[string]string{
	"completion": `Prints a script that lets a shell complete the commands and flags of ccsyncd.
The help of each shell says where the script goes.`,

	"bash": `Prints the script for bash. It needs the package bash-completion.

For this shell:

  source <(ccsyncd completion bash)

For every new one, as root:

  ccsyncd completion bash > /etc/bash_completion.d/ccsyncd`,

	"zsh": `Prints the script for zsh. Completion has to be switched on, once:

  echo "autoload -U compinit; compinit" >> ~/.zshrc

For this shell:

  source <(ccsyncd completion zsh)

For every new one:

  ccsyncd completion zsh > "${fpath[1]}/_ccsyncd"`,

	"fish": `Prints the script for fish.

For this shell:

  ccsyncd completion fish | source

For every new one:

  ccsyncd completion fish > ~/.config/fish/completions/ccsyncd.fish`,

	"powershell": `Prints the script for PowerShell.

For this shell:

  ccsyncd completion powershell | Out-String | Invoke-Expression

For every new one, put that line into the profile.`,
}

// describeCompletion gives cobra's completion commands our words.
func describeCompletion(root *cobra.Command) {
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return // there is none in this tree
	}
	completion.Short, completion.Long = "Let a shell complete commands and flags", completionHelp["completion"]
	for _, shell := range completion.Commands() {
		shell.Short, shell.Long = "The script for "+shell.Name(), completionHelp[shell.Name()]
	}
}
