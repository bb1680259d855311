package web

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Alerts and dashboard name metrics that there are. A panel of a name that was renamed would just
// stay empty.
func TestAlertsAndDashboardNameMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"ccsync_http_requests_total": true, "ccsync_process_resident_memory_bytes": true, "ccsync_go_goroutines": true}
	descriptions := make(chan *prometheus.Desc, len(gauges))
	newCollector(MetricsOptions{}).Describe(descriptions)
	close(descriptions)
	name := regexp.MustCompile(`ccsync_[a-z_]+`)
	for d := range descriptions {
		known[name.FindString(d.String())] = true
	}
	for _, file := range []string{"alerts.yaml", "alerts_test.yaml", "grafana-dashboard.json"} {
		text, err := os.ReadFile(filepath.Join(deployed, file))
		if err != nil {
			t.Fatal(err)
		}
		found := name.FindAllString(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s names no metric", file)
		}
		for _, metric := range found {
			if !known[metric] {
				t.Errorf("%s names %s, which is none", file, metric)
			}
		}
		if filepath.Ext(file) == ".json" && !json.Valid(text) {
			t.Errorf("%s is no JSON", file)
		}
	}
}
