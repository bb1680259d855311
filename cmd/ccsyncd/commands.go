package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// commands are all commands but cobra's own, in the order of the help.
func (c *cli) commands() []*cobra.Command {
	return []*cobra.Command{
		c.initCommand(), c.authCommand(), c.checkCommand(), c.accountCommand(),
		c.pushCommand(),
		c.statusCommand(), c.runsCommand(), c.explainCommand(), c.forgetCommand(),
		c.sandboxCommand(), c.demoCommand(), c.versionCommand(),
	}
}

// addOutput gives a command that only looks the flag --output.
func addOutput(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVar(output, "output", outputText, "`FORM`: text or json")
}

func checkOutput(cmd *cobra.Command, output string) error {
	if output != outputText && output != outputJSON {
		return misused(cmd, fmt.Errorf("--output is text or json, not %q", output))
	}
	return nil
}
