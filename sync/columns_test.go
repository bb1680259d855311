package sync_test

import (
	"testing"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

func TestAColumnThatIsNotMappedAnyMoreDidNotShrink(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		w.guard = ccsync.Guard{MinSourceRows: 1, MaxShrinkPercent: 30}
		code := w.policy.Fields[0]
		w.policy.Fields = []ccsync.Field{code, {Column: "first_name", Property: "first_name"}, {Column: "short_code", Property: "job_title"}}
		for i, r := range w.rows {
			w.rows[i].Values = []string{r.Values[0], "Ann", r.Values[0]}
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		// and the column of the code is mapped once in place of twice
		w.policy.Fields = []ccsync.Field{code}
		for i, r := range w.rows {
			w.rows[i].Values = r.Values[:1]
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
	})
}

func TestOneColumnFillsTwoFields(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "short_code", Property: "job_title"})
		w.one("K1", "K1")
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if c, _ := w.box.Contact("a@example.com"); c.JobTitle != "K1" || c.Fields["short_code"] != "K1" {
			t.Errorf("%+v", c)
		}
		if again := w.run(ccsync.Options{}); again.Summary.Unchanged != 1 {
			t.Errorf("%+v", again.Changes)
		}
	})
}
