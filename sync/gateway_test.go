package sync_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// posts counts the imports that were sent, whatever was answered.
func (w *world) posts() (n int) {
	for _, r := range w.box.Requests() {
		if r.Method == http.MethodPost && r.Path == importPath {
			n++
		}
	}
	return n
}

// A server that redirects an import has taken none: it is told as what it is, and not posted again
// and again.
func TestARedirectedImportIsToldAsARedirect(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(50, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 307, Method: "POST", Path: importPath})
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Failed)
		if r.Error.Code != "redirected" || !strings.Contains(r.Error.Message, "HTTP 307: the server redirects to ") || !strings.Contains(r.Error.Hint, "[endpoints] api") {
			t.Errorf("told as %+v", r.Error)
		}
		if n := w.posts(); n != 1 {
			t.Errorf("posted %d times, want once", n)
		}
		w.box.ClearFaults()
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
	})
}

// What a gateway in front of the API says is told in its words, and is no missing scope.
func TestAGatewaysWordIsTold(t *testing.T) {
	t.Parallel()
	for _, body := range sandbox.GatewayBodies() {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(50, 5)
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultGateway, Status: 403, Body: body, Method: "GET", Path: "/v3/contacts"})
				r := w.run(ccsync.Options{})
				w.want(r, ccsync.Failed)
				want, text := "gateway", "Forbidden"
				if body == "errorCode" { // the authorization server's own
					want = "forbidden"
				}
				if body == "html" {
					text = "an HTML page"
				}
				if r.Error.Code != want || !strings.Contains(r.Error.Message, text) || !strings.Contains(r.Error.Message, "x-amzn-requestid 5a4dbc00-") {
					t.Errorf("told as %+v", r.Error)
				}
			})
		})
	}
}

// A gateway that gave up waiting proves nothing: the import is looked for, and not sent twice.
func TestAnImportThatAGatewayGaveUpOnIsLookedFor(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(50, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultGatewayAfter, Status: 504, Method: "POST", Path: importPath, Times: 1})
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
		if n := w.posts(); n != 1 {
			t.Errorf("posted %d times, want once", n)
		}
	})
}

// An export that a gateway or a redirect refuses costs a few requests: pages are read.
func TestAnExportThatAGatewayRefusesIsReplacedByPages(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sandbox.Fault{
		"gateway":  {Kind: sandbox.FaultGateway, Status: 403, Method: "POST", Path: "/v3/activities/contact_exports"},
		"redirect": {Kind: sandbox.FaultStatus, Status: 307, Method: "POST", Path: "/v3/activities/contact_exports"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(10_500, 500)
				w.box.Fault(fault)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantAllCodes()
			})
		})
	}
}

// rewriting is a wire that changes what answers say.
type rewriting struct {
	http.RoundTripper
	from  *regexp.Regexp
	to    string
	hosts map[string]bool
	mu    sync.Mutex
}

func (w *rewriting) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.hosts[r.URL.Host] = true
	w.mu.Unlock()
	answer, err := w.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	body = w.from.ReplaceAllLiteral(body, []byte(w.to))
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return answer, nil
}

// The link to an export's file may show a host that only the service itself knows: it is not
// followed, and pages are read.
func TestAnExportWhoseLinkLeadsAwayIsNotFollowed(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		wire := &rewriting{RoundTripper: w.life.wire, from: regexp.MustCompile(`"/v3/contact_exports/`), to: `"http://exports.internal/v3/contact_exports/`, hosts: map[string]bool{}}
		w.life.wire = wire
		w.populate(10_500, 500)
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		if w.exports() != 1 || len(wire.hosts) != 1 {
			t.Errorf("%d exports, asked of %v", w.exports(), wire.hosts)
		}
	})
}
