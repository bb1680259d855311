package sync

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/push"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Explanation tells all there is to know of one user: the rows, the contacts, what a run would do
// and why, and what was sent before. Values are by source column.
type Explanation struct {
	Schema   int                `json:"schema"` // 1
	Asked    string             `json:"asked"`
	Address  string             `json:"address"`             // normalised
	Known    bool               `json:"known"`               // at least one side knows the address
	Rows     []ExplainedRow     `json:"rows"`                // the first 20
	MoreRows int                `json:"more_rows,omitempty"` // rows of the user beyond these
	Contacts []ExplainedContact `json:"contacts"`
	// "unchanged", "update", "create", "clear", "skip", "pending", "none", or "unknown" while the
	// contacts or values that it takes have not been read
	Decision string              `json:"decision"`
	Reason   string              `json:"reason,omitempty"`
	Detail   string              `json:"detail,omitempty"`
	Fields   map[string]OldToNew `json:"fields,omitempty"` // what would change
	Problem  *ExplainedProblem   `json:"problem,omitempty"`
	// Overstepped is what an import or a clear changed in the contact that it must not, until
	// somebody has put it right.
	Overstepped string          `json:"overstepped,omitempty"`
	Pushes      []ExplainedPush `json:"pushes"`
	Advice      string          `json:"advice"` // a hint
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
	Run      int64  `json:"run"`
	Activity string `json:"activity,omitempty"`
	State    string `json:"state"` // of the batch
	// "done", the reason of a problem, "unmapped", or "" while it is open
	Result string            `json:"result"`
	At     string            `json:"at"`
	Values map[string]string `json:"values"`
}

// lastPushes is how many pushes an explanation shows.
const lastPushes = 10

// shownRows is how many rows an explanation shows.
const shownRows = 20

// explainer is one explanation under way.
type explainer struct {
	*Engine
	mapping *contact.Mapping
	users   *users.Users
}

// Explain explains one user, named by an address or by "key:4711", by the plan that a run for all
// would make. It reads the source and the state file and asks Constant Contact nothing.
func (e *Engine) Explain(ctx context.Context, who string) (*Explanation, error) {
	r := &explainer{Engine: e}
	bindings, err := e.State.Bindings(ctx)
	if err != nil {
		return nil, err
	}
	r.mapping = e.mappingOf(bindings)
	knows, err := e.knowsWhoLeft(ctx)
	if err != nil {
		return nil, err
	}
	r.mapping.NoJoins = !knows
	x := &Explanation{Schema: 1, Asked: who, Rows: []ExplainedRow{}, Contacts: []ExplainedContact{}, Pushes: []ExplainedPush{}}
	defer func() {
		if r.users != nil {
			r.users.Close()
		}
	}()
	if err := r.rows(ctx, who, x); err != nil {
		return nil, err
	}
	if x.Address == "" {
		if !x.Known {
			x.Decision = "none"
		}
		x.Advice = advice(x.Decision, Reason(x.Reason))
		return x, nil
	}
	look, lacks, err := mirror.Look(ctx, e.State, r.mapping)
	if err != nil {
		return nil, err
	}
	if err := r.contacts(ctx, &look, x); err != nil {
		return nil, err
	}
	if err := r.decision(ctx, &look, lacks, x); err != nil {
		return nil, err
	}
	if err := r.refusal(ctx, x); err != nil {
		return nil, err
	}
	return x, r.pushes(ctx, x)
}

// rows finds the rows of the user. The plan needs all rows of the source, so they pass through.
func (r *explainer) rows(ctx context.Context, who string, x *Explanation) error {
	f := rowFinder{x: x, mapping: r.mapping, name: strings.TrimSpace(who)}
	if norm, fault := contact.Normalise(who); fault == "" {
		x.Address, f.given = norm, true
	}
	var err error
	keep := func(yield func(source.Row, error) bool) {
		for row, rowErr := range r.Users(ctx, r.mapping.Dates()...).Rows() {
			if rowErr == nil {
				f.take(row)
			}
			if !yield(row, rowErr) {
				return
			}
		}
	}
	if r.users, err = users.Read(ctx, keep, r.mapping, r.Scratch, nil); err != nil {
		return err
	}
	x.Known = len(x.Rows) > 0
	if x.Known && x.Address == "" {
		x.Decision, x.Reason, x.Detail = "skip", string(contact.InvalidEmail), f.fault
	}
	return nil
}

