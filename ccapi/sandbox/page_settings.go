package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// switchView is a switch on the page.
type switchView struct {
	Switch
	Position bool
}

func (s *Server) settingsPage(w http.ResponseWriter, r *http.Request) {
	positions := s.Switches()
	views := func(table []Switch) (all []switchView) {
		for _, sw := range table {
			all = append(all, switchView{sw, sw.Get(positions)})
		}
		return all
	}
	s.show(w, r, "settings", "Faults and switches", struct {
		Faults         []Fault
		Kinds          []FaultLine
		Switches, Harm []switchView
	}{s.Faults(), FaultTable(), views(SwitchTable()), views(HarmTable())})
}

// addFaultPage sets the fault of a form.
func (s *Server) addFaultPage(w http.ResponseWriter, r *http.Request) {
	f, err := formFault(r)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		s.message(w, r, "Fault not set", err.Error())
		return
	}
	s.Fault(f)
	s.back(w, r, "/settings")
}

func formFault(r *http.Request) (Fault, error) {
	f := Fault{Kind: FaultKind(r.PostFormValue("kind")), Method: r.PostFormValue("method"), Path: strings.TrimSpace(r.PostFormValue("path")), Match: r.PostFormValue("match")}
	var err error
	number := func(name string, into *int) {
		if text := r.PostFormValue(name); text != "" && err == nil {
			*into, err = strconv.Atoi(text)
		}
	}
	fraction := func(name string, into *float64) {
		if text := r.PostFormValue(name); text != "" && err == nil {
			*into, err = strconv.ParseFloat(text, 64)
		}
	}
	number("status", &f.Status)
	number("times", &f.Times)
	number("rows", &f.Rows)
	fraction("probability", &f.Probability)
	fraction("share", &f.Share)
	for part := range strings.FieldsFuncSeq(r.PostFormValue("at"), func(r rune) bool { return r == ',' || r == ' ' }) {
		n := 0
		if n, err = strconv.Atoi(part); err != nil {
			return f, err
		}
		f.At = append(f.At, n)
	}
	if text := r.PostFormValue("delay"); text != "" && err == nil {
		f.Delay, err = time.ParseDuration(text)
	}
	if text := r.PostFormValue("switches"); text != "" && err == nil {
		err = strict([]byte(text), &f.Switches)
	}
	return f, err
}

func (s *Server) clearFaultsPage(w http.ResponseWriter, r *http.Request) {
	s.ClearFaults()
	s.back(w, r, "/settings")
}

// switchesPage sets all switches: those that are not in the form are off.
func (s *Server) switchesPage(w http.ResponseWriter, r *http.Request) {
	positions := s.Switches()
	for _, sw := range slices.Concat(SwitchTable(), HarmTable()) {
		sw.Set(&positions, r.PostFormValue(sw.Name) != "")
	}
	s.SetSwitches(positions)
	s.back(w, r, "/settings")
}
