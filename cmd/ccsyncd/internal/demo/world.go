package demo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/internal/kit"
)

// demoWorld is what the demo needs around ccsyncd: a Constant Contact and an app's database.
type demoWorld struct {
	remote   *sandbox.Server
	endpoint string // of the sandbox
	page     string // address of the status page
	token    string // of the status page
	app      *sql.DB
	stop     func() error // ends the sandbox
}

const (
	demoContacts = 5000
	demoUsers    = 1200
)

// demoAddress is where users and contacts meet.
func demoAddress(n int) string { return fmt.Sprintf("user%04d@example.com", n) }

// demoCode is the short code that the app gives a user: six letters and digits.
func demoCode(n, edition int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "user %d, edition %d", n, edition))
	return base32.StdEncoding.EncodeToString(sum[:])[:6]
}

// The few users who differ from the rest.
// the contact has no code yet
func lacksCode(n int) bool { return n%100 == 7 }

// nor will it get one: the person opted out
func demoOptedOut(n int) bool { return n%400 == 7 }

// the contact has an old code
func outdated(n int) bool { return n%200 == 42 }

// the app has an address that is none
func demoMistyped(n int) bool { return n == 500 }

// the app gave this user the code of the one before
func demoRepeated(n int) bool { return n == 901 }

// the contact has the user's old address
func demoMoved(n int) bool { return n == demoUsers-2 }

// there is no contact yet
func demoNewcomer(n int) bool { return n == demoUsers-1 || n == demoUsers }

// open starts the sandbox and opens the app's database.
func (d *demo) open(ctx context.Context) error {
	listener, err := listenNear("127.0.0.1:8585")
	if err != nil {
		return err
	}
	d.endpoint = "http://" + listener.Addr().String()
	d.remote = sandbox.New(sandbox.Options{Switches: sandbox.Switches{ExportProductWords: true}})
	d.remote.SetAccount("demo", "Demo Ltd")
	d.remote.Seed(demoSeed()...)
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- kit.Serve(serving, listener, d.remote) }()
	d.stop = func() error { end(); return <-ended }
	if d.app, err = sql.Open("sqlite3", d.path("app.db")); err != nil {
		return errors.Join(err, d.stop())
	}
	d.token = rand.Text()[:10]
	d.page, err = freeAddress("127.0.0.1:8484")
	return err
}

func (d *demo) close() error { return errors.Join(d.app.Close(), d.stop()) }

// listenNear listens at an address, or at a free port of it when that one is taken.
func listenNear(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}

// freeAddress finds an address for a daemon to listen at.
func freeAddress(near string) (string, error) {
	listener, err := listenNear(near)
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// demoSeed are the contacts: most of the app's users among them carry the code that the app has.
func demoSeed() []sandbox.Contact {
	contacts := make([]sandbox.Contact, demoContacts)
	for i := range contacts {
		n := i + 1
		c := sandbox.Contact{Address: demoAddress(n), Lists: []string{"App users"}, Fields: map[string]string{"Short code": demoCode(n, 1)}}
		switch {
		case demoMoved(n):
			c.Address = fmt.Sprintf("before%04d@example.com", n)
		case demoNewcomer(n):
			c.Address, c.Fields["Short code"] = fmt.Sprintf("reader%04d@example.com", n), ""
		case lacksCode(n):
			c.Fields["Short code"] = ""
		case outdated(n):
			c.Fields["Short code"] = demoCode(n, 0)
		}
		if demoOptedOut(n) {
			c.Permission = sandbox.Unsubscribed
		}
		contacts[i] = c
	}
	return contacts
}

const demoTable = `CREATE TABLE users (
  id         INTEGER PRIMARY KEY,
  email      TEXT NOT NULL,
  short_code TEXT,
  deleted_at TEXT
)`

// fillApp makes the table as a backend would have it.
func (d *demo) fillApp(ctx context.Context) error {
	tx, err := d.app.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing, after the commit
	if _, err := tx.ExecContext(ctx, demoTable); err != nil {
		return err
	}
	for n := 1; n <= demoUsers; n++ {
		email, code := demoAddress(n), demoCode(n, 1)
		switch {
		case demoMistyped(n):
			email = fmt.Sprintf("user%04d@", n)
		case demoRepeated(n):
			code = demoCode(n-1, 1)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO users (id, email, short_code) VALUES (?, ?, ?)", n, email, code); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// demoConfig is the configuration; the rest is defaults.
const demoConfig = `[source]
dsn = "app.db"
table = "users"
where = "deleted_at IS NULL"
email = "email"

[[field]]
column = "short_code"
custom_field = "short_code"
unique = true
required = true

[auth]
client_id = "demo"

[schedule]
cron = "@every 2s"
`

// demoHidden is the part of the file that only the demo needs.
const demoHidden = `
[endpoints]
api = "%[1]s/v3"
auth = "%[1]s/oauth2/default/v1"

[http]
listen = "%[2]s"
token = "%[3]s"

[log]
level = "warn"
`

func (d *demo) writeConfig() error {
	return os.WriteFile(d.path("ccsync.toml"), []byte(demoConfig+fmt.Sprintf(demoHidden, d.endpoint, d.page, d.token)), 0o600)
}

// approve does what a person does: after a look at the code it presses the button on the page.
func (d *demo) approve(ctx context.Context) {
	const lookAtIt = 2 * time.Second
	for kit.Sleep(ctx, 100*time.Millisecond) == nil {
		if waiting := d.remote.Pending(); len(waiting) > 0 {
			_ = kit.Sleep(ctx, lookAtIt) // approved or not, the demo ends
			d.remote.Approve(waiting[0].UserCode)
			return
		}
	}
}