// rowFinder finds rows by the names that a push takes: an address, the text of one that cannot be
// one, or a key.
type rowFinder struct {
	x       *Explanation
	mapping *contact.Mapping
	name    string
	given   bool   // the name is an address
	fault   string // what is wrong with the address of the first row that has none
}

// take keeps the row if it is the user's. Of several rows with the key, the first one with an
// address tells whose key it is.
func (f *rowFinder) take(row source.Row) {
	norm, fault := contact.Normalise(row.Email)
	switch {
	case f.given:
		if fault != "" || norm != f.x.Address {
			return
		}
	case row.Key != "" && "key:"+row.Key == f.name, fault != "" && strings.TrimSpace(row.Email) == f.name:
		f.fault, f.x.Address = cmp.Or(f.fault, fault), cmp.Or(f.x.Address, norm)
	default:
		return
	}
	f.x.addRow(f.mapping, row)
}

func (x *Explanation) addRow(m *contact.Mapping, row source.Row) {
	if len(x.Rows) == shownRows {
		x.MoreRows++
		return
	}
	values := make(map[string]string)
	for i := range m.Targets {
		values[m.Targets[i].Column] = row.Values[i]
	}
	x.Rows = append(x.Rows, ExplainedRow{Key: row.Key, Email: row.Email, Values: values})
}

// contacts shows the contacts of the address as the mirror has them.
func (r *explainer) contacts(ctx context.Context, look plan.Contacts, x *Explanation) error {
	contacts, err := look.Contacts(ctx, []string{x.Address})
	if err != nil {
		return err
	}
	names, err := readListNames(ctx, r.State)
	if err != nil {
		return err
	}
	for _, c := range contacts {
		x.Contacts = append(x.Contacts, r.contact(c, names))
	}
	x.Known = x.Known || len(contacts) > 0
	return nil
}

// decision decides on the user as a run would. Without a snapshot nobody knows who is a contact.
func (r *explainer) decision(ctx context.Context, look *mirror.View, lacks []string, x *Explanation) error {
	off, err := push.ReadClearing(ctx, r.State)
	if err != nil {
		return err
	}
	spared, err := push.ReadSparing(ctx, r.State)
	if err != nil {
		return err
	}
	rules := r.Policy.rules(r.mapping)
	rules.ClearingOff, rules.Sparing, rules.Now, rules.Scratch = off != nil, spared != nil, r.State.Now(), r.Scratch
	d, err := plan.Decide(ctx, rules, look, r.users, x.Address)
	if err != nil {
		return err
	}
	if p := d.Problem; p != nil {
		x.Problem = &ExplainedProblem{Reason: p.Reason, Detail: p.Detail, Attempts: p.Attempts, RetryAt: p.RetryAt.Format(timeFormat)}
	}
	open, err := r.State.Oversteps(ctx)
	if err != nil {
		return err
	}
	for i := range open {
		mine := func(c ExplainedContact) bool { return c.ID == open[i].ID }
		if open[i].Norm == contact.Norm(x.Address) || slices.ContainsFunc(x.Contacts, mine) {
			x.Overstepped = open[i].Detail
		}
	}
	unread := ""
	switch {
	case look.Unread():
		unread = "the contacts have not been read yet"
	case len(lacks) > 0:
		unread = "the configuration maps a field whose values have not been read yet"
	}
	forgotten, err := r.State.ReadingWanted(ctx)
	if err != nil {
		return err
	}
	if unread == "" && forgotten != "" && !d.Pending && (d.Skip == contact.NotAContact || d.Action == plan.Create) {
		unread = "addresses were forgotten, and all contacts have not been read since"
	}
	x.decided(&d, unread)
	if x.Decision == "unknown" && look.Foreign() {
		x.Advice = "the next run reads the contacts; `ccsyncd --dry-run` shows what it would do"
	}
	if x.Overstepped != "" {
		x.Advice = "check the contact in Constant Contact; if it is as it should be, run `ccsyncd push EMAIL --force`"
	}
	return nil
}

