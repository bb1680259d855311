package sandbox

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// importExtra takes over one of the rarer properties.
func (s *Server) importExtra(c *contact, in *importJob, r *row, m member, now stamp) bool {
	e := c.extra()
	number, _ := strconv.Atoi(m.Value) // judged before
	switch {
	case m.Name == "birthday_month":
		return replace(&e.BirthdayMonth, number)
	case m.Name == "birthday_day":
		return replace(&e.BirthdayDay, number)
	case m.Name == "anniversary":
		return replace(&e.Anniversary, isoDate(m.Value))
	case strings.HasSuffix(m.Name, "phone"):
		return s.importPhone(e, m, now)
	case m.Name == "sms_number":
		e.SMS = &smsChannel{ID: s.newID(), Address: digits(m.Value), Permission: cmp.Or(in.SMSPermission, NotSet), Created: now}
		if r.value("sms_consent_date") == "" {
			e.SMS.Permission = NotSet
		} else if e.SMS.Permission == Explicit {
			e.SMS.OptIn = now
		}
		return true
	case m.Name == "sms_consent_date":
		return false
	}
	return s.importStreet(e, m, now)
}

// kindOf splits "home_city" into kind and rest; without a kind it is the one given.
func kindOf(name, otherwise string) (kind, rest string) {
	for _, kind := range []string{"home", "work", "mobile", "other"} {
		if rest, has := strings.CutPrefix(name, kind+"_"); has {
			return kind, rest
		}
		if rest, has := strings.CutPrefix(name, kind+" "); has {
			return kind, rest
		}
	}
	return otherwise, name
}

func (s *Server) importPhone(e *extra, m member, now stamp) bool {
	kind, _ := kindOf(m.Name, "other")
	i := slices.IndexFunc(e.Phones, func(p phone) bool { return p.Kind == kind })
	switch {
	case i >= 0 && m.Value == "":
		e.Phones = slices.Delete(e.Phones, i, i+1)
		return true
	case i >= 0:
		return replace(&e.Phones[i].Number, m.Value)
	case m.Value == "" || len(e.Phones) >= maxPhones:
		return false
	}
	e.Phones = append(e.Phones, phone{s.newID(), m.Value, kind, now})
	return true
}

func (s *Server) importStreet(e *extra, m member, now stamp) bool {
	kind, part := kindOf(m.Name, "home")
	i := slices.IndexFunc(e.Streets, func(a street) bool { return a.Kind == kind })
	if i < 0 {
		if m.Value == "" || len(e.Streets) >= maxStreets {
			return false
		}
		e.Streets = append(e.Streets, street{ID: s.newID(), Kind: kind, Created: now})
		i = len(e.Streets) - 1
	}
	a := &e.Streets[i]
	switch part {
	case "street":
		return replace(&a.Street, m.Value)
	case "street2":
		return replace(&a.Street, strings.TrimSpace(a.Street+" "+m.Value))
	case "city":
		return replace(&a.City, m.Value)
	case "state":
		return replace(&a.State, m.Value)
	case "zip":
		return replace(&a.Zip, m.Value)
	}
	return replace(&a.Country, m.Value)
}

// replace sets a value and tells whether it is another one.
func replace[T comparable](p *T, value T) bool {
	changed := *p != value
	*p = value
	return changed
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}
