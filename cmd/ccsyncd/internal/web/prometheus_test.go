package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ccsync "ccsyncd/sync"
)

// deployed is the folder of the files that operators take.
var deployed = filepath.Join("..", "..", "..", "..", "deploy")

// program finds a program, or skips the test and says so.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil || testing.Short() {
		t.Skipf("no %s here, or tests are to be short", name)
	}
	return path
}

// An hour's outage, a dead login, lost codes and others: each is told once, and its end.
func TestEachStoryRaisesOneAlert(t *testing.T) {
	t.Parallel()
	promtool := program(t, "promtool")
	for _, args := range [][]string{{"check", "config", "prometheus.yaml"}, {"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		c := exec.CommandContext(t.Context(), promtool, args...)
		c.Dir = deployed
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// scraping runs a real Prometheus with the files of deploy, which scrapes an address every three
// seconds, as long as it waits for an answer. Its answers are those of its HTTP API.
func scraping(t *testing.T, target string) (ask func(path string, into any)) {
	t.Helper()
	path := program(t, "prometheus")
	folder := t.TempDir()
	for _, name := range []string{"prometheus.yaml", "alerts.yaml"} {
		text, err := os.ReadFile(filepath.Join(deployed, name))
		if err != nil {
			t.Fatal(err)
		}
		fast := strings.NewReplacer("127.0.0.1:8484", target, "scrape_interval: 30s", "scrape_interval: 3s").Replace(string(text))
		if name == "prometheus.yaml" {
			fast = "global: {evaluation_interval: 1s}\n" + fast
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(fast), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close() // Prometheus takes it
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, path, "--config.file="+filepath.Join(folder, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+at)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = c.Wait() // it was killed
	})
	return func(path string, into any) {
		t.Helper()
		answer, err := http.Get("http://" + at + path)
		if err != nil {
			return // it is not up yet
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err == nil {
			_ = json.Unmarshal(text, into) // what is missing is seen by the caller
		}
	}
}

// eventually tries until something holds, for a minute.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("after a minute: no %s", what)
}

func TestARealPrometheusScrapesAndEveryPanelHasData(t *testing.T) {
	t.Parallel()
	program(t, "prometheus")
	w := newWorld(t)
	r := synced(1000)
	r.Reasons, r.Push = map[string]int{"invalid_email": 3}, &ccsync.Pushed{Verified: 1}
	w.ran(r, time.Millisecond)
	for _, status := range []int{200, 503} {
		w.metrics.Observe(&http.Request{URL: &url.URL{Path: "/v3/contacts"}}, &http.Response{StatusCode: status}, nil)
	}
	ask := scraping(t, w.serve().at)
	defer func() {
		var targets any
		if ask("/api/v1/targets", &targets); t.Failed() {
			t.Logf("its targets: %v", targets)
		}
	}()
	value := func(expr string) (n int) {
		var answer struct {
			Status string
			Data   struct{ Result []any }
		}
		ask("/api/v1/query?query="+url.QueryEscape(expr), &answer)
		if answer.Status != "success" {
			return -1
		}
		return len(answer.Data.Result)
	}
	eventually(t, "two scrapes", func() bool { return value("rate(ccsync_http_requests_total[1m])") > 0 })
	for title, exprs := range panels(t) {
		for _, expr := range exprs {
			expr = strings.NewReplacer("$instance", ".*", "$__rate_interval", "1m", "$__range", "1h", "$__interval", "1m").Replace(expr)
			// One scrape that failed empties all panels until the next.
			eventually(t, fmt.Sprintf("data in the panel %q: %s", title, expr), func() bool { return value(expr) > 0 })
		}
	}
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, State, LastError string }
			}
		}
	}
	eventually(t, "evaluated rules", func() bool {
		ask("/api/v1/rules", &rules)
		for _, g := range rules.Data.Groups {
			for _, rule := range g.Rules {
				if rule.Health == "unknown" {
					return false
				}
			}
		}
		return len(rules.Data.Groups) == 2
	})
	for _, g := range rules.Data.Groups {
		for _, rule := range g.Rules {
			if rule.Health != "ok" || rule.State != "inactive" {
				t.Errorf("%s: %s, %s %s", rule.Name, rule.Health, rule.State, rule.LastError)
			}
		}
	}
}

// panels are the expressions of the dashboard, by the title of their panel.
func panels(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployed, "grafana-dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || len(board.Panels) == 0 {
		t.Fatal(fmt.Errorf("the dashboard has no panels: %w", err))
	}
	all := make(map[string][]string)
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			all[p.Title] = append(all[p.Title], target.Expr)
		}
	}
	return all
}
