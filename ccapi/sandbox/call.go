package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// call is one request while it is worked on, under s.mu.
type call struct {
	*http.Request
	body   []byte
	query  url.Values
	now    time.Time
	stamp  stamp
	token  *accessToken // of API calls
	fault  *Fault       // of the answer, nil for none
	effect []*Fault     // of the activity that this call makes
	upset  []*Fault     // of the account
	thrown Switches     // thrown for this call alone
	note   *Request     // its line in the log
}

// operation is the method and the path without ids.
func (c *call) operation() string {
	if _, path, has := strings.Cut(c.Pattern, " "); has {
		return c.Method + " " + path
	}
	return c.Method + " " + c.URL.Path
}

// maxBody is the most of a request body that is read, in bytes. Imports are cut
// at 4 MB, but only after they have arrived.
const maxBody = 64 << 20

func readBody(r *http.Request) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r.Body, maxBody))
}

// decode reads a JSON body into v; problem is the answer when it cannot.
func (c *call) decode(v any) (problem answer, good bool) {
	if !c.isJSON() {
		return unsupportedMedia("The payload must be in JSON format, and Content-Type must be application/json."), false
	}
	dec := json.NewDecoder(bytes.NewReader(c.body))
	if err := dec.Decode(v); err != nil {
		return malformed(), false
	}
	if _, err := dec.Token(); err != io.EOF {
		return malformed(), false
	}
	return answer{}, true
}

func (c *call) isJSON() bool {
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}
