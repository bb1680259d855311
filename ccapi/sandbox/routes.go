package sandbox

import "net/http"

// Scopes that the API asks for.
const (
	contactData   = "contact_data"
	accountRead   = "account_read"
	accountUpdate = "account_update"
)

// Privileges that the API asks for.
const (
	contactsRead  = "contacts:read"
	contactsWrite = "contacts:write"
	listsRead     = "contacts:lists:read"
	listsWrite    = "contacts:lists:write"
	accountReads  = "account:read"
)

// route is one operation of the API: what it needs and who answers it.
type route struct {
	pattern   string
	scope     string
	privilege string
	answer    func(*Server, *call) answer
}

func apiRoutes() []route {
	return []route{
		{"GET /v3/account/summary", accountRead, accountReads, (*Server).getSummary},
		{"GET /v3/account/user/privileges", "", "", (*Server).getPrivileges},

		{"GET /v3/contacts", contactData, contactsRead, (*Server).getContacts},
		{"GET /v3/contacts/counts", contactData, contactsRead, (*Server).getCounts},
		{"GET /v3/contacts/{contact_id}", contactData, contactsRead, (*Server).getContact},
		{"PUT /v3/contacts/{contact_id}", contactData, contactsWrite, (*Server).putContact},

		{"GET /v3/contact_custom_fields", contactData, contactsRead, (*Server).getFields},
		{"POST /v3/contact_custom_fields", contactData, contactsWrite, (*Server).postField},
		{"GET /v3/contact_custom_fields/{custom_field_id}", contactData, contactsRead, (*Server).getField},

		{"GET /v3/contact_lists", contactData, listsRead, (*Server).getLists},
		{"POST /v3/contact_lists", contactData, listsWrite, (*Server).postList},
		{"GET /v3/contact_lists/{list_id}", contactData, listsRead, (*Server).getList},

		{"GET /v3/activities", contactData, contactsWrite, (*Server).getActivities},
		{"GET /v3/activities/{activity_id}", contactData, contactsWrite, (*Server).getActivity},
		{"POST /v3/activities/contacts_json_import", contactData, contactsWrite, (*Server).postJSONImport},
	}
}

const authBase = "/oauth2/default/v1"

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range apiRoutes() {
		mux.Handle(rt.pattern, s.handler(func(c *call) answer { return s.api(rt, c) }))
	}
	mux.Handle("/v3/", s.handler(s.unknownPath))
	mux.Handle("POST "+authBase+"/device/authorize", s.handler(s.authorizeDevice))
	mux.Handle("POST "+authBase+"/token", s.handler(s.token))
	mux.Handle("/oauth2/", s.handler(func(*call) answer { return htmlAnswer(http.StatusNotFound) }))
	return mux
}

// unknownPath answers what the API does not have.
func (s *Server) unknownPath(c *call) answer {
	if problem, good := s.authenticate(c); !good {
		return problem
	}
	return notFound("The requested resource was not found.")
}
