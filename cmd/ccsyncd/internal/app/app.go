// Package app opens and closes an installation: configuration, state file, login, source, the
// clients of Constant Contact and the engine. It holds the locks, and knows whose account it is.
package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/oauthdev"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// App is an opened installation. Nothing of it has asked anybody anything yet: servers and
// databases are met when a command needs them. Its methods may be called concurrently once it is
// open.
type App struct {
	Config  *config.Config
	Log     *slog.Logger
	Version string // of the program
	State   *state.DB
	Quota   *state.Quota
	Wire    http.RoundTripper // the network; nil: the real one
	random  func() float64    // in [0, 1), for waits; nil: math/rand/v2's
	door    *ccapi.Transport  // of every request
	Auth    *oauthdev.Client
	Reader  *ccapi.Reader
	Source  *source.DB // nil until OpenSource

	// of every answer; set before the first request
	observers []func(*http.Request, *http.Response, error)
	// of all but the state file, which a reload keeps
	closers []func() error
}

// softMemory is where the garbage collector of a program that runs the engine begins to work harder
// rather than let memory grow, in bytes. Of the first sync of a million users half of it is in use
// at once. GOMEMLIMIT sets another.
const softMemory = 32 << 20

// New makes an installation of a configuration. Nothing is open yet.
func New(sh *shell.Shell, cfg *config.Config) *App {
	return &App{Config: cfg, Log: sh.Logger(cfg.Log), Version: sh.Version, Wire: sh.Wire, random: sh.Random}
}

// Open opens what every command needs: configuration, state file and the way to Constant
// Contact.
func Open(ctx context.Context, sh *shell.Shell) (*App, error) {
	cfg, err := sh.Config()
	if err != nil {
		return nil, err
	}
	a := New(sh, cfg)
	if err := a.OpenState(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// OpenAll opens the source too, for a run.
func OpenAll(ctx context.Context, sh *shell.Shell) (*App, error) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	a, err := Open(ctx, sh)
	if err != nil {
		return nil, err
	}
	if err := a.OpenSource(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// OpenState opens the state file, created if it does not exist, and makes the clients of
// Constant Contact.
func (a *App) OpenState(ctx context.Context) (err error) {
	if a.State, err = state.Open(ctx, a.Config.State.Path, a.Config.State.KeyBytes()); err != nil {
		return err
	}
	a.connect()
	return nil
}

// connect makes the clients, but for a login that is there already. All of their requests go
// through one door, which counts and paces them.
func (a *App) connect() {
	limits := state.Limits{PerSecond: a.Config.Limits.PerSecond, PerDay: a.Config.Limits.PerDay - a.Config.Limits.Reserve, Random: a.random}
	a.Quota = a.State.Quota(limits)
	a.door = &ccapi.Transport{Base: a.Wire, Quota: a.Quota, PerSecond: limits.PerSecond, Observe: a.observe}
	client := &http.Client{Transport: a.door}
	if a.Auth == nil {
		a.Auth = oauthdev.New(oauthdev.Config{ClientID: a.Config.Auth.ClientID, Scopes: a.Config.Auth.Scopes,
			AuthURL: a.Config.Endpoints.Auth, HTTP: client, Now: a.State.Now, Random: a.random}, a.State.Vault(loginVault))
	}
	a.Reader = ccapi.NewReader(a.Config.Endpoints.API, client, &boundTokens{Tokens: a.Auth, app: a})
	a.Reader.Random = a.random
	a.closers = append(a.closers, func() error { a.door.CloseIdleConnections(); return nil })
}

// OpenSource prepares to read the app's database.
func (a *App) OpenSource(ctx context.Context) (err error) {
	if a.Source, err = source.Open(ctx, SourceConfig(a.Config)); err != nil {
		return err
	}
	a.closers = append(a.closers, a.Source.Close)
	return nil
}

// Release closes, in reverse, what was opened beside the state file.
func (a *App) Release() error {
	var all error
	for _, closer := range slices.Backward(a.closers) {
		all = errors.Join(all, closer())
	}
	return all
}

// Close closes everything.
func (a *App) Close() error {
	err := a.Release()
	if a.State != nil {
		err = errors.Join(err, a.State.Close())
	}
	return err
}

// runLock is held by whoever may push: a daemon for its life, other commands for their run.
const runLock = "run"

// LockRun takes the run lock. The error of a lock that is held names the database, the process and
// its host.
func (a *App) LockRun(ctx context.Context) (held context.Context, release func(), err error) {
	held, release, err = a.State.Lock(ctx, runLock)
	if err != nil {
		return nil, nil, fmt.Errorf("the state file %s is in use: %w", a.Config.State.Path, err)
	}
	return held, release, nil
}

// Holder is the process that holds the run lock, and whether it still runs.
func (a *App) Holder() (who state.HeldError, alive bool) {
	who = a.State.Holder(runLock)
	return who, isAlive(who)
}

// Engine builds the engine of this configuration, without a Writer: a dry run.
func (a *App) Engine() *ccsync.Engine {
	return &ccsync.Engine{
		State: a.State, Quota: a.Quota, Users: a.Source.Read, Unchanged: a.Source.Unchanged, Read: a.Reader,
		Scratch: filepath.Dir(a.State.Path()), Home: a.home(), Policy: Policy(a.Config), Guard: ccsync.Guard(a.Config.Guard),
		Version: a.Version, Log: a.Log, ExitCode: exit.OfReport, Waited: a.door.Waited, LookOnly: a.lookOnly,
	}
}

// Fingerprint tells configurations apart by what a run makes of them: where users are read, what is
// mapped, who is sent, where it is sent, what is refused, and how long and how much a run may ask.
// It holds no secret.
func (a *App) Fingerprint() string {
	c := a.Config
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%+v\n%+v\n%+v\n%+v\n%q\n%q\n%+v", a.home().Source, c.Source, c.Fields, c.Contacts, c.Guard,
		c.Endpoints, c.Auth.ClientID, c.Limits))
	return hex.EncodeToString(sum[:8])
}

// WritingEngine is an engine that may push. The run lock must be held.
func (a *App) WritingEngine() *ccsync.Engine {
	e := a.Engine()
	e.Write = ccapi.NewWriter(a.Reader)
	return e
}

// lookOnly is a Reader that spends no refresh token, nil when it could not read.
func (a *App) lookOnly(ctx context.Context) *ccapi.Reader {
	tokens, ok := a.Auth.Unrenewed(ctx)
	if !ok {
		return nil
	}
	return ccapi.NewReader(a.Config.Endpoints.API, &http.Client{Transport: a.door}, tokens)
}
