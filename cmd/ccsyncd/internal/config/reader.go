package config

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// largestFile bounds, in bytes, the configuration and each file that it names.
const largestFile = 1 << 20

// reader turns the settings of one document into cfg and collects the mistakes on the way.
type reader struct {
	cfg      *Config
	doc      *document
	getenv   func(string) string
	unset    string             // the first variable that is named and not set
	seen     map[string]setting // by "section.key"; of [[field]] the last one
	mistakes []Mistake
	denied   string // a file that this user may not read
}

// settings hands each setting of the document to the setter of its key.
func (r *reader) settings() {
	r.cfg.Fields = make([]Field, len(r.doc.fields))
	tables := make([]map[string]keys, len(r.cfg.Fields)+1)
	for i := range r.cfg.Fields {
		r.cfg.Fields[i].OnEmpty = Keep
		tables[i] = sections(r.cfg, &r.cfg.Fields[i])
	}
	if len(r.cfg.Fields) == 0 {
		tables[0] = sections(r.cfg, &Field{})
	}
	for _, s := range r.doc.settings {
		set := tables[s.field][s.section][s.key]
		if set == nil {
			r.mistakes = append(r.mistakes, unknownKey(s))
			continue
		}
		r.seen[s.id()] = s
		set(r, s)
	}
}

// id names the setting among all of the file; fields are told apart by their lines.
func (s setting) id() string { return joinKey(s.section, s.key) }

// name is how messages call the setting.
func (s setting) name() string { return bracket(s.section) + " " + s.key }

// resolve returns the string that v stands for. "env:NAME" and "secret:/path" are followed once:
// what they hold is taken as it is, but for one line ending at the end of a file. false when a
// mistake was noted.
func (r *reader) resolve(s setting, v value) (string, bool) {
	if v.kind != unstable.String {
		r.wrongType(s, v, "text in quotes")
		return "", false
	}
	full := ""
	if path, ok := strings.CutPrefix(v.text, filePrefix); ok && path != "" {
		full = inDir(r.cfg.Dir, path)
		r.cfg.SecretFiles = append(r.cfg.SecretFiles, full)
	}
	got, err := Follow(v.text, r.cfg.Dir, r.getenv)
	if errors.Is(err, fs.ErrPermission) {
		r.denied = full
	}
	if unset := new(UnsetError); errors.As(err, &unset) {
		if s.section == "auth" && s.key == "client_id" && r.getenv(envEndpoint) != "" {
			return sandboxClient, true
		}
		r.unset = cmp.Or(r.unset, unset.Name)
	}
	if err != nil {
		r.complain(s, s.name()+" "+err.Error())
		return "", false
	}
	return got, true
}

// reject says what the value must be, and shows it when it stands in the file itself.
func (r *reader) reject(s setting, v value, must string) {
	r.complain(s, s.name()+" must be "+must+r.shown(v, ", not "))
}

// shown returns the value for a message: where it comes from in place of what a variable or a file
// holds.
func (r *reader) shown(v value, lead string) string {
	switch {
	case strings.HasPrefix(v.text, envPrefix), strings.HasPrefix(v.text, filePrefix):
		return lead + "what " + v.text + " holds"
	case v.text == "", strings.Contains(v.text, "://"):
		// a URL in the wrong place may have a password
		return ""
	}
	return lead + quote(clip(v.text))
}

// longestShown bounds, in bytes, what a message repeats of a value.
const longestShown = 60

func clip(s string) string {
	if len(s) <= longestShown {
		return s
	}
	return strings.ToValidUTF8(s[:longestShown], "") + "…"
}

// wrongType complains about the TOML type of v, which is the value of s or one item of it.
func (r *reader) wrongType(s setting, v value, must string) {
	name := s.name()
	if s.value.kind == unstable.Array && v.kind != unstable.Array {
		name = "each of " + name
	}
	r.complain(s, name+" must be "+must+", not "+kindName(v.kind))
}

// kindName is the word that a person would use for a TOML type.
func kindName(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return "text in quotes"
	case unstable.Bool:
		return "true or false"
	case unstable.Integer:
		return "a number"
	case unstable.Float:
		return "a number with a fraction"
	case unstable.Array:
		return "a list"
	case unstable.InlineTable, unstable.Table, unstable.ArrayTable:
		return "a table"
	default:
		return "a date or time"
	}
}

func (r *reader) complain(s setting, text string) {
	r.mistakes = append(r.mistakes, Mistake{Line: s.line, Key: s.id(), Text: text})
}

// readFile reads a file whole. Its errors do not repeat the path.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(data) > largestFile {
		return nil, errors.New("it is larger than 1 MiB")
	}
	return data, nil
}

func withoutPath(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	return err
}

// inDir makes a path of the configuration absolute.
func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
