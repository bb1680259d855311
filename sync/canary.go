package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// The first push to an account, and the first after fields or lists changed, sends a few contacts ahead of the others and compares
// them whole before and after: nobody knows for certain what an import touches besides what it names.

// recordCanary is the name under which the state database keeps how they fared.
const recordCanary = "canary"

// canary is how the contacts that went ahead have fared, for one mapping and choice of lists.
type canary struct {
	For     string   `json:"for"`
	Passed  int      `json:"passed"`            // contacts of which nothing else changed
	Changed []string `json:"changed,omitempty"` // what else changed: nothing is sent until somebody forces it
	Ahead   []ahead  `json:"ahead,omitempty"`   // sent, and not compared yet
}

// ahead is a contact that went ahead, as it was.
type ahead struct {
	Norm   string      `json:"norm"`
	ID     string      `json:"contact_id,omitempty"` // "" for one that was to be created
	Action plan.Action `json:"action"`
	Before ccapi.Whole `json:"before,omitempty"` // nil for one that was to be created
	Wanted string      `json:"wanted"`
	Old    string      `json:"old"`
	Lists  []string    `json:"lists,omitempty"` // that it may have joined
}

// canaryFor names what a canary proves something of.
func (r *run) canaryFor() string {
	lists := make([]string, len(r.mapping.Lists))
	for i, l := range r.mapping.Lists {
		lists[i] = l.ID
	}
	slices.Sort(lists)
	return strings.Join(r.mapping.Pairs(), "\n") + "\n" + strings.Join(lists, " ")
}

// canary is the record of the present mapping and lists.
func (r *run) canary(ctx context.Context) (c canary, err error) {
	if _, err = r.State.Record(ctx, recordCanary, &c); err == nil && c.For != r.canaryFor() {
		c = canary{For: r.canaryFor()}
	}
	return c, err
}

func (r *run) keepCanary(ctx context.Context, c *canary) error {
	all, err := asRecord(recordCanary, c)
	if err != nil {
		return err
	}
	return r.State.SetRecords(context.WithoutCancel(ctx), all)
}

// due is how many contacts are to go ahead still.
func (r *run) due(c *canary) int {
	if r.opts.Force {
		return 0
	}
	return max(r.Guard.Canary-c.Passed, 0)
}

// forcesAll tells whether a run was forced for everybody. One that was forced for some sends these, and leaves as it is what holds
// for the others.
func (r *run) forcesAll() bool { return r.opts.Force && len(r.opts.Only) == 0 && r.opts.Limit == 0 }

// judgeCanary refuses a plan when contacts that went ahead changed in more than they were to.
func (r *run) judgeCanary(ctx context.Context, v *plan.Verdict) error {
	if r.Guard.Canary == 0 || r.plan.Len() == 0 {
		return nil
	}
	c, err := r.canary(ctx)
	if err == nil && len(c.Changed) > 0 {
		v.Trip("canary", "contacts that went ahead changed in more than their values: "+strings.Join(c.Changed, "; "))
	}
	return err
}

// awaitAhead waits for contacts that a former run sent ahead: until they are compared nothing else is sent. ok is false when nothing may be
// sent yet.
func (r *run) awaitAhead(ctx context.Context) (ok bool, err error) {
	c, err := r.canary(ctx)
	if err != nil || len(c.Ahead) == 0 || r.Guard.Canary == 0 || r.opts.Force {
		return err == nil, err
	}
	if err := r.await(ctx); err != nil {
		return false, err
	}
	if err := r.compareAhead(ctx); err != nil {
		return false, err
	}
	if err := r.judgeCanary(ctx, &r.report.Guard); err != nil || r.report.Guard.Tripped {
		return false, err
	}
	if c, err = r.canary(ctx); err != nil || len(c.Ahead) > 0 {
		r.note("the import of the contacts that go ahead is under way still: the others wait for it")
		return false, err
	}
	return true, nil
}

// sendInSteps sends the plan: first the contacts that go ahead, where some are due, then the others.
func (r *run) sendInSteps(ctx context.Context) error {
	c, err := r.canary(ctx)
	if err != nil {
		return err
	}
	if r.forcesAll() && r.Guard.Canary > 0 {
		c = canary{For: c.For, Passed: r.Guard.Canary}
		if err := r.keepCanary(ctx, &c); err != nil {
			return err
		}
	}
	due := r.due(&c)
	if due == 0 {
		return r.send(ctx, nil)
	}
	first, err := r.plan.Ahead(due)
	if err != nil {
		return err
	}
	r.Log.InfoContext(ctx, "sending some contacts ahead of the others", "run", r.id, "contacts", len(first))
	if c.Ahead, err = r.readAhead(ctx, first); err != nil {
		return err
	}
	if err := r.keepCanary(ctx, &c); err != nil {
		return err
	}
	if err := r.send(ctx, func(norm string) bool { return first[norm] }); err != nil {
		return err
	}
	if err := r.await(ctx); err != nil {
		return err
	}
	if err := r.compareAhead(ctx); err != nil {
		return err
	}
	if c, err = r.canary(ctx); err != nil {
		return err
	}
	if err := r.judgeCanary(ctx, &r.report.Guard); err != nil || r.report.Guard.Tripped {
		return err
	}
	if r.due(&c) > 0 {
		if len(first) < r.plan.Len() {
			r.note("not all contacts that went ahead were seen with their values: the others wait for the next run")
		}
		return nil
	}
	r.note(fmt.Sprintf("contacts that went ahead of the others: %d; compared whole, nothing but their values changed", len(first)))
	return r.send(ctx, func(norm string) bool { return !first[norm] })
}

