package oauthdev

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// Store keeps the one record of a login. Several processes may share it.
type Store interface {
	// Lock waits until no other holder has the lock, in this process or in another, or until ctx
	// ends. If a process dies, its lock is released.
	Lock(ctx context.Context) (unlock func(), err error)
	// Load returns the record that was saved last, or nil if there is none. It may be called
	// without the lock.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces the record. If it returns nil, the record survives a crash and a power failure.
	Save(ctx context.Context, record []byte) error
}

// Config names the application and the server.
type Config struct {
	ClientID string   // the application's API key
	Scopes   []string // asked for at a login; offline_access must be among them
	AuthURL  string   // ends in /v1; /device/authorize and /token are below it
	HTTP     *http.Client
	// the server's time; nil: time.Now, as where it is more than a year off
	Now func() time.Time
	// in [0, 1), for the pauses before a request is made again; nil: math/rand/v2's
	Random func() float64
}

// Client is the login of one installation. Its methods may be called concurrently. Other processes
// may have clients on the same store.
type Client struct {
	id       string
	scopes   []string
	endpoint oauth2.Endpoint
	http     http.Client
	now      func() time.Time
	random   func() float64
	store    Store

	// when the last token request of this process left, in Unix nanoseconds
	asked atomic.Int64
	// holds one value while a goroutine of this process has, or waits for, the store's lock
	turn chan struct{}
	// a new token that the store did not take; written by who has the turn
	unsaved atomic.Pointer[record]
}

// New returns a client. It does not send or read anything yet.
func New(cfg Config, store Store) *Client {
	base := strings.TrimRight(cfg.AuthURL, "/")
	c := &Client{
		id: cfg.ClientID, scopes: cfg.Scopes, store: store, now: time.Now, random: rand.Float64,
		endpoint: oauth2.Endpoint{
			DeviceAuthURL: base + "/device/authorize",
			TokenURL:      base + "/token",
			AuthStyle:     oauth2.AuthStyleInParams,
		},
		turn: make(chan struct{}, 1),
	}
	if cfg.HTTP != nil {
		c.http = *cfg.HTTP
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if cfg.Random != nil {
		c.random = cfg.Random
	}
	if cfg.Now != nil {
		c.now = func() time.Time { return credible(cfg.Now()) }
	}
	return c
}

// maxSkew is how far the server's clock may be from this machine's to be believed.
const maxSkew = 365 * 24 * time.Hour

// credible is t, or this machine's time where t is years off: one answer with a wrong Date must not
// make a login last for centuries.
func credible(t time.Time) time.Time {
	now := time.Now()
	if t.Sub(now).Abs() > maxSkew {
		return now
	}
	return t
}

// lock takes the turn in this process and then the store's lock.
func (c *Client) lock(ctx context.Context) (release func(), err error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another refresh: %w", ctx.Err())
	}
	unlock, err := c.store.Lock(ctx)
	if err != nil {
		<-c.turn
		return nil, fmt.Errorf("lock the stored login: %w", err)
	}
	return func() { unlock(); <-c.turn }, nil
}

// load reads the record. A login that was never made is an empty record.
func (c *Client) load(ctx context.Context) (*record, error) {
	raw, err := c.store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the stored login: %w", err)
	}
	return parseRecord(raw)
}

// save writes the record once, whether or not the caller still waits.
func (c *Client) save(ctx context.Context, r *record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	raw, err := r.bytes()
	if err == nil {
		err = c.store.Save(ctx, raw)
	}
	if err != nil {
		return fmt.Errorf("store the login: %w", err)
	}
	return nil
}

// change applies edit to the stored record, under the lock. Nothing is saved when edit returns
// false.
func (c *Client) change(ctx context.Context, edit func(*record) bool) error {
	release, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	r, err := c.load(ctx)
	if err != nil || !edit(r) {
		return err
	}
	return c.save(ctx, r)
}
