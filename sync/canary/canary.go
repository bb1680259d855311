// Package canary watches the contacts that go ahead of a first push. The first push to an account,
// and the first after fields or lists changed, sends a few contacts ahead of the others and
// compares them whole before and after: nobody knows for certain what an import touches besides
// what it names.
package canary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// Record is the name under which the state file keeps how they fared.
const Record = "canary"

// Options are what a canary works with.
type Options struct {
	Run      int64 // the run's number
	Contacts int   // that go ahead; 0: none do
	Force    bool  // the run is to send everything at once
	Write    bool  // the run may write
	State    *state.DB
	Read     *ccapi.Reader
	Mirror   *mirror.Mirror
	Log      *slog.Logger
}

// Canary is what a run knows of the contacts that go ahead, under its mapping.
type Canary struct {
	Options
	mapping *contact.Mapping
}

// New returns the canary of a run with this mapping.
func New(o Options, m *contact.Mapping) *Canary { return &Canary{Options: o, mapping: m} }

// Use says which mapping holds from now on.
func (c *Canary) Use(m *contact.Mapping) { c.mapping = m }

// record is how the contacts that went ahead have fared, for one mapping and choice of lists.
type record struct {
	For    string `json:"for"`
	Passed int    `json:"passed"` // contacts of which nothing else changed
	// what else changed: nothing is sent until somebody forces it
	Changed []string `json:"changed,omitempty"`
	Ahead   []ahead  `json:"ahead,omitempty"` // sent, and not compared yet
}

// ahead is a contact that went ahead, as it was.
type ahead struct {
	Norm   string      `json:"norm"`
	Key    string      `json:"key,omitempty"`
	ID     string      `json:"contact_id,omitempty"` // "" for one that was to be created
	Action plan.Action `json:"action"`
	Before ccapi.Whole `json:"before,omitempty"` // nil for one that was to be created
	Wanted string      `json:"wanted"`
	Old    string      `json:"old"`
	Lists  []string    `json:"lists,omitempty"` // that it may have joined
	Run    int64       `json:"run,omitempty"`   // that sends it; 0 from an older version
}

// named names the contact, and its user where the source has a key. The text is shown where
// addresses may not be.
func (a *ahead) named(id string) string {
	if a.Key == "" || strings.Contains(a.Key, "@") {
		return "contact " + id
	}
	return "user key:" + a.Key + " (contact " + id + ")"
}

// provenFor names what a canary proves something of: a line for each mapped field, and one for the
// lists.
func (c *Canary) provenFor() string {
	lists := make([]string, len(c.mapping.Lists))
	for i, l := range c.mapping.Lists {
		lists[i] = l.ID
	}
	slices.Sort(lists)
	return strings.Join(c.mapping.Pairs(), "\n") + "\n" + strings.Join(lists, " ")
}

// record is the one of the present mapping and lists. Another mapping does not undo what one did:
// what changed stays, and the contacts that went ahead are compared by what they were sent with.
func (c *Canary) record(ctx context.Context) (r record, err error) {
	if _, err = c.State.Record(ctx, Record, &r); r.For != c.provenFor() {
		r.Passed = 0
	}
	return r, err
}

func keep(ctx context.Context, db *state.DB, r *record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write %s: %w", Record, err)
	}
	return db.SetRecords(context.WithoutCancel(ctx), state.Records{Record: string(text)})
}

// Due is how many contacts are to go ahead still before anybody else is sent.
func (c *Canary) Due(ctx context.Context) (int, error) {
	r, err := c.record(ctx)
	if err != nil || c.Force {
		return 0, err
	}
	return max(c.Contacts-r.Passed, 0), nil
}

// Judge trips a verdict when contacts that went ahead changed in more than they were to.
func (c *Canary) Judge(ctx context.Context, v *plan.Verdict) error {
	r, err := c.record(ctx)
	if err == nil && len(r.Changed) > 0 {
		v.Trip("canary", "the first contacts sent show changes that were not planned: "+strings.Join(r.Changed, "; "))
	}
	return err
}