// readAhead reads the contacts that go ahead, whole.
func (r *run) readAhead(ctx context.Context, first map[string]bool) ([]ahead, error) {
	var all []ahead
	for o, err := range r.plan.Each() {
		if err != nil {
			return nil, err
		}
		if !first[o.Row.Norm] {
			continue
		}
		a := ahead{Norm: o.Row.Norm, Action: plan.Action(o.Row.Action), Wanted: o.Row.Wanted, Old: o.Row.Old, Lists: o.Lists}
		if a.Action != plan.Create {
			if a.ID, a.Before, err = r.wholeOf(ctx, &o.Row); err != nil {
				return nil, fmt.Errorf("read a contact that goes ahead: %w", err)
			}
			if a.Before == nil {
				continue // it is gone: it proves nothing
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// wholeOf reads the contact of a row whole; nil when there is none. One that only an export has shown has no id yet: its address tells.
func (r *run) wholeOf(ctx context.Context, row *state.BatchRow) (id string, whole ccapi.Whole, err error) {
	id = row.ID
	if c := (state.Contact{ID: id}); c.Unnamed() {
		if err := r.mirror.Place(ctx, row.Norm, []string{row.Address}); err != nil {
			return "", nil, err
		}
		contacts, err := r.mirror.Contacts(ctx, []string{row.Norm})
		if err != nil || len(contacts) == 0 || contacts[0].Unnamed() {
			return "", nil, err
		}
		id = contacts[0].ID
	}
	_, whole, err = r.Read.Whole(ctx, id)
	if errors.Is(err, ccapi.ErrNotFound) {
		return "", nil, nil
	}
	return id, whole, err
}

// compareAhead compares the contacts that went ahead and whose batches have ended, in this run or in one that ended in between.
func (r *run) compareAhead(ctx context.Context) error {
	if r.Write == nil {
		return nil
	}
	c, err := r.canary(ctx)
	if err != nil || len(c.Ahead) == 0 {
		return err
	}
	norms := make([]string, len(c.Ahead))
	for i := range c.Ahead {
		norms[i] = c.Ahead[i].Norm
	}
	open, err := r.State.Pending(ctx, norms)
	if err != nil {
		return err
	}
	var waiting []ahead
	for i := range c.Ahead {
		if open[c.Ahead[i].Norm] {
			waiting = append(waiting, c.Ahead[i])
			continue
		}
		if err := r.compareOne(ctx, &c, &c.Ahead[i]); err != nil {
			return err
		}
	}
	c.Ahead = waiting
	return r.keepCanary(ctx, &c)
}

// compareOne compares one contact. Where its values did not arrive it proves nothing.
func (r *run) compareOne(ctx context.Context, c *canary, a *ahead) error {
	id := a.ID
	if id == "" {
		contacts, err := r.mirror.Contacts(ctx, []string{a.Norm})
		if err != nil || len(contacts) == 0 || contacts[0].Unnamed() {
			return err
		}
		id = contacts[0].ID
	}
	is, after, err := r.Read.Whole(ctx, id)
	if errors.Is(err, ccapi.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read a contact that went ahead: %w", err)
	}
	more := r.unplanned(a, after)
	if len(more) > 0 {
		c.Changed = append(c.Changed, "contact "+is.ID+": "+strings.Join(more, ", "))
		r.Log.ErrorContext(ctx, "a contact that went ahead changed in more than its values", "run", r.id, "contact", is.ID, "changed", more)
		return nil
	}
	wanted, old, now := r.mapping.Decode(a.Wanted), r.mapping.Decode(a.Old), r.mapping.Values(&is)
	for i := range wanted {
		if wanted[i] != old[i] && now[i] != wanted[i] {
			return nil
		}
	}
	c.Passed++
	return nil
}

// unplanned are the differences that the plan does not account for: neither the mapped values nor the lists to join. Values are
// not shown.
func (r *run) unplanned(a *ahead, after ccapi.Whole) []string {
	before := a.Before
	if a.Action == plan.Create {
		before = created(after)
	}
	planned := make(map[string]bool)
	for _, id := range a.Lists {
		planned["list_memberships."+id] = true
	}
	wanted, old := r.mapping.Decode(a.Wanted), r.mapping.Decode(a.Old)
	for i := range r.mapping.Targets {
		if t := &r.mapping.Targets[i]; wanted[i] != old[i] {
			planned[pathOf(t)] = true
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

// pathOf is where a contact has the value of a target.
func pathOf(t *contact.Target) string {
	if t.Property != "" {
		return t.Property
	}
	return "custom_fields." + t.ID
}

// created is what a contact is that an import has just created, before its values and lists: implicit, with its address, and with what
// the API makes up itself.
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
		return fmt.Sprintf("permission_to_send was %s and is %s", orNothing(d.Before), orNothing(d.After))
	case strings.HasPrefix(d.Path, "list_memberships.") && d.Before == "", strings.HasPrefix(d.Path, "taggings.") && d.Before == "":
		return d.Path + " was added"
	case strings.Contains(d.Path, "{"):
		return d.Path[:strings.IndexByte(d.Path, '.')] + " changed"
	case d.After == "":
		return d.Path + " was removed"
	}
	return d.Path + " changed"
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// forgetAhead takes an address out of the contacts that went ahead.
func forgetAhead(ctx context.Context, db *state.DB, norm string) error {
	var c canary
	ok, err := db.Record(ctx, recordCanary, &c)
	if err != nil || !ok || !slices.ContainsFunc(c.Ahead, func(a ahead) bool { return a.Norm == norm }) {
		return err
	}
	c.Ahead = slices.DeleteFunc(c.Ahead, func(a ahead) bool { return a.Norm == norm })
	all, err := asRecord(recordCanary, c)
	if err != nil {
		return err
	}
	return db.SetRecords(ctx, all)
}
