package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// editInput is one edit at the control endpoint.
type editInput struct {
	Action  string   `json:"action"`
	Contact string   `json:"contact"` // address or id
	Field   string   `json:"field"`   // of set_field and set_property
	Value   string   `json:"value"`   // of set_field and set_property
	For     string   `json:"for"`     // of refuse: a duration
	List    string   `json:"list"`    // of join_list and leave_list
	Address string   `json:"address"` // of change_address
	New     *Contact `json:"new"`     // of add
}

// controlEdits makes one edit, or an array of them in order. The answer tells of
// each whether it changed anything.
func (s *Server) controlEdits(_ *http.Request, body []byte) (any, error) {
	var one editInput
	var all []editInput
	if err := strict(body, &one); err == nil {
		all = []editInput{one}
	} else if json.Unmarshal(body, &all) != nil {
		return nil, err
	}
	changed := make([]bool, len(all))
	for i, e := range all {
		edit := s.edits(e)[e.Action]
		if edit == nil {
			return nil, fmt.Errorf("edit %d: unknown action %q", i+1, e.Action)
		}
		changed[i] = edit()
	}
	return map[string][]bool{"changed": changed}, nil
}

func (s *Server) edits(e editInput) map[string]func() bool {
	return map[string]func() bool{
		"set_field":      func() bool { return s.SetField(e.Contact, e.Field, e.Value) },
		"set_property":   func() bool { return s.SetProperty(e.Contact, e.Field, e.Value) },
		"opt_out":        func() bool { return s.OptOut(e.Contact) },
		"delete":         func() bool { return s.Delete(e.Contact) },
		"join_list":      func() bool { return s.JoinList(e.Contact, e.List) },
		"leave_list":     func() bool { return s.LeaveList(e.Contact, e.List) },
		"change_address": func() bool { return s.ChangeAddress(e.Contact, e.Address) },
		"refuse":         func() bool { return e.refuse(s) },
		"add":            func() bool { return e.New != nil && s.AddContact(*e.New) != "" },
	}
}

// refuse lets imports refuse the address for a time.
func (e editInput) refuse(s *Server) bool {
	d, err := time.ParseDuration(e.For)
	return err == nil && s.Refuse(e.Contact, s.Now().Add(d))
}
