package main

import (
	"github.com/spf13/cobra"
)

// commands are all commands but cobra's own, in the order of the help.
func (c *cli) commands() []*cobra.Command {
	return []*cobra.Command{
		c.initCommand(), c.authCommand(), c.checkCommand(), c.accountCommand(),
		c.pushCommand(),
		c.statusCommand(), c.problemsCommand(), c.runsCommand(), c.explainCommand(), c.forgetCommand(),
		c.sandboxCommand(), c.demoCommand(), c.versionCommand(),
	}
}
