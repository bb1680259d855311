package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Names of environment variables that the program reads for itself.
const (
	envConfig   = "CCSYNC_CONFIG"
	envEndpoint = "CCSYNC_ENDPOINT"
	envStateDir = "STATE_DIRECTORY" // systemd.exec(5)
)

// sandboxState is the state file used with $CCSYNC_ENDPOINT, beside the configured one.
const sandboxState = "ccsync.sandbox.db"

// sandboxClient is the client id in a trial before there is an application: the sandbox welcomes
// any.
const sandboxClient = "sandbox"

// places are searched in this order when neither --config nor $CCSYNC_CONFIG says where the file
// is.
var places = []string{"ccsync.toml", "/etc/ccsync/ccsync.toml"}

// Find returns the path of the configuration: flag, otherwise $CCSYNC_CONFIG, otherwise the first
// of ./ccsync.toml and /etc/ccsync/ccsync.toml that exists. If there is none, the error is an
// [*Error] that names the places.
func Find(flag string, getenv func(string) string) (string, error) {
	for _, named := range []string{flag, getenv(envConfig)} {
		if named != "" {
			return named, nil
		}
	}
	for _, path := range places {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", &Error{Mistakes: []Mistake{{
		Text: "no configuration was found; looked for ./" + strings.Join(places, " and ") +
			"; --config or $" + envConfig + " sets another path",
	}}}
}

// Load reads and checks the file at path. Every error is an [*Error] with all mistakes. getenv is
// os.Getenv, or a function of a test. Apart from variables, Load reads only the files that the
// configuration names.
func Load(path string, getenv func(string) string) (*Config, error) {
	cfg := Default()
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	cfg.Path, cfg.Dir = abs, filepath.Dir(abs)
	data, err := readFile(abs)
	if err != nil {
		failed := unreadable(path, err)
		if errors.Is(err, fs.ErrPermission) {
			failed.Denied = abs
		}
		return nil, failed
	}
	if failed := parse(&cfg, data, getenv); len(failed.Mistakes) > 0 {
		failed.Path = path
		failed.sort()
		return nil, failed
	}
	return &cfg, nil
}

func unreadable(path string, err error) *Error {
	return &Error{Path: path, Mistakes: []Mistake{{Text: "the configuration cannot be read: " + err.Error()}}}
}

// parse fills cfg, which holds the defaults, from the file's bytes, and returns what is wrong.
func parse(cfg *Config, data []byte, getenv func(string) string) *Error {
	// some editors put a byte order mark first
	doc := parseDocument(bytes.TrimPrefix(data, []byte("\ufeff")))
	if doc.broken {
		return &Error{Mistakes: doc.mistakes}
	}
	r := &reader{cfg: cfg, doc: doc, getenv: getenv, seen: map[string]setting{}, mistakes: doc.mistakes}
	r.settings()
	r.check()
	r.machine()
	return &Error{Mistakes: r.mistakes, Denied: r.denied, Unset: r.unset}
}

// machine fills in what depends on where the program runs: the place of the state file, and the
// sandbox.
func (r *reader) machine() {
	c := r.cfg
	dir := c.Dir
	if unit, _, _ := strings.Cut(r.getenv(envStateDir), ":"); unit != "" && !r.has("state.path") {
		dir = inDir(dir, unit)
	}
	c.State.Path = inDir(dir, c.State.Path)
	c.Endpoints.API = strings.TrimRight(c.Endpoints.API, "/")
	c.Endpoints.Auth = strings.TrimRight(c.Endpoints.Auth, "/")
	if socket, ok := strings.CutPrefix(c.HTTP.Listen, UnixSocket); ok {
		c.HTTP.Listen = UnixSocket + inDir(c.Dir, socket)
	}
	for i, host := range c.HTTP.Hosts {
		c.HTTP.Hosts[i] = strings.ToLower(host)
	}
	if base := r.getenv(envEndpoint); base != "" {
		r.sandbox(strings.TrimRight(base, "/"))
	}
}

// sandbox points the configuration at a local Constant Contact, away from the real one and from its
// state.
func (r *reader) sandbox(base string) {
	if must := endpoint(base); must != "" {
		r.mistakes = append(r.mistakes, Mistake{Text: "$" + envEndpoint + " must be " + must})
		return
	}
	r.cfg.Sandbox = true
	r.cfg.Endpoints = Endpoints{API: base + "/v3", Auth: base + "/oauth2/default/v1"}
	r.cfg.State.Path = filepath.Join(filepath.Dir(r.cfg.State.Path), sandboxState)
}

// SandboxState is where the state file of a sandbox would be, beside the one in use; "" in a
// sandbox.
func (c *Config) SandboxState() string {
	if c.Sandbox {
		return ""
	}
	return filepath.Join(filepath.Dir(c.State.Path), sandboxState)
}
