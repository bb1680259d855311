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
		{"POST /v3/contacts", contactData, contactsWrite, (*Server).postContact},
		{"GET /v3/contacts/counts", contactData, contactsRead, (*Server).getCounts},
		{"POST /v3/contacts/sign_up_form", contactData, contactsWrite, (*Server).signUp},
		{"GET /v3/contacts/{contact_id}", contactData, contactsRead, (*Server).getContact},
		{"PUT /v3/contacts/{contact_id}", contactData, contactsWrite, (*Server).putContact},
		{"DELETE /v3/contacts/{contact_id}", contactData, contactsWrite, (*Server).deleteContact},

		{"GET /v3/contact_custom_fields", contactData, contactsRead, (*Server).getFields},
		{"POST /v3/contact_custom_fields", contactData, contactsWrite, (*Server).postField},
		{"GET /v3/contact_custom_fields/{custom_field_id}", contactData, contactsRead, (*Server).getField},
		{"PUT /v3/contact_custom_fields/{custom_field_id}", contactData, contactsWrite, (*Server).putField},
		{"DELETE /v3/contact_custom_fields/{custom_field_id}", contactData, contactsWrite, (*Server).deleteField},

		{"GET /v3/contact_lists", contactData, listsRead, (*Server).getLists},
		{"POST /v3/contact_lists", contactData, listsWrite, (*Server).postList},
		{"GET /v3/contact_lists/{list_id}", contactData, listsRead, (*Server).getList},
		{"PUT /v3/contact_lists/{list_id}", contactData, listsWrite, (*Server).putList},
		{"DELETE /v3/contact_lists/{list_id}", contactData, listsWrite, (*Server).deleteList},

		{"GET /v3/contact_tags", contactData, contactsRead, (*Server).getTags},
		{"POST /v3/contact_tags", contactData, contactsWrite, (*Server).postTag},
		{"GET /v3/contact_tags/{tag_id}", contactData, contactsRead, (*Server).getTag},
		{"PUT /v3/contact_tags/{tag_id}", contactData, contactsWrite, (*Server).putTag},
		{"DELETE /v3/contact_tags/{tag_id}", contactData, contactsWrite, (*Server).deleteTag},

		{"GET /v3/activities", contactData, contactsWrite, (*Server).getActivities},
		{"GET /v3/activities/{activity_id}", contactData, contactsWrite, (*Server).getActivity},
		{"GET /v3/contact_exports/{file_export_id}", contactData, contactsWrite, (*Server).getExport},
	}
}

// bulkRoutes are the operations that make an activity, by its kind.
func bulkRoutes() []route {
	answers := map[string]func(*Server, *call) answer{
		kindJSONImport:    (*Server).postJSONImport,
		kindFileImport:    (*Server).postFileImport,
		kindExport:        (*Server).postExport,
		kindContactDelete: (*Server).postContactDelete,
		kindAddLists:      postMemberships(kindAddLists),
		kindRemoveLists:   postMemberships(kindRemoveLists),
		kindAddTags:       postTaggings(kindAddTags),
		kindRemoveTags:    postTaggings(kindRemoveTags),
		kindListDelete:    postDeletes(kindListDelete, "list_ids", maxListDeletes),
		kindTagDelete:     postDeletes(kindTagDelete, "tag_ids", maxTagDeletes),
		kindFieldDelete:   postDeletes(kindFieldDelete, "custom_field_ids", maxFields),
	}
	var routes []route
	for kind, answer := range answers {
		routes = append(routes, route{"POST /v3/activities/" + kind, contactData, contactsWrite, answer})
	}
	return routes
}

const authBase = "/oauth2/default/v1"

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range append(apiRoutes(), bulkRoutes()...) {
		mux.Handle(rt.pattern, s.handler(func(c *call) answer { return s.api(rt, c) }))
	}
	mux.Handle("/v3/", s.handler(s.unknownPath))
	mux.Handle("POST "+authBase+"/device/authorize", s.handler(s.authorizeDevice))
	mux.Handle("POST "+authBase+"/token", s.handler(s.token))
	mux.Handle("/oauth2/", s.handler(func(*call) answer { return htmlAnswer(http.StatusNotFound) }))
	all := s.controlRoutes()
	mux.Handle("GET "+controlBase+"{$}", s.control(tells(func() []controlRoute { return all })))
	for _, rt := range all {
		mux.Handle(rt.Method+" "+controlBase+rt.Path, s.control(rt.work))
	}
	for pattern, page := range s.pageRoutes() {
		mux.Handle(pattern, page)
	}
	return mux
}

// unknownPath answers what the API does not have.
func (s *Server) unknownPath(c *call) answer {
	if problem, good := s.authenticate(c); !good {
		return problem
	}
	return notFound("The requested resource was not found.")
}
