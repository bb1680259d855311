package ccapi

import (
	"encoding/json"
	"unicode/utf8"
)

// text is a JSON value that should be a string. Custom fields of the types number and boolean may
// come as such: their JSON is taken as it stands, null as "".
type text string

// UnmarshalJSON takes any JSON value.
func (t *text) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || string(data) == "null" {
		*t = ""
		return nil
	}
	if data[0] != '"' {
		*t = text(data)
		return nil
	}
	if inner := data[1 : len(data)-1]; plain(inner) {
		*t = text(inner)
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*t = text(s)
	return nil
}

// plain reports the inside of a JSON string that means itself.
func plain(inner []byte) bool {
	for _, b := range inner {
		if b == '\\' {
			return false
		}
	}
	return utf8.Valid(inner)
}

// unwrap makes plain strings of texts.
func unwrap(texts []text) []string {
	if len(texts) == 0 {
		return nil
	}
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = string(t)
	}
	return out
}
