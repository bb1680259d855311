package sandbox

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// contactsShown is how many contacts a page has.
const contactsShown = 50

// contactsPage lists contacts, all or those whose address or name has a text.
func (s *Server) contactsPage(w http.ResponseWriter, r *http.Request) {
	search := strings.TrimSpace(r.URL.Query().Get("q"))
	number, _ := strconv.Atoi(r.URL.Query().Get("page")) // anything else is the first page
	number = max(number, 1)
	found, total := s.search(search, (number-1)*contactsShown, contactsShown)
	link := func(n int) string {
		return "/contacts?" + url.Values{"q": {search}, "page": {strconv.Itoa(n)}}.Encode()
	}
	data := struct {
		Search         string
		Contacts       []Contact
		Total          int
		Previous, Next string
	}{Search: search, Contacts: found, Total: total}
	if number > 1 {
		data.Previous = link(number - 1)
	}
	if number*contactsShown < total {
		data.Next = link(number + 1)
	}
	s.show(w, r, "contacts", "Contacts", data)
}

// search finds contacts by a part of their address, name or id.
func (s *Server) search(text string, from, n int) (found []Contact, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	text = strings.ToLower(text)
	for _, c := range s.acc.Contacts {
		if text != "" && !strings.Contains(strings.ToLower(c.Address+" "+c.FirstName+" "+c.LastName+" "+c.ID), text) {
			continue
		}
		if total >= from && len(found) < n {
			found = append(found, s.shown(c))
		}
		total++
	}
	return found, total
}

func (s *Server) addContactPage(w http.ResponseWriter, r *http.Request) {
	address := strings.TrimSpace(r.PostFormValue("address"))
	if !wellFormed(address) {
		s.message(w, r, "Not added", "This is no email address: "+address)
		return
	}
	id := s.AddContact(Contact{Address: address, FirstName: r.PostFormValue("first_name"), LastName: r.PostFormValue("last_name")})
	if id == "" {
		s.message(w, r, "Not added", "There is a contact with this address: "+address)
		return
	}
	s.back(w, r, contactPath(id))
}

// fieldView and listView are a custom field and a list on the page of a contact.
type fieldView struct{ Label, Name, Value string }

type listView struct {
	ID, Name string
	Member   bool
}

func (s *Server) showContactPage(w http.ResponseWriter, r *http.Request) {
	c, found := s.Contact(r.PathValue("id"))
	if !found {
		w.WriteHeader(http.StatusNotFound)
		s.message(w, r, "No such contact", r.PathValue("id"))
		return
	}
	data := struct {
		Contact
		CustomFields []fieldView
		AllLists     []listView
	}{Contact: c}
	s.mu.Lock()
	for _, f := range s.acc.Fields {
		data.CustomFields = append(data.CustomFields, fieldView{f.Label, f.Name, c.Fields[f.Name]})
	}
	for _, l := range s.acc.Lists {
		if l.Deleted == 0 {
			data.AllLists = append(data.AllLists, listView{l.ID, l.Name, slices.Contains(c.Lists, l.Name)})
		}
	}
	s.mu.Unlock()
	s.show(w, r, "contact", cmp.Or(c.Address, "Contact without an address"), data)
}

// editContactPage makes the edits of a form, each as the in-process API does.
func (s *Server) editContactPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if err := r.ParseForm(); err != nil {
		s.message(w, r, "Not saved", err.Error())
		return
	}
	for _, name := range []string{"first_name", "last_name", "job_title", "company_name"} {
		if r.PostForm.Has(name) {
			s.SetProperty(id, name, r.PostForm.Get(name))
		}
	}
	for name, values := range r.PostForm {
		if field, is := strings.CutPrefix(name, "field:"); is {
			s.SetField(id, field, values[0])
		}
	}
	if r.PostForm.Has("lists") {
		s.setLists(id, r.PostForm["list"])
	}
	if address := strings.TrimSpace(r.PostForm.Get("address")); wellFormed(address) {
		s.ChangeAddress(id, address)
	}
	s.back(w, r, contactPath(id))
}

// setLists puts a contact on some lists, by id, and takes him off all others.
func (s *Server) setLists(id string, chosen []string) {
	s.mu.Lock()
	var all []string
	for _, l := range s.acc.Lists {
		all = append(all, l.ID)
	}
	s.mu.Unlock()
	for _, list := range all {
		if slices.Contains(chosen, list) {
			s.JoinList(id, list)
		} else {
			s.LeaveList(id, list)
		}
	}
}

// contactAction is a button of a contact's page.
func (s *Server) contactAction(act func(*Server, string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		act(s, id)
		s.back(w, r, contactPath(id))
	})
}
