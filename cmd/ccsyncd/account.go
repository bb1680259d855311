package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/setup"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

func (c *cli) accountCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "account", Short: "List the account's fields and lists, ready for ccsync.toml", GroupID: groupSetUp, Args: cobra.NoArgs,
		Long: "List the account's name, custom fields, lists and contact counts, as TOML\nfor ccsync.toml.",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			a, err := app.Open(cmd.Context(), c.Shell)
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.Close)
			has, err := readInventory(cmd.Context(), a)
			if err != nil {
				return err
			}
			if output == shell.OutputJSON {
				return c.Out.JSON(has)
			}
			c.printInventory(has)
			c.Next("ccsyncd check, after copying what you need into ccsync.toml")
			return nil
		},
	}
	shell.AddOutput(cmd, &output)
	return cmd
}

// inventory is what the account has; `account --output json` prints it.
type inventory struct {
	Schema  int            `json:"schema"` // 1
	Account app.Account    `json:"account"`
	Counts  *contactCounts `json:"contacts,omitempty"` // absent where the account does not tell
	Fields  []accountField `json:"custom_fields"`
	Lists   []accountList  `json:"lists"`
}

type contactCounts struct {
	Total        int `json:"total"`
	Explicit     int `json:"explicit"`
	Implicit     int `json:"implicit"`
	Pending      int `json:"pending"`
	Unsubscribed int `json:"unsubscribed"`
}

type accountField struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Label string `json:"label"`
	Type  string `json:"type"`
}

type accountList struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Members int    `json:"members"`
}

func readInventory(ctx context.Context, a *app.App) (*inventory, error) {
	has := &inventory{Schema: 1, Fields: []accountField{}, Lists: []accountList{}}
	who, err := a.Reader.Account(ctx)
	if err != nil && !app.IsUntold(err) {
		return nil, err
	}
	has.Account = app.Account{ID: who.ID, Name: who.Name}
	counts, err := a.Reader.Counts(ctx)
	if err != nil && !app.IsUntold(err) {
		return nil, err
	}
	if err == nil {
		has.Counts = &contactCounts{counts.Total, counts.Explicit, counts.Implicit, counts.Pending, counts.Unsubscribed}
	}
	fields, err := a.Reader.CustomFields(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range fields {
		has.Fields = append(has.Fields, accountField{f.ID, f.Name, f.Label, f.Type})
	}
	lists, err := a.Reader.Lists(ctx)
	if err == nil {
		err = ccsync.NameLists(ctx, a.State, lists)
	}
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		has.Lists = append(has.Lists, accountList{l.ID, l.Name, l.Members})
	}
	return has, nil
}

func (c *cli) printInventory(has *inventory) {
	p := c.Out
	p.Printf("# %s\n", cmp.Or(has.Account.String(), "the name of this account is not available (scope account_read)"))
	if n := has.Counts; n != nil {
		p.Printf("# %s: %s explicit, %s implicit, %s pending, %s unsubscribed\n", kit.Plural(n.Total, "contact", "contacts"),
			kit.Count(n.Explicit), kit.Count(n.Implicit), kit.Count(n.Pending), kit.Count(n.Unsubscribed))
	}
	p.Printf("\n# Custom fields. Keep the fields that your table fills, and set column to the column of your table.\n")
	if len(has.Fields) == 0 {
		p.Printf("# None yet; with create = true a run creates the field.\n")
	}
	for _, f := range has.Fields {
		p.Printf("[[field]]\ncolumn = %s\ncustom_field = %s  # %s, type %s\n\n", setup.TOMLString(f.Name), setup.TOMLString(f.Name), f.Label, f.Type)
	}
	p.Printf("# Lists. A contact that is sent joins those in [contacts] lists.\n# [contacts]\n")
	if len(has.Lists) == 0 {
		p.Printf("# None.\n")
	}
	for _, l := range has.Lists {
		p.Printf("# lists = [%s]  # %s, id %s\n", setup.TOMLString(l.Name), kit.Plural(l.Members, "member", "members"), l.ID)
	}
}