// Waiting is how many contacts that went ahead are to be compared still before anybody else is
// sent.
func (c *Canary) Waiting(ctx context.Context) (int, error) {
	r, err := c.record(ctx)
	if err != nil || c.Contacts == 0 || c.Force {
		return 0, err
	}
	return len(r.Ahead), nil
}

// Sends tells whether a batch may be one of those contacts' that are to be compared still.
func (c *Canary) Sends(ctx context.Context, b *state.Batch) (bool, error) {
	r, err := c.record(ctx)
	return slices.ContainsFunc(r.Ahead, func(a ahead) bool { return a.Run == b.Run || a.Run == 0 }), err
}

// Pass takes it that as many contacts as are wanted have passed: for a run that was forced for
// everybody.
func (c *Canary) Pass(ctx context.Context) error {
	return keep(ctx, c.State, &record{For: c.provenFor(), Passed: c.Contacts})
}

// Prepare reads the contacts of a plan that go ahead, whole, and writes down how they are.
func (c *Canary) Prepare(ctx context.Context, p *plan.Plan, first map[string]bool) error {
	r, err := c.record(ctx)
	if err != nil {
		return err
	}
	if r.Ahead, err = c.readAhead(ctx, p, first); err != nil {
		return err
	}
	r.For = c.provenFor()
	return keep(ctx, c.State, &r)
}

