package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/sync/state"
)

const rekeyHelp = `Encrypts the stored tokens with the key of [state] key in the configuration.

To change the key: stop the daemon, put the new key into the configuration, keep
the old one in a variable or file, and name that place (the key itself does not
belong on a command line, where others can read it):

  ccsyncd auth rekey --old-key env:OLD_KEY
  ccsyncd auth rekey --old-key secret:/run/secrets/old-key

Tokens that were stored before there was a key need no --old-key.`

func (c *cli) rekeyCommand() *cobra.Command {
	var oldKey string
	cmd := &cobra.Command{
		Use: "rekey", Short: "Encrypt the tokens anew, with another key", Long: rekeyHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.Config()
			if err != nil {
				return err
			}
			old := cfg.State.KeyBytes()
			if cmd.Flags().Changed("old-key") {
				if old, err = c.readKey(oldKey, cfg.Dir); err != nil {
					return shell.Misused(cmd, err)
				}
			} else if old == nil {
				return &exit.ConfigError{Message: "there is no [state] key to encrypt with", Hint: `make one with "openssl rand -hex 32" and name it in the configuration: key = "env:CCSYNC_STATE_KEY"`}
			}
			return c.rekey(cmd.Context(), cfg, old)
		},
	}
	cmd.Flags().StringVar(&oldKey, "old-key", "", "`PLACE` of the key that the tokens are encrypted with now: env:NAME or secret:/path")
	return cmd
}

func (c *cli) rekey(ctx context.Context, cfg *config.Config, old []byte) (err error) {
	db, err := state.Open(ctx, cfg.State.Path, old)
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "close", db.Close)
	err = db.Rekey(ctx, cfg.State.KeyBytes())
	if errors.Is(err, state.ErrRemnants) {
		return fmt.Errorf("the tokens are encrypted anew: %w", err)
	}
	if err != nil {
		return fmt.Errorf("encrypt the tokens anew: %w", err)
	}
	if cfg.State.Key.IsSet() {
		c.Out.Printf("the tokens are encrypted with [state] key\n")
	} else {
		c.Out.Printf("the tokens are stored in the clear, since the configuration has no [state] key\n")
	}
	c.Next("restart the daemon if one runs, then ccsyncd auth status")
	return nil
}

// readKey takes a key from where a person put it.
func (c *cli) readKey(place, dir string) ([]byte, error) {
	if !strings.HasPrefix(place, "env:") && !strings.HasPrefix(place, "secret:") {
		return nil, errors.New("--old-key takes env:NAME or secret:/path, never the key itself")
	}
	text, err := config.Follow(place, dir, c.Getenv)
	if err != nil {
		return nil, fmt.Errorf("--old-key %w", err)
	}
	key := config.State{Key: config.NewSecret(text)}.KeyBytes()
	if key == nil {
		return nil, errors.New("--old-key: there are no 32 bytes as hex or base64 at that place")
	}
	return key, nil
}
