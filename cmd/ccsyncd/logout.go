package main

import (
	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
)

func (c *cli) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Delete the stored tokens", Args: cobra.NoArgs,
		Long: "Delete the stored tokens, even if their state key is lost. The local copy\nof the contacts and the history remain.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.Config()
			if err != nil {
				return err
			}
			if err := app.LogOut(cmd.Context(), cfg); err != nil {
				return err
			}
			c.Out.Printf("tokens deleted here. Constant Contact documents no way to revoke them; they expire in time\n")
			c.Next("ccsyncd auth login")
			return nil
		},
	}
}