// refusal says that nothing is sent while the guard refuses what the whole run plans.
func (r *explainer) refusal(ctx context.Context, x *Explanation) error {
	last, ok, err := ReadLastWhole(ctx, r.State)
	if err != nil || !ok || last.Outcome != Refused || len(x.Fields) == 0 {
		return err
	}
	x.Advice = "nothing is sent while the safety limits refuse the changes (" + strings.Join(last.Guard, ", ") + "); see `ccsyncd status`"
	return nil
}

const timeFormat = "2006-01-02T15:04:05Z07:00"

func (r *explainer) contact(c state.Contact, names listNames) ExplainedContact {
	return ExplainedContact{ID: c.ID, Email: c.Address, Permission: c.Permission, Deleted: c.Deleted, Lists: names.of(r.mapping.ListNames(c.Lists)),
		Left: names.of(r.mapping.ListNames(c.Left)), Values: r.mapping.ByColumn(c.Fields), UpdatedAt: c.UpdatedAt.Format(timeFormat)}
}

func (x *Explanation) decided(d *plan.Decision, unread string) {
	x.Detail = d.Detail
	switch {
	case d.Skip != "" && !(unread != "" && d.Skip == contact.NotAContact):
		x.Decision, x.Reason = "skip", string(d.Skip)
	case unread != "":
		x.Decision, x.Detail = "unknown", unread
	case d.Pending:
		x.Decision = "pending"
	case d.Action != "":
		x.Decision = string(d.Action)
		x.Fields = make(map[string]OldToNew)
		for _, f := range d.Fields {
			x.Fields[f.Column] = f.OldToNew
		}
	case !d.Row && d.Held:
		x.Decision, x.Detail = "none", "the source has no row with this address; the contact's values are being emptied, or wait for a retry"
	case !d.Row:
		x.Decision, x.Detail = "none", cmp.Or(d.Detail, "the source has no row with this address")
	default:
		x.Decision = "unchanged"
	}
	x.Advice = advice(x.Decision, Reason(x.Reason))
}

// advice says what a person can do about a decision.
func advice(decision string, reason contact.Reason) string {
	switch {
	case decision == "unchanged":
		return "nothing to do: the contact has the user's current values. Mail with an older value was sent before they arrived"
	case decision == "pending":
		return "an import with this user is still running; check again in a few minutes"
	case decision == "unknown":
		return "run `ccsyncd --dry-run` first; it reads the contacts"
	case decision == "none":
		return "ccsyncd only sends users that have a row in the source; check the spelling of the address or key"
	case decision != "skip":
		return "the next run sends it; `ccsyncd push EMAIL` sends it now"
	}
	return map[contact.Reason]string{
		contact.InvalidEmail:   "correct the address in the source",
		contact.DuplicateEmail: "keep one row with this address in the source, or give all its rows the same values",
		contact.DuplicateValue: "give each user a different value in the source",
		contact.MissingValue:   "fill in the value in the source",
		contact.ValueTooLong:   "shorten the value in the source",
		contact.InvalidValue:   "correct the value in the source, or map it to a custom field of another type",
		contact.NotAContact:    "add the person in Constant Contact, or set [contacts] create = true",
		contact.Moved:          "change the contact's address in Constant Contact to the new one",
		contact.Unsubscribed:   "nothing: the person opted out, and nobody else can undo that",
		contact.Deleted:        "nothing, if the contact was deleted on purpose; otherwise add the person again in Constant Contact",
		contact.NoList:         "put the contact on a list in Constant Contact, or name lists in [contacts] lists",
		contact.Quarantined:    "wait for the next retry, or send it now with `ccsyncd push EMAIL`",
		contact.ClearingOff:    "empty the value in Constant Contact; `ccsyncd check` shows why ccsyncd clears nothing",
	}[reason]
}

func (r *explainer) pushes(ctx context.Context, x *Explanation) error {
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
