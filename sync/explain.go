package sync

import (
	"cmp"
	"context"

	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Explanation tells all there is to know of one user: the rows, the contacts, what a run would do and why, and
// what was sent before. Values are by source column.
type Explanation struct {
	Asked    string              `json:"asked"`
	Address  string              `json:"address"` // normalised
	Known    bool                `json:"known"`   // at least one side knows the address
	Rows     []ExplainedRow      `json:"rows"`
	Contacts []ExplainedContact  `json:"contacts"`
	Decision string              `json:"decision"` // "unchanged", "update", "create", "clear", "skip", "pending" or "none"
	Reason   string              `json:"reason,omitempty"`
	Detail   string              `json:"detail,omitempty"`
	Fields   map[string]OldToNew `json:"fields,omitempty"` // what would change
	Problem  *ExplainedProblem   `json:"problem,omitempty"`
	Pushes   []ExplainedPush     `json:"pushes"`
	Advice   string              `json:"advice"` // what to do
}

// ExplainedRow is one row of the source. Reason says why it could not be used by itself.
type ExplainedRow struct {
	Key    string            `json:"key,omitempty"`
	Email  string            `json:"email"`
	Values map[string]string `json:"values"`
}

// ExplainedContact is one contact as the mirror knows it.
type ExplainedContact struct {
	ID         string            `json:"contact_id"`
	Email      string            `json:"email"`
	Permission string            `json:"permission"`
	Deleted    bool              `json:"deleted"`
	Lists      []string          `json:"lists"` // names where they are known, else ids
	Left       []string          `json:"lists_left"`
	Values     map[string]string `json:"values"`
	UpdatedAt  string            `json:"updated_at"`
}

// ExplainedProblem is an open problem of the user.
type ExplainedProblem struct {
	Reason   string `json:"reason"`
	Detail   string `json:"detail"`
	Attempts int    `json:"attempts"`
	RetryAt  string `json:"retry_at"`
}

// ExplainedPush is one time that the user was sent.
type ExplainedPush struct {
	Run      int64             `json:"run"`
	Activity string            `json:"activity,omitempty"`
	State    string            `json:"state"`  // of the batch
	Result   string            `json:"result"` // "done", the reason of a problem, or "" while it is open
	At       string            `json:"at"`
	Values   map[string]string `json:"values"`
}

// lastPushes is how many pushes an explanation shows.
const lastPushes = 10

// Explain explains one user, named by an address or by "key:4711", by the same rules that a run follows. It reads the
// source and the state database and asks Constant Contact nothing.
func (e *Engine) Explain(ctx context.Context, who string) (*Explanation, error) {
	r := &run{Engine: e, report: &Report{}}
	bindings, err := e.State.Bindings(ctx)
	if err != nil {
		return nil, err
	}
	r.mapping = (&contact.Binder{Known: bindings, Fields: e.Policy.Fields, Lists: e.Policy.Lists}).FromKnown()
	x := &Explanation{Asked: who, Rows: []ExplainedRow{}, Contacts: []ExplainedContact{}, Pushes: []ExplainedPush{}}
	defer r.closeUsers()
	decided, err := r.explainRows(ctx, who, x)
	if err != nil {
		return nil, err
	}
	if x.Address == "" {
		if !x.Known {
			x.Decision = "none"
		}
		x.Advice = advice(x.Decision, contact.Reason(x.Reason))
		return x, nil
	}
	if err := r.explainContact(ctx, x, decided); err != nil {
		return nil, err
	}
	return x, r.explainPushes(ctx, x)
}

// explainRows finds the rows of the user and what they come to.
func (r *run) explainRows(ctx context.Context, who string, x *Explanation) (*users.User, error) {
	norm, fault := contact.Normalise(who)
	if fault == "" {
		x.Address = norm
	}
	match := func(row source.Row) bool {
		if rowNorm, fault := contact.Normalise(row.Email); fault == "" && x.Address != "" {
			return rowNorm == x.Address
		}
		return row.Key != "" && "key:"+row.Key == who
	}
	var err error
	keep := func(yield func(source.Row, error) bool) {
		for row, rowErr := range r.Users(ctx).Rows() {
			if rowErr == nil && match(row) {
				x.addRow(r.mapping, row)
			}
			if !yield(row, rowErr) {
				return
			}
		}
	}
	if r.users, err = users.Read(ctx, keep, r.mapping, r.Scratch, nil); err != nil {
		return nil, err
	}
	if x.Address == "" && len(x.Rows) > 0 {
		x.Address, fault = contact.Normalise(x.Rows[0].Email)
		if fault != "" {
			x.Known, x.Decision, x.Reason, x.Detail = true, "skip", string(contact.InvalidEmail), fault
		}
	}
	for u, err := range r.users.Each() {
		if err != nil {
			return nil, err
		}
		if string(u.Norm) == x.Address {
			return u, nil
		}
	}
	return nil, nil
}

func (x *Explanation) addRow(m *contact.Mapping, row source.Row) {
	values := make(map[string]string)
	for i := range m.Targets {
		values[m.Targets[i].Column] = row.Values[i]
	}
	x.Rows = append(x.Rows, ExplainedRow{Key: row.Key, Email: row.Email, Values: values})
}

// explainContact decides on the user as a run would.
func (r *run) explainContact(ctx context.Context, x *Explanation, u *users.User) error {
	s := []subject{{norm: x.Address}}
	if u != nil {
		s[0] = subjectOf(x.Address, &u.First, r.mapping)
	}
	if err := r.lookUp(ctx, s); err != nil {
		return err
	}
	for _, c := range s[0].contacts {
		x.Contacts = append(x.Contacts, r.explainedContact(c))
	}
	x.Known = u != nil || len(s[0].contacts) > 0
	if p := s[0].problem; p != nil {
		x.Problem = &ExplainedProblem{Reason: p.Reason, Detail: p.Detail, Attempts: p.Attempts, RetryAt: p.RetryAt.Format(timeFormat)}
	}
	if err := r.explainMove(ctx, &s[0]); err != nil {
		return err
	}
	d := decide(&r.Policy, r.mapping, &s[0], r.now())
	if u != nil && u.Skip != "" {
		d = skip(u.Skip, u.Detail)
	}
	if u == nil && d.action == Clear {
		if err := r.explainOrphan(ctx, &d); err != nil {
			return err
		}
	}
	x.decided(r.mapping, &s[0], &d)
	return nil
}

// explainOrphan finds out whether the user of a contact that would be cleared is gone, by the key.
func (r *run) explainOrphan(ctx context.Context, d *decision) error {
	key := d.contact.FilledKey
	if key == "" {
		return nil
	}
	user, err := r.Explain(ctx, "key:"+key)
	if err == nil && user.Decision == "skip" {
		*d = decision{detail: "its user " + key + " is not gone: that row is skipped, " + user.Reason}
	}
	return err
}

// explainMove finds out whether a user without a contact has moved, as a plan does.
func (r *run) explainMove(ctx context.Context, s *subject) error {
	value := r.mapping.UniqueValue(contact.Encode(s.fields))
	if len(s.contacts) > 0 || value == "" {
		return nil
	}
	contacts := readEntries(r.State.Entries(ctx), len(r.mapping.Targets))
	defer contacts.Close()
	for pair, err := range join(r.users.Each(), contacts) {
		if err != nil {
			return err
		}
		if pair.user == nil && r.mapping.UniqueValue(pair.fields) == value {
			s.movedFrom = pair.norm
			return nil
		}
	}
	return nil
}

const timeFormat = "2006-01-02T15:04:05Z07:00"

func (r *run) explainedContact(c state.Contact) ExplainedContact {
	return ExplainedContact{ID: c.ID, Email: c.Address, Permission: c.Permission, Deleted: c.Deleted, Lists: r.mapping.ListNames(c.Lists),
		Left: r.mapping.ListNames(c.Left), Values: r.mapping.ByColumn(c.Fields), UpdatedAt: c.UpdatedAt.Format(timeFormat)}
}

func (x *Explanation) decided(m *contact.Mapping, s *subject, d *decision) {
	x.Detail = d.detail
	switch {
	case d.skip != "":
		x.Decision, x.Reason = "skip", string(d.skip)
	case d.pending:
		x.Decision = "pending"
	case d.action != "":
		x.Decision = string(d.action)
		x.Fields = make(map[string]OldToNew)
		for i := range d.wanted {
			if d.wanted[i] != d.old[i] {
				x.Fields[m.Targets[i].Column] = OldToNew{Old: d.old[i], New: d.wanted[i]}
			}
		}
	case s.fields == nil:
		x.Decision, x.Detail = "none", cmp.Or(d.detail, "no row of the source has this address")
	default:
		x.Decision = "unchanged"
	}
	x.Advice = advice(x.Decision, contact.Reason(x.Reason))
}

// advice says what a person can do about a decision.
func advice(decision string, reason contact.Reason) string {
	switch {
	case decision == "unchanged":
		return "the contact carries the user's values; a mail that shows another one was sent before they arrived"
	case decision == "pending":
		return "an import with this user is under way; look again in some minutes"
	case decision == "none":
		return "nothing is done without a row in the source; if there should be one, check the spelling"
	case decision != "skip":
		return "it will be sent with the next run; `ccsyncd push` with the address sends it now"
	}
	return map[contact.Reason]string{
		contact.InvalidEmail:   "correct the address in the source",
		contact.DuplicateEmail: "leave one row with this address in the source, or give all of them the same values",
		contact.DuplicateValue: "give each user a value of its own in the source",
		contact.MissingValue:   "fill in the value in the source",
		contact.ValueTooLong:   "shorten the value in the source",
		contact.InvalidValue:   "correct the value in the source, or map it to a custom field of another type",
		contact.NotAContact:    "add the person in Constant Contact, or allow [contacts] create",
		contact.Moved:          "change the address of the contact in Constant Contact to the new one",
		contact.Unsubscribed:   "nothing: the person opted out; only the person can opt in again",
		contact.Deleted:        "nothing: somebody deleted the contact; put the person back in Constant Contact if that was a mistake",
		contact.NoList:         "put the contact on a list in Constant Contact, or name lists in [contacts] lists",
		contact.Quarantined:    "wait for the next try, or send it now with `ccsyncd push` and the address",
	}[reason]
}

func (r *run) explainPushes(ctx context.Context, x *Explanation) error {
	pushes, err := r.State.Pushes(ctx, x.Address, lastPushes)
	if err != nil {
		return err
	}
	for _, p := range pushes {
		x.Pushes = append(x.Pushes, ExplainedPush{Run: p.Run, Activity: p.Activity, State: p.State, Result: p.Result, At: p.RecordedAt,
			Values: r.mapping.ByColumn(contact.Carry(p.Mapping, r.mapping.Key())(p.Wanted))})
	}
	return nil
}

// Forget removes an address from everything that this program remembers and returns how many rows named it.
func (e *Engine) Forget(ctx context.Context, address string) (rows int, err error) {
	return e.State.Forget(ctx, contact.Norm(address))
}
