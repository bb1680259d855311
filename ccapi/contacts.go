package ccapi

import (
	"cmp"
	"context"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// ContactsPerPage is the most that GET /contacts gives at once.
const ContactsPerPage = 500

// subresources are the parts of a contact that have to be asked for.
const subresources = "custom_fields,list_memberships"

// ContactsQuery selects the contacts to read. The zero value selects all of them, with every
// status, deleted ones too. Contacts come with their custom fields and lists.
type ContactsQuery struct {
	// UpdatedAfter omits contacts that were not updated since then. Zero omits none. It is only a
	// hint: an opt-out does not count as an update, and other edits may not. Constant Contact does
	// not document whether the time is inclusive, so windows must overlap.
	UpdatedAfter time.Time
	// Deleted reads deleted contacts alone.
	Deleted bool
	// Email reads the contacts with this address alone, as a rule one.
	Email string
	// Limit is how many contacts a page has at most, up to ContactsPerPage; 0 stands for that.
	Limit int
	// Next resumes behind an earlier page; it carries the filters, and the others here are ignored.
	Next string
}

// Page is one answer of GET /contacts.
type Page struct {
	Contacts []Contact
	Count    int       // contacts that match in all (contacts_count); -1 where not told
	ServedAt time.Time // UTC, by the server's clock
	Next     string    // link to the next page, on the configured host; "" on the last
}

// Contact is a person in the account.
type Contact struct {
	ID      string
	Address string // as the server spells it; "" for a contact without an address
	// permission_to_send: explicit, implicit, not_set, pending_confirmation, temp_hold,
	// unsubscribed
	Permission   string
	FirstName    string
	LastName     string
	JobTitle     string
	CompanyName  string
	CustomFields []CustomFieldValue
	Lists        []string // ids
	// UpdatedAt is when the contact or its address was last updated, whichever is later, in UTC;
	// zero where the server does not tell. An opt-out moves the address's time alone.
	UpdatedAt time.Time
	Deleted   bool
}

// CustomFieldValue is the value of a contact in a custom field.
type CustomFieldValue struct {
	ID      string   // of the custom field
	Value   string   // numbers and booleans as JSON writes them
	Choices []string // ids of choices, in fields of the select types
}

// Contacts reads contacts page by page, up to 500 a request. It ends after the last page or with
// the first error. Pages are offsets into a set that changes, so a contact can come twice or not at
// all.
func (r *Reader) Contacts(ctx context.Context, q ContactsQuery) iter.Seq2[Page, error] {
	const op = "read contacts"
	return func(yield func(Page, error) bool) {
		first, err := r.contactsURL(q)
		if err != nil {
			yield(Page{}, opError(op, err))
			return
		}
		fresh := func() *contactsPage { return new(contactsPage) }
		for doc, err := range walk(ctx, r, op, first, fresh) {
			if err != nil {
				yield(Page{}, err)
				return
			}
			if !yield(doc.public(), nil) {
				return
			}
		}
	}
}

// contactsURL is where a query's first page is.
func (r *Reader) contactsURL(q ContactsQuery) (*url.URL, error) {
	if q.Next != "" {
		return r.resolve(q.Next)
	}
	query := url.Values{
		"limit":         {strconv.Itoa(cmp.Or(q.Limit, ContactsPerPage))},
		"status":        {"all"},
		"include":       {subresources},
		"include_count": {"true"},
	}
	if !q.UpdatedAfter.IsZero() {
		query.Set("updated_after", q.UpdatedAfter.UTC().Format(time.RFC3339))
	}
	if q.Email != "" {
		query.Set("email", q.Email)
	}
	if q.Deleted {
		query.Set("status", "deleted")
	}
	return r.endpoint(query, "contacts")
}

// Contact reads one contact by its id, deleted or not.
func (r *Reader) Contact(ctx context.Context, id string) (Contact, error) {
	doc, err := r.contact(ctx, id)
	if err != nil {
		return Contact{}, err
	}
	return doc.public(), nil
}

// contact reads one contact as it is on the wire.
func (r *Reader) contact(ctx context.Context, id string) (*contactDoc, error) {
	doc := new(contactDoc)
	err := r.read(ctx, "read contact", doc, url.Values{"include": {subresources}}, "contacts", id)
	return doc, err
}
