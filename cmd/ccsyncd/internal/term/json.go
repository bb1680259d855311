package term

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"

	"ccsyncd/internal/kit"
)

// JSON prints v as one indented object. Characters that a terminal would obey are written as \u
// escapes, which mean the same to whoever reads the JSON.
func (s *Stream) JSON(v any) error {
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode JSON: %w", err)
	}
	if _, err := s.Write(escapeControls(raw.Bytes())); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// escapeControls escapes what encoding/json leaves: U+007F to U+009F and the marks that turn the
// direction. They occur within strings alone.
func escapeControls(raw []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(raw) {
		if r != '\n' && (unicode.IsControl(r) || kit.TurnsDirection(r)) {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.Bytes()
}
