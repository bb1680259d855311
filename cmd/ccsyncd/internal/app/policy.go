package app

import (
	"os"
	"strings"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// SourceConfig reads one column for each field, in their order.
func SourceConfig(cfg *config.Config) source.Config {
	s := cfg.Source
	columns := make([]string, len(cfg.Fields))
	for i, f := range cfg.Fields {
		columns[i] = f.Column
	}
	return source.Config{DSN: s.DSN.Reveal(), Driver: s.Driver, Table: s.Table, Where: s.Where, Query: s.Query, Email: s.Email,
		Key: s.Key, Columns: columns, Timeout: s.Timeout, Dir: cfg.Dir}
}

// home is what a state file belongs to; of the source only once it is open.
func (a *App) home() ccsync.Home {
	h := ccsync.Home{API: a.Config.Endpoints.API, Auth: a.Config.Endpoints.Auth, Machine: machineID(), Path: a.State.Path()}
	if a.Source != nil {
		h.Source = a.Source.Identity()
	}
	return h
}

// machineID names this machine: machine-id(5), else the host's name.
func machineID() string {
	if id, err := os.ReadFile("/etc/machine-id"); err == nil && len(strings.TrimSpace(string(id))) > 0 {
		return strings.TrimSpace(string(id))
	}
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return host
}

func Policy(cfg *config.Config) ccsync.Policy {
	fields := make([]ccsync.Field, len(cfg.Fields))
	for i, f := range cfg.Fields {
		fields[i] = ccsync.Field{Column: f.Column, CustomField: f.CustomField, Property: f.Property, Create: f.Create,
			Unique: f.Unique, Required: f.Required, Clear: f.OnEmpty == config.Clear}
	}
	return ccsync.Policy{
		Fields: fields, Lists: cfg.Contacts.Lists, Create: cfg.Contacts.Create,
		UpdateUnsubscribed: cfg.Contacts.Unsubscribed == config.Update, ClearOrphans: cfg.Contacts.Orphans == config.Clear,
		NextSnapshot: func(last time.Time) time.Time { return cfg.Schedule.Full.Next(last) },
		Drift:        cfg.Schedule.Drift, ActivityTimeout: cfg.Limits.ActivityTimeout, Keep: cfg.State.Keep,
	}
}
