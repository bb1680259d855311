package main

import (
	"context"
	"fmt"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/source"
	"ccsyncd/sync/contact"
)

// seedBatch is how many contacts are handed to the sandbox at a time.
const seedBatch = 1000

// trialList is where the contacts of a configuration without lists go: a contact on no list can't
// be updated.
const trialList = "App users"

// seedFromConfig makes a contact of each usable row of the configured source: its address alone, on
// the configured lists. Custom fields that no run would create are there, empty.
func (c *cli) seedFromConfig(ctx context.Context, server *sandbox.Server) (err error) {
	cfg, err := c.trialConfig()
	if err != nil {
		return err
	}
	db, err := source.Open(ctx, app.SourceConfig(cfg))
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "close the source", db.Close)
	makeFields(cfg, server)
	lists := cfg.Contacts.Lists
	if len(lists) == 0 {
		lists = []string{trialList}
	}
	seen, batch := map[string]bool{}, make([]sandbox.Contact, 0, seedBatch)
	for row, err := range db.Read(ctx).Rows() {
		if err != nil {
			return fmt.Errorf("read the source: %w", err)
		}
		norm, fault := contact.Normalise(row.Email)
		if fault != "" || seen[norm] {
			continue
		}
		seen[norm] = true
		if batch = append(batch, sandbox.Contact{Address: norm, Lists: lists}); len(batch) == seedBatch {
			server.Seed(batch...)
			batch = batch[:0]
		}
	}
	server.Seed(batch...)
	return nil
}

// trialConfig reads the configuration as for a run against a sandbox, which needs no application.
func (c *cli) trialConfig() (*config.Config, error) {
	path, err := config.Find(c.ConfigPath, c.Getenv)
	if err != nil {
		return nil, err
	}
	return config.Load(path, func(name string) string {
		if name == "CCSYNC_ENDPOINT" {
			return "http://127.0.0.1"
		}
		return c.Getenv(name)
	})
}

// makeFields makes the custom fields that the configuration maps and does not create.
func makeFields(cfg *config.Config, server *sandbox.Server) {
	for _, f := range cfg.Fields {
		if f.CustomField != "" && !f.Create {
			server.AddCustomField(f.CustomField, "string")
		}
	}
}
