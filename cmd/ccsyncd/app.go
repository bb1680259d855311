package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/oauthdev"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// app is an opened installation. Nothing of it has asked anybody anything yet: servers and databases are met when
// a command needs them.
type app struct {
	cfg     *config.Config
	log     *slog.Logger
	version string // of the program
	state   *state.DB
	quota   *state.Quota
	wire    http.RoundTripper // the network; nil: the real one
	door    *ccapi.Transport  // of every request
	auth    *oauthdev.Client
	read    *ccapi.Reader
	source  *source.DB // nil until openSource

	observers []func(*http.Request, *http.Response, error) // of every answer; set before the first request
	closers   []func() error                               // of all but the state database, which a reload keeps
}

// open opens what every command needs: configuration, state database and the way to Constant Contact.
func (c *cli) open(ctx context.Context) (*app, error) {
	cfg, err := c.Config()
	if err != nil {
		return nil, err
	}
	a := &app{cfg: cfg, log: c.Logger(cfg.Log), version: c.Version, wire: c.Wire}
	if a.state, err = state.Open(ctx, cfg.State.Path, cfg.State.KeyBytes()); err != nil {
		return nil, err
	}
	a.connect()
	return a, nil
}

// softMemory is where the garbage collector of a program that runs the engine begins to work harder rather than let memory grow,
// in bytes. Of the first sync of a million users half of it is in use at once. GOMEMLIMIT sets another.
const softMemory = 32 << 20

// openAll opens the source too, for a run.
func (c *cli) openAll(ctx context.Context) (*app, error) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	a, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.openSource(ctx); err != nil {
		return nil, joinClose(err, a)
	}
	return a, nil
}

// connect makes the clients, but for a login that is there already. All of their requests go through one door, which counts and paces them.
func (a *app) connect() {
	limits := state.Limits{PerSecond: a.cfg.Limits.PerSecond, PerDay: a.cfg.Limits.PerDay - a.cfg.Limits.Reserve}
	a.quota = a.state.Quota(limits)
	a.door = &ccapi.Transport{Base: a.wire, Quota: a.quota, PerSecond: limits.PerSecond, Observe: a.observe}
	client := &http.Client{Transport: a.door}
	if a.auth == nil {
		a.auth = oauthdev.New(oauthdev.Config{ClientID: a.cfg.Auth.ClientID, Scopes: a.cfg.Auth.Scopes,
			AuthURL: a.cfg.Endpoints.Auth, HTTP: client, Now: a.state.Now}, a.state.Vault(loginVault))
	}
	a.read = ccapi.NewReader(a.cfg.Endpoints.API, client, a.auth)
	a.closers = append(a.closers, func() error { a.door.CloseIdleConnections(); return nil })
}

// observe learns the server's time from every answer.
func (a *app) observe(r *http.Request, answer *http.Response, err error) {
	if err == nil {
		if date, noDate := http.ParseTime(answer.Header.Get("Date")); noDate == nil {
			if err := a.state.Saw(context.WithoutCancel(r.Context()), date); err != nil {
				a.log.Debug("the server's time was not kept", "error", err)
			}
		}
	}
	if err == nil {
		a.logRefusal(r, answer)
	}
	for _, observe := range a.observers {
		observe(r, answer, err)
	}
}

// logRefusal notes an answer that is no success, with the names under which Constant Contact's support finds it. What passes by itself
// or is decided on elsewhere is for who looks closely.
func (a *app) logRefusal(r *http.Request, answer *http.Response) {
	if answer.StatusCode < http.StatusBadRequest {
		return
	}
	level := slog.LevelDebug
	if answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusRequestEntityTooLarge {
		level = slog.LevelWarn
	}
	a.log.Log(r.Context(), level, "request refused", "method", r.Method, "path", r.URL.Path, "status", answer.StatusCode, "ids", ccapi.RequestIDs(answer.Header))
}

// openSource prepares to read the app's database.
func (a *app) openSource(ctx context.Context) (err error) {
	if a.source, err = source.Open(ctx, sourceConfig(a.cfg)); err != nil {
		return err
	}
	a.closers = append(a.closers, a.source.Close)
	return nil
}

// release closes, in reverse, what was opened beside the state database.
func (a *app) release() error {
	var all error
	for _, closer := range slices.Backward(a.closers) {
		all = errors.Join(all, closer())
	}
	return all
}

// close closes everything.
func (a *app) close() error { return errors.Join(a.release(), a.state.Close()) }

// joinClose closes what an error made useless.
func joinClose(err error, a *app) error { return errors.Join(err, a.close()) }

// sourceConfig reads one column for each field, in their order.
func sourceConfig(cfg *config.Config) source.Config {
	s := cfg.Source
	columns := make([]string, len(cfg.Fields))
	for i, f := range cfg.Fields {
		columns[i] = f.Column
	}
	return source.Config{DSN: s.DSN.Reveal(), Driver: s.Driver, Table: s.Table, Where: s.Where, Query: s.Query, Email: s.Email,
		Key: s.Key, Columns: columns, Timeout: s.Timeout, Dir: cfg.Dir}
}

// runLock is held by whoever may push: a daemon for its life, other commands for their run.
const runLock = "run"

// lockRun takes the run lock. The error of a lock that is held names the database, the process and its host.
func (a *app) lockRun(ctx context.Context) (held context.Context, release func(), err error) {
	held, release, err = a.state.Lock(ctx, runLock)
	if err != nil {
		return nil, nil, fmt.Errorf("the state database %s is in use: %w", a.cfg.State.Path, err)
	}
	return held, release, nil
}

// engine builds the engine of this configuration, without a Writer: a dry run.
func (a *app) engine() *ccsync.Engine {
	return &ccsync.Engine{
		State: a.state, Quota: a.quota, Users: a.source.Read, Unchanged: a.source.Unchanged, Read: a.read,
		Scratch: filepath.Dir(a.state.Path()), Home: a.home(), Policy: policy(a.cfg), Guard: ccsync.Guard(a.cfg.Guard),
		Version: a.version, Log: a.log, ExitCode: exit.OfReport, Waited: a.door.Waited, LookOnly: a.lookOnly,
	}
}

// writingEngine is an engine that may push. The run lock must be held.
func (a *app) writingEngine() *ccsync.Engine {
	e := a.engine()
	e.Write = ccapi.NewWriter(a.read)
	return e
}

// lookOnly is a Reader that spends no refresh token, nil when it could not read.
func (a *app) lookOnly(ctx context.Context) *ccapi.Reader {
	tokens, ok := a.auth.Unrenewed(ctx)
	if !ok {
		return nil
	}
	return ccapi.NewReader(a.cfg.Endpoints.API, &http.Client{Transport: a.door}, tokens)
}

// home is what a state database belongs to; of the source only once it is open.
func (a *app) home() ccsync.Home {
	h := ccsync.Home{API: a.cfg.Endpoints.API, Auth: a.cfg.Endpoints.Auth, Machine: machineID(), Path: a.state.Path()}
	if a.source != nil {
		h.Source = a.source.Identity()
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

func policy(cfg *config.Config) ccsync.Policy {
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

// loginVault is the name under which the state database keeps the tokens.
const loginVault = "login"
