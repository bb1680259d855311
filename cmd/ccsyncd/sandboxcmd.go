package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/internal/kit"
)

const sandboxHelp = `Run a local Constant Contact for trials and tests: the same endpoints, the same
limits, and a small web page to look around and approve device codes.
Nothing leaves this machine.

To use the sandbox, set $CCSYNC_ENDPOINT. It replaces both [endpoints], and
ccsyncd uses a separate state file next to the real one. With
--contacts-from-config, the first dry run shows your own users. --contacts N
invents contacts.`

const sandboxExamples = `  ccsyncd sandbox --contacts-from-config &
  export CCSYNC_ENDPOINT=http://127.0.0.1:8585
  ccsyncd auth login`

// sandboxFlags are those of the sandbox.
type sandboxFlags struct {
	listen      string
	contactsCSV string
	fromConfig  bool
	state       string
	faults      string
	options     sandbox.Options
}

func (c *cli) sandboxCommand() *cobra.Command {
	var f sandboxFlags
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Run a local Constant Contact for trials and tests", Long: sandboxHelp, Example: sandboxExamples, GroupID: groupTry, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.options.Contacts < 0 {
				return shell.Misused(cmd, errors.New("--contacts must be 0 or more"))
			}
			if f.fromConfig && !onLoopback(f.listen) {
				return shell.Misused(cmd, errors.New("--contacts-from-config shows your users' addresses to anyone who can reach the sandbox; use --listen 127.0.0.1:8585"))
			}
			return c.sandbox(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8585", "listen on `ADDR`")
	flags.IntVar(&f.options.Contacts, "contacts", 0, "start with `N` invented contacts")
	flags.StringVar(&f.contactsCSV, "contacts-csv", "", "start with the contacts of a CSV `FILE`")
	flags.BoolVar(&f.fromConfig, "contacts-from-config", false, "start with a contact for each usable row of your table, without values")
	flags.StringSliceVar(&f.options.Hosts, "host", nil, "also accept requests for this host `NAME`")
	flags.StringVar(&f.state, "state", "", "keep the account in `FILE`; reuse the file if it exists")
	flags.StringVar(&f.faults, "faults", "", "inject the faults in a JSON `FILE`, or in JSON given here")
	flags.BoolVar(&f.options.Approve, "approve", false, "approve device codes at once")
	flags.BoolVar(&f.options.Unlimited, "unlimited", false, "no rate limit, no daily quota; bulk activities of any size take a second")
	flags.StringVar(&f.options.ClientID, "client-id", "", "accept only the client_id `ID` (default: any)")
	return cmd
}

// onLoopback tells whether only this machine reaches an address to listen on.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && kit.IsLoopback(host)
}

func (c *cli) sandbox(ctx context.Context, f sandboxFlags) (err error) {
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	server, err := c.sandboxServer(ctx, f)
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "keep the sandbox's account", server.Flush)
	base := "http://" + listener.Addr().String()
	c.Out.Printf("sandbox   %s (open it to look around and to approve codes)\n", base)
	c.Out.Printf("contacts  %s\n", kit.Count(server.Status().Contacts))
	c.Out.Printf("use it    export CCSYNC_ENDPOINT=%s\n", base)
	c.Next("ccsyncd auth login, in another terminal")
	return kit.Serve(ctx, listener, server)
}

// sandboxServer makes the sandbox that the flags describe.
func (c *cli) sandboxServer(ctx context.Context, f sandboxFlags) (*sandbox.Server, error) {
	f.options.Switches.ExportProductWords = true // what an account's exports most likely have
	server := sandbox.New(f.options)
	if f.fromConfig {
		if err := c.seedFromConfig(ctx, server); err != nil {
			return nil, err
		}
	}
	if f.contactsCSV != "" {
		if err := withFile(f.contactsCSV, func(file *os.File) error { _, err := server.SeedCSV(file); return err }); err != nil {
			return nil, err
		}
	}
	if f.state != "" {
		if err := server.Persist(f.state); err != nil {
			return nil, err
		}
	}
	inject := func(r io.Reader) error {
		faults, err := sandbox.ParseFaults(r)
		for _, fault := range faults {
			server.Fault(fault)
		}
		return err
	}
	switch text := strings.TrimSpace(f.faults); {
	case text == "":
		return server, nil
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		return server, inject(strings.NewReader(text))
	}
	return server, withFile(f.faults, func(file *os.File) error { return inject(file) })
}

func withFile(path string, read func(*os.File) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := read(file); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
