package shell

import (
	"fmt"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/exit"
)

// Misused makes an error wrong usage of a command.
func Misused(cmd *cobra.Command, err error) error {
	return &exit.UsageError{Command: cmd.CommandPath(), Err: err}
}

// AddOutput gives a command that only looks the flag --output.
func AddOutput(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVar(output, "output", OutputText, "output format: `text|json`")
}

// CheckOutput refuses any other form.
func CheckOutput(cmd *cobra.Command, output string) error {
	if output != OutputText && output != OutputJSON {
		return Misused(cmd, fmt.Errorf("--output must be text or json, not %q", output))
	}
	return nil
}

// Values of --output.
const (
	OutputText = "text"
	OutputJSON = "json"
	OutputCSV  = "csv"
)
