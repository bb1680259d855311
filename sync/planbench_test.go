package sync_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// BenchmarkPlan is a dry run of n users against n mirrored contacts, with nothing to do and with
// one in a hundred changed: refresh, source, join, guard. The source gives its rows in no order and
// in mixed case.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		for _, changed := range []int{0, 100} {
			b.Run(fmt.Sprintf("%d/one in %d changed", n, changed), func(b *testing.B) {
				e := mirrored(b, n)
				e.Users = generated(n, changed)
				b.ReportAllocs()
				for b.Loop() {
					report, err := e.Run(b.Context(), ccsync.Options{})
					if err != nil || report.Outcome != ccsync.Planned {
						b.Fatal(err, report.Error)
					}
					want := 0
					if changed > 0 {
						want = n / changed
					}
					if report.Summary.Update != want || report.Summary.Unchanged != n-want {
						b.Fatalf("%+v", report.Summary)
					}
				}
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
			})
		}
	}
}

// mirrored is an engine for dry runs whose mirror has n contacts.
func mirrored(b *testing.B, n int) *ccsync.Engine {
	b.Helper()
	box := sandbox.New(sandbox.Options{Unlimited: true})
	field := box.AddCustomField("Short code", "string")
	access, _ := box.Authorize()
	server := httptest.NewServer(box)
	b.Cleanup(server.Close)
	dir := b.TempDir()
	db, err := state.Open(b.Context(), filepath.Join(dir, "ccsync.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	fillMirror(b, db, field, n)
	quota := db.Quota(state.Limits{PerSecond: 1000, PerDay: 1 << 40})
	return &ccsync.Engine{
		State: db, Quota: quota, Scratch: dir, Version: "test", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Read:   ccapi.NewReader(server.URL+"/v3", &http.Client{Transport: &ccapi.Transport{PerSecond: 1000}}, fixedToken(access)),
		Policy: ccsync.Policy{Fields: []ccsync.Field{{Column: "short_code", CustomField: "short_code"}}},
	}
}

func fillMirror(b *testing.B, db *state.DB, field string, n int) {
	b.Helper()
	ctx := b.Context()
	if err := db.SetBindings(ctx, []state.Binding{{Kind: state.CustomField, Wanted: "short_code", ID: field, Name: "short_code", Label: "Short code", Type: "string"}}); err != nil {
		b.Fatal(err)
	}
	var page []state.Contact
	for i := range n {
		norm := fmt.Sprintf("user%08d@example.com", i)
		page = append(page, state.Contact{Norm: norm, ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Address: norm, Permission: "implicit",
			Lists: []string{"5ea15fb8-4f1e-4990-9466-84e2f6f9e04a"}, Fields: fmt.Sprintf("C%07d", i), UpdatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
		if len(page) == 5000 || i == n-1 {
			if _, err := db.PutContacts(ctx, state.Mirror{}, page, ""); err != nil {
				b.Fatal(err)
			}
			page = page[:0]
		}
	}
	now := time.Now()
	if err := db.EndRefresh(ctx, state.Mirror{Mapping: field + ":string", Mark: now, SnapshotAt: now, Contacts: n}); err != nil {
		b.Fatal(err)
	}
}

// generated streams n users in no order; every changed-th has another code.
func generated(n, changed int) func(context.Context, ...int) *source.Reading {
	const step = 7_368_787 // a prime: steps through all of them in no order
	return func(context.Context, ...int) *source.Reading {
		return source.ReadingOf(func(yield func(source.Row, error) bool) {
			values := make([]string, 1)
			for k := range n {
				i := k * step % n
				values[0] = fmt.Sprintf("C%07d", i)
				if changed > 0 && i%changed == 0 {
					values[0] = fmt.Sprintf("X%07d", i)
				}
				address := fmt.Sprintf("user%08d@example.com", i)
				if i%20 == 0 {
					address = fmt.Sprintf("User%08d@Example.com", i)
				}
				if !yield(source.Row{Key: fmt.Sprint(i), Email: address, Values: values}, nil) {
					return
				}
			}
		})
	}
}
