package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// answer is a whole response before it is sent.
type answer struct {
	status int
	kind   string // Content-Type
	body   []byte
	header map[string]string // further headers
}

func jsonAnswer(status int, v any) answer {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("sandbox: encode an answer: " + err.Error()) // our own types always encode
	}
	return answer{status: status, kind: "application/json", body: b.Bytes()}
}

func ok(v any) answer      { return jsonAnswer(http.StatusOK, v) }
func created(v any) answer { return jsonAnswer(http.StatusCreated, v) }

func noContent() answer { return answer{status: http.StatusNoContent} }

// htmlAnswer is what servers in front of an API answer, in place of JSON.
func htmlAnswer(status int) answer {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	return answer{status: status, kind: "text/html; charset=utf-8", body: []byte(
		"<html>\r\n<head><title>" + text + "</title></head>\r\n<body>\r\n<center><h1>" + text + "</h1></center>\r\n</body>\r\n</html>\r\n")}
}

// send writes the answer; date is the server's clock.
func (a answer) send(w http.ResponseWriter, date string) {
	h := w.Header()
	h.Set("Date", date)
	if a.kind != "" {
		h.Set("Content-Type", a.kind)
	}
	for name, value := range a.header {
		h.Set(name, value)
	}
	if a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}
