package ccapi

import "context"

// Account says whose account it is.
type Account struct {
	ID    string // encoded_account_id
	Name  string // organization_name
	Email string // contact_email, the owner's address
}

// Account reads the account's summary. It needs the scope account_read.
func (r *Reader) Account(ctx context.Context) (Account, error) {
	doc := new(accountDoc)
	if err := r.read(ctx, "read account", doc, nil, "account", "summary"); err != nil {
		return Account{}, err
	}
	return Account(*doc), nil
}

// accountDoc is the answer of GET /account/summary.
type accountDoc struct {
	ID    string `json:"encoded_account_id"`
	Name  string `json:"organization_name"`
	Email string `json:"contact_email"`
}

// complete wants an id or a name.
func (d *accountDoc) complete() bool { return d.ID != "" || d.Name != "" }

// Counts are the numbers of contacts by permission, without deleted contacts.
type Counts struct {
	Total        int
	Explicit     int
	Implicit     int
	Pending      int
	Unsubscribed int
}

// Counts reads the totals in one request.
func (r *Reader) Counts(ctx context.Context) (Counts, error) {
	doc := new(countsDoc)
	if err := r.read(ctx, "read contact counts", doc, nil, "contacts", "counts"); err != nil {
		return Counts{}, err
	}
	return Counts{*doc.Total, doc.Explicit, doc.Implicit, doc.Pending, doc.Unsubscribed}, nil
}

// countsDoc is the answer of GET /contacts/counts.
type countsDoc struct {
	Total        *int `json:"total"`
	Explicit     int  `json:"explicit"`
	Implicit     int  `json:"implicit"`
	Pending      int  `json:"pending"`
	Unsubscribed int  `json:"unsubscribed"`
}

// complete wants the total.
func (d *countsDoc) complete() bool { return d.Total != nil }

// Privileges reads the names of the user's privileges, such as contacts:write. It needs no scope.
func (r *Reader) Privileges(ctx context.Context) ([]string, error) {
	doc := new(privilegesDoc)
	if err := r.read(ctx, "read user privileges", doc, nil, "account", "user", "privileges"); err != nil {
		return nil, err
	}
	var names []string
	for _, p := range *doc {
		names = append(names, p.Name)
	}
	return names, nil
}

// privilegesDoc is the answer of GET /account/user/privileges.
type privilegesDoc []struct {
	Name string `json:"privilege_name"`
}

// complete takes any array; an object does not decode.
func (d *privilegesDoc) complete() bool { return true }
