package web

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// browse opens a page in headless Chromium and returns the document as it stands then, and what the
// browser complained of.
func browse(t *testing.T, url string, flags ...string) (dom, complaints string) {
	t.Helper()
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
		}
	}
	if browser == "" || testing.Short() {
		t.Skip("no Chromium here, or tests are to be short")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, browser, append(flags, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--enable-logging=stderr", "--dump-dom", url)...)
	var out, log bytes.Buffer
	c.Stdout, c.Stderr = &out, &log
	switch err := c.Run(); {
	case ctx.Err() != nil:
		t.Fatalf("%s did not load to its end", url)
	case err != nil:
		t.Skipf("Chromium does not run here: %v", err)
	}
	return out.String(), log.String()
}

func TestABrowserShowsThePageAndComplainsOfNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ran(synced(1000), time.Millisecond)
	w.explains[evil] = explained()
	s := w.serve()
	for path, want := range map[string]string{"/": "1,000 of 1,000 users who are contacts are up to date", "/runs/1": "ended synced", "/explain?who=%22%3Cscript%3Ealert(1)%3C/script%3E%22@example.com": "Not yet: the contact will be updated"} {
		dom, complaints := browse(t, "http://"+s.at+path)
		if !strings.Contains(dom, want) {
			t.Errorf("%s does not show %q:\n%s", path, want, dom)
		}
		for _, bad := range []string{"Content Security Policy", "Refused to", "Failed to load"} {
			if strings.Contains(complaints, bad) {
				t.Errorf("%s: the browser says %s:\n%s", path, bad, complaints)
			}
		}
	}
}
