package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of an import. What is beyond them is dropped without a word.
const (
	maxImportBytes = 4_000_000
	maxImportRows  = 39_999
)

// row is one contact of an import, as it was sent.
type row struct {
	Address string   `json:"address"`
	Members []member `json:"members"` // all but the address, in their order
	Fate    fate     `json:"fate,omitempty"`
}

// member is one property of a row. A null counts as a blank.
type member struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// importJob is the work of an import.
type importJob struct {
	Rows          []row    `json:"rows"`
	Lists         []string `json:"lists"`
	SMSPermission string   `json:"sms,omitempty"`
}

// importRecord remembers an import for [Server.Imports].
type importRecord struct {
	activity string
	lists    []string
	rows     []row
	bytes    int
}

// ImportRow is one contact as an import sent it.
type ImportRow struct {
	Address string            `json:"address"`
	Members map[string]string `json:"members"` // by JSON member name, without "email"
}

// Import is one import as it reached the sandbox.
type Import struct {
	ActivityID string      `json:"activity_id,omitempty"` // empty when it was not accepted
	Accepted   bool        `json:"accepted"`
	Lists      []string    `json:"list_ids"` // ids
	Rows       []ImportRow `json:"rows"`
	Bytes      int         `json:"bytes"` // of the body
}

// Imports are the imports that reached the sandbox, refused ones too. Those that
// a fault kept from being worked on are not among them.
func (s *Server) Imports() []Import {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Import, len(s.imports))
	for i, rec := range s.imports {
		out[i] = Import{ActivityID: rec.activity, Accepted: rec.activity != "", Lists: slices.Clone(rec.lists), Bytes: rec.bytes}
		for _, r := range rec.rows {
			members := make(map[string]string, len(r.Members))
			for _, m := range r.Members {
				members[m.Name] = m.Value
			}
			out[i].Rows = append(out[i].Rows, ImportRow{r.Address, members})
		}
	}
	return out
}

// errShape is a body whose members have the wrong types.
var errShape = errors.New("wrong shape")

// importBody is what a JSON import says.
type importBody struct {
	rows  []row
	lists []string
	sms   string
	seen  struct{ data, lists bool }
}

// parseImport reads a JSON import. Rows that end after 4 MB are dropped, and so
// are those beyond the number that an import takes.
func parseImport(body []byte) (importBody, error) {
	var in importBody
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := expect(dec, json.Delim('{')); err != nil {
		return in, err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return in, err
		}
		switch name {
		case "import_data":
			in.seen.data = true
			err = in.parseRows(dec)
		case "list_ids":
			in.seen.lists = true
			err = dec.Decode(&in.lists)
		case "sms_permission_to_send":
			err = dec.Decode(&in.sms)
		default:
			var ignored json.RawMessage
			err = dec.Decode(&ignored)
		}
		if err != nil {
			return in, err
		}
	}
	return in, expect(dec, json.Delim('}'))
}

func (in *importBody) parseRows(dec *json.Decoder) error {
	if err := expect(dec, json.Delim('[')); err != nil {
		return err
	}
	for dec.More() {
		r, err := parseRow(dec)
		if err != nil {
			return err
		}
		if dec.InputOffset() <= maxImportBytes && len(in.rows) < maxImportRows {
			in.rows = append(in.rows, r)
		}
	}
	return expect(dec, json.Delim(']'))
}

// parseRow reads one contact. Numbers and booleans count as their text, arrays
// and objects only where the name means nothing to an import.
func parseRow(dec *json.Decoder) (row, error) {
	var r row
	if err := expect(dec, json.Delim('{')); err != nil {
		return r, err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return r, err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return r, err
		}
		value, err := textOf(raw)
		if err != nil && importable(name.(string)) {
			return r, err
		}
		if err != nil {
			continue
		}
		if name == "email" {
			r.Address = value
			continue
		}
		r.Members = append(r.Members, member{name.(string), value})
	}
	return r, expect(dec, json.Delim('}'))
}

func textOf(raw json.RawMessage) (string, error) {
	switch raw[0] {
	case '{', '[':
		return "", fmt.Errorf("an object or array in place of a string: %w", errShape)
	case '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case 'n':
		return "", nil
	}
	return string(raw), nil
}

func expect(dec *json.Decoder, want json.Delim) error {
	got, err := dec.Token()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%v in place of %v: %w", got, want, errShape)
	}
	return nil
}

// importable tells a name that an import knows from one that it ignores.
func importable(name string) bool {
	return strings.HasPrefix(name, "cf:") || slices.Contains(importNames, name)
}

// Kinds of activities: the last part of the path that makes one.
const (
	kindJSONImport = "contacts_json_import"
	kindFileImport = "contacts_file_import"
	kindExport     = "contact_exports"
)

func (s *Server) postJSONImport(c *call) answer {
	rec := &importRecord{bytes: len(c.body)}
	s.imports = append(s.imports, rec)
	if !c.isJSON() {
		return unsupportedMedia("The payload must be in JSON format, and Content-Type must be application/json.")
	}
	in, err := parseImport(c.body)
	rec.lists, rec.rows = in.lists, in.rows
	c.note.Contacts = len(in.rows)
	if errors.Is(err, errShape) {
		return invalid("import_data is invalid")
	}
	if err != nil {
		return malformed()
	}
	if messages := s.importProblems(in); len(messages) > 0 {
		return invalid(messages...)
	}
	return s.queueImport(c, kindJSONImport, rec, &importJob{Rows: in.rows, Lists: in.lists, SMSPermission: in.sms})
}

func (s *Server) importProblems(in importBody) []string {
	var found []string
	if !in.seen.data || len(in.rows) == 0 {
		found = append(found, "import_data is missing")
	}
	if in.sms != "" && in.sms != Explicit && in.sms != NotSet {
		found = append(found, "sms_permission_to_send does not have a valid value")
	}
	return append(found, s.listProblems(in.lists, maxLists)...)
}

// listProblems are what is wrong with list_ids.
func (s *Server) listProblems(lists []string, max int) []string {
	if len(lists) == 0 {
		return []string{"list_ids is missing"}
	}
	if len(lists) > max {
		return []string{fmt.Sprintf("list_ids size must be between 1 and %d", max)}
	}
	for _, id := range lists {
		if s.acc.list(id) == nil {
			return []string{"list_ids has a list_id that does not exist"}
		}
	}
	return nil
}

// queueImport makes the activity of an import.
func (s *Server) queueImport(c *call, kind string, rec *importRecord, in *importJob) answer {
	in.Rows = slices.Clone(in.Rows) // the record keeps what was sent
	a, full := s.enqueue(c, kind, len(in.Rows), &job{Import: in})
	if full {
		return queueFull()
	}
	s.doom(in.Rows, c.effect)
	s.lose(in.Rows)
	rec.activity = a.ID
	return s.accepted(c, a)
}
