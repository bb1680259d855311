package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed templates
var templateFiles embed.FS

var pageFuncs = template.FuncMap{
	"when":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"join":  strings.Join,
	"count": thousands,
	"plain": func(text string) string { return strings.ReplaceAll(text, "`", "") },
}

// pages are the templates by the name of their file; each is set into layout.
var pages = func() map[string]*template.Template {
	all := map[string]*template.Template{}
	for _, name := range []string{"home", "activate", "contacts", "contact", "requests", "activities", "settings", "mails", "message"} {
		all[name] = template.Must(template.New("").Funcs(pageFuncs).ParseFS(templateFiles, "templates/layout.html", "templates/"+name+".html"))
	}
	return all
}()

// pageRoutes are the pages of the sandbox. They work without JavaScript.
func (s *Server) pageRoutes() map[string]http.Handler {
	return map[string]http.Handler{
		"GET /{$}":                    http.HandlerFunc(s.homePage),
		"GET /style.css":              http.HandlerFunc(stylePage),
		"GET /activate":               http.HandlerFunc(s.activatePage),
		"POST /activate":              http.HandlerFunc(s.decidePage),
		"GET /contacts":               http.HandlerFunc(s.contactsPage),
		"POST /contacts":              http.HandlerFunc(s.addContactPage),
		"GET /contacts/{id}":          http.HandlerFunc(s.showContactPage),
		"POST /contacts/{id}":         http.HandlerFunc(s.editContactPage),
		"POST /contacts/{id}/optout":  s.contactAction((*Server).OptOut),
		"POST /contacts/{id}/delete":  s.contactAction((*Server).Delete),
		"GET /requests":               http.HandlerFunc(s.requestsPage),
		"GET /activities":             http.HandlerFunc(s.activitiesPage),
		"GET /mails":                  http.HandlerFunc(s.mailsPage),
		"GET /settings":               http.HandlerFunc(s.settingsPage),
		"POST /settings/faults":       http.HandlerFunc(s.addFaultPage),
		"POST /settings/faults/clear": http.HandlerFunc(s.clearFaultsPage),
		"POST /settings/switches":     http.HandlerFunc(s.switchesPage),
	}
}

// thousands writes 10000 as 10,000.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// view is what every page gets: Data is its own.
type view struct {
	Name    string // of the template
	Title   string
	Base    string // of the addresses of this sandbox
	Status  Status
	Places  []place
	Refresh bool // looks again every two seconds
	Data    any
}

// place is a page that every page leads to.
type place struct {
	Path, Name string
	Here       bool
}

func places(name string) []place {
	all := []place{{Path: "/contacts", Name: "Contacts"}, {Path: "/activities", Name: "Activities"}, {Path: "/requests", Name: "Requests"},
		{Path: "/mails", Name: "Mails"}, {Path: "/activate", Name: "Activate"}, {Path: "/settings", Name: "Faults and switches"}}
	for i := range all {
		all[i].Here = all[i].Path == "/"+name
	}
	return all
}

// show sends a page.
func (s *Server) show(w http.ResponseWriter, r *http.Request, name, title string, data any) {
	var b bytes.Buffer
	v := view{Name: name, Title: title, Base: origin(r), Status: s.Status(), Places: places(name), Refresh: r.URL.Query().Has("watch"), Data: data}
	if err := pages[name].ExecuteTemplate(&b, "layout", v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // the browser may be gone
}

// message is a page that says one thing.
func (s *Server) message(w http.ResponseWriter, r *http.Request, title, text string) {
	s.show(w, r, "message", title, text)
}

func stylePage(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, templateFiles, "templates/style.css")
}

// recentLines is how many lines of a log a page shows.
const recentLines = 100

func (s *Server) homePage(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, "home", "Sandbox", struct {
		Pending    []PendingDevice
		Activities []activityView
		Requests   []Request
	}{s.Pending(), s.recentActivities(5), s.recentRequests(10)})
}

func (s *Server) requestsPage(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, "requests", "Requests", s.recentRequests(recentLines))
}

// recentRequests are the last lines of the log, the newest first.
func (s *Server) recentRequests(n int) []Request {
	all := s.Requests()
	last := slices.Clone(all[max(0, len(all)-n):])
	slices.Reverse(last)
	return last
}

func (s *Server) activitiesPage(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, "activities", "Activities", s.recentActivities(recentLines))
}

// activityView is an activity on a page.
type activityView struct {
	ID, Kind, State string
	Percent, Items  int
	Counts          counters
	Created         time.Time
	Errors          []string
}

func (s *Server) recentActivities(n int) []activityView {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.settle()
	var out []activityView
	for _, a := range slices.Backward(s.acc.Activities) {
		if len(out) == n {
			break
		}
		out = append(out, activityView{a.ID, a.Kind, a.state(now), a.percent(now), a.Items, a.Counts, a.Created, a.Errors})
	}
	return out
}

// activatePage is where a person types the code of his device.
func (s *Server) activatePage(w http.ResponseWriter, r *http.Request) {
	code := normalUserCode(r.URL.Query().Get("user_code"))
	var found *PendingDevice
	for _, d := range s.Pending() {
		if d.UserCode == code {
			found = &d
		}
	}
	s.show(w, r, "activate", "Activate a device", struct {
		Code   string
		Device *PendingDevice
	}{code, found})
}

// decidePage takes what the person decided.
func (s *Server) decidePage(w http.ResponseWriter, r *http.Request) {
	code := r.PostFormValue("user_code")
	switch decision := r.PostFormValue("decision"); {
	case decision == "approve" && s.Approve(code):
		s.message(w, r, "Approved", "The device is authorized. It notices by itself; you can close this page.")
	case decision == "deny" && s.Deny(code):
		s.message(w, r, "Denied", "The device gets no access.")
	case decision == "unassigned" && s.ApproveUnassigned(code):
		s.message(w, r, "Approved", "The device gets tokens of a login that belongs to no account: they can do nothing.")
	default:
		s.message(w, r, "No such code", "No device waits with this code. Codes are good for ten minutes: start again on the device.")
	}
	s.save(false)
}

// back leads from a form to the page that shows what it did.
func (s *Server) back(w http.ResponseWriter, r *http.Request, path string) {
	s.save(false)
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// contactPath is the page of a contact.
func contactPath(id string) string { return "/contacts/" + url.PathEscape(id) }