// readAhead reads the contacts that go ahead, whole.
func (c *Canary) readAhead(ctx context.Context, p *plan.Plan, first map[string]bool) ([]ahead, error) {
	var all []ahead
	for o, err := range p.Each() {
		if err != nil {
			return nil, err
		}
		if !first[o.Row.Norm] {
			continue
		}
		a := ahead{Norm: o.Row.Norm, Key: o.Row.Key, Action: plan.Action(o.Row.Action), Wanted: o.Row.Wanted, Old: o.Row.Old, Lists: o.Lists, Run: c.Run}
		if a.Action != plan.Create {
			if a.ID, a.Before, err = c.wholeOf(ctx, &o.Row); err != nil {
				return nil, fmt.Errorf("read one of the first contacts to be sent: %w", err)
			}
			if a.Before == nil {
				continue // it is gone: it proves nothing
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// wholeOf reads the contact of a row whole; nil when there is none. One that only an export has
// shown has no id yet: its address tells.
func (c *Canary) wholeOf(ctx context.Context, row *state.BatchRow) (id string, whole ccapi.Whole, err error) {
	id = row.ID
	if known := (state.Contact{ID: id}); known.Unnamed() {
		if err := c.Mirror.Place(ctx, row.Norm, []string{row.Address}); err != nil {
			return "", nil, err
		}
		contacts, err := c.Mirror.Contacts(ctx, []string{row.Norm})
		if err != nil || len(contacts) == 0 || contacts[0].Unnamed() {
			return "", nil, err
		}
		id = contacts[0].ID
	}
	_, whole, err = c.Read.Whole(ctx, id)
	if errors.Is(err, ccapi.ErrNotFound) {
		return "", nil, nil
	}
	return id, whole, err
}

// Compare compares the contacts that went ahead and whose batches have ended, in this run or in one
// that ended in between.
func (c *Canary) Compare(ctx context.Context) error {
	if !c.Write {
		return nil
	}
	r, err := c.record(ctx)
	if err != nil || len(r.Ahead) == 0 {
		return err
	}
	norms := make([]string, len(r.Ahead))
	for i := range r.Ahead {
		norms[i] = r.Ahead[i].Norm
	}
	open, err := c.State.Pending(ctx, norms)
	if err != nil {
		return err
	}
	var waiting []ahead
	for i := range r.Ahead {
		if open[r.Ahead[i].Norm] {
			waiting = append(waiting, r.Ahead[i])
			continue
		}
		if err := c.compare(ctx, &r, &r.Ahead[i]); err != nil {
			return err
		}
	}
	r.Ahead = waiting
	return keep(ctx, c.State, &r)
}

// compare compares one contact. Where its values did not arrive it proves nothing.
func (c *Canary) compare(ctx context.Context, r *record, a *ahead) error {
	id := a.ID
	if id == "" {
		contacts, err := c.Mirror.Contacts(ctx, []string{a.Norm})
		if err != nil || len(contacts) == 0 || contacts[0].Unnamed() {
			return err
		}
		id = contacts[0].ID
	}
	is, after, err := c.Read.Whole(ctx, id)
	if errors.Is(err, ccapi.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read one of the first contacts sent: %w", err)
	}
	if more := unplanned(a, fieldsOf(r.For), after); len(more) > 0 {
		r.Changed = append(r.Changed, a.named(is.ID)+": "+strings.Join(more, ", "))
		c.Log.ErrorContext(ctx, "one of the first contacts sent shows changes that were not planned", "run", c.Run, "contact", is.ID, "changed", more)
		return nil
	}
	if r.For != c.provenFor() {
		return nil // it says nothing of the present mapping
	}
	wanted, old, now := c.mapping.Decode(a.Wanted), c.mapping.Decode(a.Old), c.mapping.Values(&is)
	for i := range wanted {
		if wanted[i] != old[i] && now[i] != wanted[i] {
			return nil
		}
	}
	r.Passed++
	return nil
}

// unplanned are the differences that the plan does not account for: neither the mapped values nor
// the lists to join. Values are not shown.
func unplanned(a *ahead, fields []string, after ccapi.Whole) []string {
	before := a.Before
	if a.Action == plan.Create {
		before = created(after)
	}
	planned := make(map[string]bool)
	for _, id := range a.Lists {
		planned["list_memberships."+id] = true
	}
	wanted, old := contact.Split(a.Wanted), contact.Split(a.Old)
	at := func(values []string, i int) string {
		if i < len(values) {
			return values[i]
		}
		return ""
	}
	for i, path := range fields {
		if at(wanted, i) != at(old, i) {
			planned[path] = true
		}
	}
	var more []string
	for _, d := range before.Differences(after) {
		if !planned[d.Path] {
			more = append(more, differenceText(d))
		}
	}
	return more
}

// fieldsOf are the places where a contact has the mapped values, by the mapping that provenFor
// named.
func fieldsOf(provenFor string) []string {
	lines := strings.Split(provenFor, "\n")
	paths := lines[:len(lines)-1] // the last one names the lists
	for i, line := range paths {
		key := line[strings.LastIndex(line, " ")+1:]
		if id, _, custom := strings.Cut(key, ":"); custom {
			key = "custom_fields." + id
		}
		paths[i] = key
	}
	return paths
}

// created is what a contact is that an import has just created, before its values and lists:
// implicit, with its address, and with what the API makes up itself.
func created(after ccapi.Whole) ccapi.Whole {
	made := ccapi.Whole{"email_address.permission_to_send": "implicit"}
	for path, value := range after {
		switch path {
		case "contact_id", "create_source", "email_address.address", "email_address.confirm_status", "email_address.opt_in_source":
			made[path] = value
		}
	}
	return made
}

// differenceText names a difference. Only a permission is no secret of anybody.
func differenceText(d ccapi.Difference) string {
	switch {
	case strings.HasSuffix(d.Path, "permission_to_send"):
		return fmt.Sprintf("permission_to_send changed from %s to %s", orNothing(d.Before), orNothing(d.After))
	case strings.HasPrefix(d.Path, "list_memberships.") && d.Before == "", strings.HasPrefix(d.Path, "taggings.") && d.Before == "":
		return pathText(d.Path) + " was added"
	case strings.Contains(d.Path, "{"):
		return d.Path[:strings.IndexByte(d.Path, '.')] + " changed"
	case d.After == "":
		return pathText(d.Path) + " was removed"
	}
	return pathText(d.Path) + " changed"
}

var pathText = strings.NewReplacer("list_memberships.", "list ", "custom_fields.", "custom field ", "taggings.", "tag ").Replace

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// Forget takes an address out of the contacts that went ahead.
func Forget(ctx context.Context, db *state.DB, norm string) error {
	var r record
	_, err := db.Record(ctx, Record, &r)
	if err != nil || !slices.ContainsFunc(r.Ahead, func(a ahead) bool { return a.Norm == norm }) {
		return err
	}
	r.Ahead = slices.DeleteFunc(r.Ahead, func(a ahead) bool { return a.Norm == norm })
	return keep(ctx, db, &r)
}
