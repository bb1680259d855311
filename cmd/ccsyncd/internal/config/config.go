package config

import (
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"time"
)

// Values of the keys that take one of a few words.
const (
	Keep  = "keep"  // Field.OnEmpty, Contacts.Orphans
	Clear = "clear" // Field.OnEmpty, Contacts.Orphans

	Skip   = "skip"   // Contacts.Unsubscribed
	Update = "update" // Contacts.Unsubscribed

	FormatJSON  = "json"  // Notify.Format, Log.Format
	FormatSlack = "slack" // Notify.Format
	FormatText  = "text"  // Log.Format
	FormatAuto  = "auto"  // Log.Format: text on a terminal, JSON otherwise
)

// Config is one checked configuration. It does not change after Load. A reload makes a new one.
type Config struct {
	Path    string // absolute path of the file; "" for Default
	Dir     string // its folder, the base of relative paths
	Sandbox bool   // $CCSYNC_ENDPOINT replaced the endpoints and the state file

	// absolute paths of the files that "secret:" names, in the order of the file
	SecretFiles []string
	// the settings whose secret stands in the file itself, such as "[http] token"
	ClearSecrets []string

	Source    Source
	Fields    []Field // in the order of the file, at least one
	Contacts  Contacts
	Guard     Guard
	Schedule  Schedule
	Limits    Limits
	Auth      Auth
	Endpoints Endpoints
	State     State
	HTTP      HTTP
	Notify    Notify
	Log       Log
}

// Source describes the table of users: [source].
type Source struct {
	DSN     Secret // a path or a URL; a relative path in it is relative to Config.Dir
	Driver  string // "sqlite", "postgres", "mysql"; "" where the DSN tells
	Table   string // exactly one of Table and Query is set
	Where   string // only with Table
	Query   string
	Email   string // column
	Key     string // column; "" for the table's primary key
	Timeout time.Duration
}

// Field maps one source column to one custom field or property: [[field]].
type Field struct {
	Column      string
	CustomField string // name or label; exactly one of CustomField and Property is set
	Property    string // one of Properties
	Create      bool   // only with CustomField
	Unique      bool
	Required    bool
	OnEmpty     string // Keep or Clear
}

// Contacts has the rules for changes of contacts: [contacts].
type Contacts struct {
	Lists        []string // names or ids; nil for none
	Create       bool
	Unsubscribed string // Skip or Update
	Orphans      string // Keep or Clear
}

// Guard holds the limits of a plan: [guard]. 0 turns a limit off.
type Guard struct {
	MaxChangePercent int
	ExemptBelow      int
	MaxClears        int
	MaxCreates       int
	MaxJoins         int
	MinSourceRows    int
	MaxShrinkPercent int
	Canary           int
}

// Schedule has the times of runs: [schedule].
type Schedule struct {
	Cron       Cron
	Timezone   *time.Location
	Full       Cron
	Drift      time.Duration
	RunOnStart bool
}

// Limits bounds the requests: [limits].
type Limits struct {
	PerSecond       int
	PerDay          int
	Reserve         int // of PerDay, left to other users of the API key
	ActivityTimeout time.Duration
}

// Auth is the application that asks: [auth].
type Auth struct {
	ClientID string
	Scopes   []string
}

// Endpoints are base URLs without a slash at the end: [endpoints].
type Endpoints struct {
	API  string
	Auth string
}

// State describes the state file: [state].
type State struct {
	Path string // absolute after Load
	Key  Secret // 32 bytes as hex or base64; KeyBytes has them decoded
	Keep time.Duration
}

// KeyBytes returns the 32 bytes of the state key, or nil if none is configured.
func (s State) KeyBytes() []byte { return decodeKey(s.Key.Reveal()) }

const keyBytes = 32

func decodeKey(text string) []byte {
	if b, err := hex.DecodeString(text); err == nil && len(b) == keyBytes {
		return b
	}
	for _, enc := range []*base64.Encoding{
		base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
	} {
		if b, err := enc.DecodeString(text); err == nil && len(b) == keyBytes {
			return b
		}
	}
	return nil
}

// HTTP is the status page: [http].
type HTTP struct {
	Listen string // host:port, or unix: and a path that is absolute after Load; "" for off
	Token  Secret
	Hosts  []string // further values of the Host header, lower case
}

// Notify has the addresses for notifications: [notify]. They are secrets, because anyone who knows
// such an address can write to it.
type Notify struct {
	Webhook   Secret
	Format    string // FormatJSON or FormatSlack
	Heartbeat Secret
}

// Log describes the log: [log].
type Log struct {
	Level  slog.Level
	Format string // FormatAuto, FormatText or FormatJSON
}

// Properties returns the standard contact properties to which a field may be mapped, as the API
// operations postContactsJsonImport and putContact name them.
func Properties() []string {
	return []string{"first_name", "last_name", "job_title", "company_name"}
}

// Default returns the values of all keys that the file omits. Source, Fields and the client id have
// no defaults.
func Default() Config {
	return Config{
		Source:   Source{Timeout: 5 * time.Minute},
		Contacts: Contacts{Unsubscribed: Skip, Orphans: Keep},
		Guard: Guard{
			MaxChangePercent: 10,
			ExemptBelow:      10,
			MaxClears:        25,
			MaxCreates:       200,
			MaxJoins:         200,
			MinSourceRows:    1,
			MaxShrinkPercent: 30,
			Canary:           5,
		},
		Schedule: Schedule{
			Cron:       mustParseCron("*/5 * * * *"),
			Timezone:   time.UTC,
			Full:       mustParseCron("@daily"),
			Drift:      15 * time.Minute,
			RunOnStart: true,
		},
		Limits: Limits{PerSecond: 4, PerDay: 10000, Reserve: 500, ActivityTimeout: 6 * time.Hour},
		Auth:   Auth{Scopes: []string{"contact_data", "account_read", "offline_access"}},
		Endpoints: Endpoints{
			API:  "https://api.cc.email/v3",
			Auth: "https://authz.constantcontact.com/oauth2/default/v1",
		},
		State:  State{Path: "ccsync.db", Keep: 90 * day},
		HTTP:   HTTP{Listen: "127.0.0.1:8484"},
		Notify: Notify{Format: FormatJSON},
		Log:    Log{Level: slog.LevelInfo, Format: FormatAuto},
	}
}

func mustParseCron(spec string) Cron {
	c, err := ParseCron(spec, time.UTC)
	if err != nil {
		panic(err)
	}
	return c
}
