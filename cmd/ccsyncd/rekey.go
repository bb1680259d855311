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

const rekeyHelp = `Encrypt the stored tokens with [state] key from the configuration.

To change the key, stop the daemon and put the new key into the configuration.
Keep the old key in a variable or file, and name it with --old-key. Never put a
key on the command line, where other users can read it.

Tokens that were stored without a key need no --old-key.`

const rekeyExamples = `  ccsyncd auth rekey --old-key env:OLD_KEY
  ccsyncd auth rekey --old-key secret:/run/secrets/old-key`

func (c *cli) rekeyCommand() *cobra.Command {
	var oldKey string
	cmd := &cobra.Command{
		Use: "rekey", Short: "Encrypt the stored tokens with another key", Long: rekeyHelp, Example: rekeyExamples, Args: cobra.NoArgs,
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
				return &exit.ConfigError{Message: "[state] key is not set", Hint: `create a key with "openssl rand -hex 32", and set it in the configuration, such as key = "env:CCSYNC_STATE_KEY"`}
			}
			return c.rekey(cmd.Context(), cfg, old)
		},
	}
	cmd.Flags().StringVar(&oldKey, "old-key", "", "where the current key is: `env:NAME|secret:/path`")
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
		return fmt.Errorf("the tokens are encrypted with the new key, but %w", err)
	}
	if err != nil {
		return fmt.Errorf("encrypt the tokens: %w", err)
	}
	if cfg.State.Key.IsSet() {
		c.Out.Printf("the tokens are encrypted with [state] key\n")
	} else {
		c.Out.Printf("the tokens are stored unencrypted: [state] key is not set\n")
	}
	c.Next("ccsyncd auth status, after restarting the daemon if it is running")
	return nil
}

// readKey takes a key from where a person put it.
func (c *cli) readKey(place, dir string) ([]byte, error) {
	if !strings.HasPrefix(place, "env:") && !strings.HasPrefix(place, "secret:") {
		return nil, errors.New("--old-key takes env:NAME or secret:/path instead of the key itself")
	}
	text, err := config.Follow(place, dir, c.Getenv)
	if err != nil {
		return nil, fmt.Errorf("--old-key %w", err)
	}
	key := config.State{Key: config.NewSecret(text)}.KeyBytes()
	if key == nil {
		return nil, errors.New("--old-key: found no 32 bytes as hex or base64")
	}
	return key, nil
}
