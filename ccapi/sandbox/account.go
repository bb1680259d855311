package sandbox

import "slices"

// owner is who the account belongs to.
type owner struct {
	AccountID    string `json:"account_id"`
	Organization string `json:"organization"`
	Email        string `json:"email"`
	FirstName    string `json:"first_name"`
	LastName     string `json:"last_name"`
	UserID       string `json:"user_id"`
}

func defaultOwner() owner {
	return owner{AccountID: "p07sandbox0001", Organization: "Sandbox Company", Email: "owner@example.com",
		FirstName: "Sandbox", LastName: "Owner", UserID: "8d3f1c52-5a4e-4b0b-9f1e-000000000001"}
}

// SetAccount makes the sandbox another account: its encoded_account_id and the
// name of its organization.
func (s *Server) SetAccount(id, organization string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acc.Owner.AccountID, s.acc.Owner.Organization = id, organization
	s.changed++
}

type addressJSON struct {
	Line1   string `json:"address_line1"`
	City    string `json:"city"`
	State   string `json:"state_code"`
	Zip     string `json:"postal_code"`
	Country string `json:"country_code"`
}

func (s *Server) getSummary(c *call) answer {
	extra := c.split("extra_fields")
	if problems := notAmong("extra_fields", extra, []string{"physical_address", "company_logo"}); problems != nil {
		return invalid(problems...)
	}
	o := s.acc.Owner
	out := struct {
		Email        string       `json:"contact_email"`
		Phone        string       `json:"contact_phone"`
		Country      string       `json:"country_code"`
		ID           string       `json:"encoded_account_id"`
		FirstName    string       `json:"first_name"`
		LastName     string       `json:"last_name"`
		Organization string       `json:"organization_name"`
		OrgPhone     string       `json:"organization_phone"`
		State        string       `json:"state_code"`
		Zone         string       `json:"time_zone_id"`
		Website      string       `json:"website"`
		Address      *addressJSON `json:"physical_address,omitempty"`
	}{Email: o.Email, Phone: "5555550100", Country: "US", ID: o.AccountID, FirstName: o.FirstName, LastName: o.LastName,
		Organization: o.Organization, OrgPhone: "555-555-0100", State: "MA", Zone: "US/Eastern", Website: "http://example.com"}
	if slices.Contains(extra, "physical_address") {
		out.Address = &addressJSON{"1 Sandbox Street", "Boston", "MA", "02101", "US"}
	}
	return ok(out)
}

// privilege is one that a user can have, with its number.
type privilege struct {
	ID   int    `json:"privilege_id"`
	Name string `json:"privilege_name"`
}

var privileges = []privilege{
	{1, accountReads}, {2, "account:update"}, {11, contactsRead}, {12, contactsWrite},
	{13, listsRead}, {14, listsWrite}, {30, "campaign:create"}, {31, "campaign:read"}, {32, "campaign:write"},
}

func allPrivileges() []string {
	names := make([]string, len(privileges))
	for i, p := range privileges {
		names[i] = p.Name
	}
	return names
}

func (s *Server) privileged(name string) bool { return slices.Contains(s.opts.Privileges, name) }

func (s *Server) getPrivileges(*call) answer {
	out := []privilege{}
	for _, p := range privileges {
		if s.privileged(p.Name) {
			out = append(out, p)
		}
	}
	return ok(out)
}
