package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

const forgetHelp = `Erase an address from the local copy of the contacts, the history, the problems
and the journal. Then list the places that still have it: a row of the app's
table, the contact in Constant Contact. Delete it there first: a contact that
still exists comes back with the next refresh.

Constant Contact keeps deleted contacts and shows them to ccsyncd. Their
addresses come back with each full reading of the contacts until Constant
Contact erases them.`

func (c *cli) forgetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "forget EMAIL", Short: "Erase one address from all local data", Long: forgetHelp, Example: "  ccsyncd forget ann@example.com", GroupID: groupLook, Args: address,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a, err := app.OpenAll(cmd.Context(), c.Shell)
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.Close)
			return c.forget(cmd.Context(), a, args[0])
		},
	}
}

// address takes one email address. A key would erase nothing. Part of an address would be erased
// from texts that name other people.
func address(cmd *cobra.Command, given []string) error {
	if err := cobra.ExactArgs(1)(cmd, given); err != nil {
		return err
	}
	name := strings.TrimSpace(given[0])
	_, fault := contact.Normalise(name)
	switch {
	case fault == "":
		return nil
	case strings.HasPrefix(name, "key:"):
		return fmt.Errorf("%q is a key; `ccsyncd explain %s` shows the address", name, name)
	}
	return fmt.Errorf("%q is not an email address: %s", name, fault)
}

// forget looks first, since afterwards nothing here knows the contact any more. An app's database
// that is away does not hold up an erasure.
func (c *cli) forget(ctx context.Context, a *app.App, address string) error {
	e := a.Engine()
	x, unread := e.Explain(ctx, address)
	open, err := a.State.Oversteps(ctx)
	if err != nil {
		return err
	}
	erasure, err := e.Forget(ctx, address)
	if err != nil && !errors.Is(err, state.ErrRemnants) {
		return err
	}
	left := err
	c.Out.Printf("removed: %s with this address\n", kit.Plural(erasure.Rows, "entry", "entries"))
	for _, o := range open {
		if o.Norm == contact.Norm(address) {
			c.Out.Printf("check this contact in Constant Contact now, because ccsyncd no longer remembers it: %s\n", o.Detail)
		}
	}
	if erasure.Kept {
		c.Out.Printf("kept: a keyed hash of the address and of the contact's id, and the lists that it was on or left; they keep ccsyncd from putting the contact back on a list\n")
	}
	if erasure.Pending {
		c.Out.Printf("kept until a run has read the result of a running import with this user: a keyed hash of the address\n")
	}
	if unread != nil {
		c.Out.Printf("the app's table could not be read and may still have the address: %v\n", unread)
		c.Next("ccsyncd forget EMAIL again, when the app's database can be read")
		return left
	}
	copies, err := a.State.Copies()
	if err != nil {
		return err
	}
	for _, path := range copies {
		c.Out.Printf("still there: the backup copy %s from an upgrade of ccsyncd; delete it\n", path)
	}
	trial := a.Config.SandboxState()
	_, missing := os.Stat(trial)
	if missing == nil {
		c.Out.Printf("not looked at: the sandbox's state file %s; delete it if it has copies of your users\n", trial)
	}
	deletable, deleted := c.stillThere(x), c.staysDeleted(x)
	if deletable || len(copies) > 0 || missing == nil {
		c.Next("ccsyncd forget EMAIL again, after deleting it there")
		return left
	}
	if left != nil {
		return left
	}
	if deleted {
		c.Next("ccsyncd status")
		return nil
	}
	if unsure, err := a.State.ReadingWanted(ctx); err != nil {
		return err
	} else if unsure != "" {
		c.Out.Printf("Constant Contact may still have the contact; the next run reads all contacts again\n")
		c.Next("ccsyncd --dry-run")
		return nil
	}
	c.Out.Printf("no other known place has it\n")
	c.Next("ccsyncd status")
	return nil
}

// stillThere says where else the address can be deleted.
func (c *cli) stillThere(x *ccsync.Explanation) (any bool) {
	for _, row := range x.Rows {
		c.Out.Printf("still there: a row in the app's table%s\n", keyIn(row.Key))
	}
	if x.MoreRows > 0 {
		c.Out.Printf("%s\n", report.MoreRows(x))
	}
	any = len(x.Rows) > 0
	for _, contact := range x.Contacts {
		if !contact.Deleted {
			c.Out.Printf("still there: the contact %s in Constant Contact\n", contact.ID)
			any = true
		}
	}
	return any
}

// staysDeleted says which contacts were deleted and come back all the same: ccsyncd has to know
// them, because an import would revive them.
func (c *cli) staysDeleted(x *ccsync.Explanation) (any bool) {
	for _, contact := range x.Contacts {
		if contact.Deleted {
			c.Out.Printf("Constant Contact keeps the deleted contact %s and shows it to ccsyncd; the address comes back with each full reading of the contacts until Constant Contact erases it\n", contact.ID)
			any = true
		}
	}
	return any
}

func keyIn(key string) string {
	if key == "" {
		return ""
	}
	return ", key " + key
}
