package sandbox

import (
	"slices"
	"strings"
)

// list is a contact list.
type list struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Favorite    bool   `json:"favorite,omitempty"`
	Created     stamp  `json:"created"`
	Updated     stamp  `json:"updated"`
	Deleted     stamp  `json:"deleted,omitempty"`
	Automated   bool   `json:"automated,omitempty"` // an automation waits for who joins
}

// Limits of lists.
const (
	maxAccountLists = 1000
	maxListName     = 255
)

// newList makes a list; lists are kept in the order of their ids, as the API
// shows them.
func (s *Server) newList(name string, now stamp) *list {
	l := &list{ID: s.newID(), Name: name, Created: now, Updated: now}
	i, _ := slices.BinarySearchFunc(s.acc.Lists, l.ID, func(o *list, id string) int { return strings.Compare(o.ID, id) })
	s.acc.Lists = slices.Insert(s.acc.Lists, i, l)
	return l
}

type listJSON struct {
	ID          string `json:"list_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Favorite    bool   `json:"favorite"`
	Created     string `json:"created_at"`
	Updated     string `json:"updated_at"`
	Deleted     string `json:"deleted_at,omitempty"`
	Members     *int   `json:"membership_count,omitempty"`
}

func (l *list) json() listJSON {
	return listJSON{ID: l.ID, Name: l.Name, Description: l.Description, Favorite: l.Favorite,
		Created: l.Created.String(), Updated: l.Updated.String(), Deleted: l.Deleted.String()}
}

// members counts the members of every list: all, or only those that can be
// mailed.
func (s *Server) members(activeOnly bool) map[string]int {
	count := make(map[string]int, len(s.acc.Lists))
	for _, c := range s.acc.Contacts {
		if activeOnly && c.status() != "active" {
			continue
		}
		for _, id := range c.Lists {
			count[id]++
		}
	}
	return count
}

// memberCounts reads include_membership_count, and answers who counts; nil
// where it is not asked for.
func (s *Server) memberCounts(c *call) (count map[string]int, problem answer, good bool) {
	switch c.query.Get("include_membership_count") {
	case "":
		return nil, answer{}, true
	case "all":
		return s.members(false), answer{}, true
	case "active":
		return s.members(true), answer{}, true
	}
	return nil, invalid("include_membership_count does not have a valid value"), false
}

func (l *list) withMembers(count map[string]int) listJSON {
	out := l.json()
	if count != nil {
		n := count[l.ID]
		out.Members = &n
	}
	return out
}

func (s *Server) getLists(c *call) answer {
	all, problem, good := s.listsFor(c)
	if !good {
		return problem
	}
	counting, problem, good := c.flag("include_count")
	if !good {
		return problem
	}
	members, problem, good := s.memberCounts(c)
	if !good {
		return problem
	}
	page, on, problem, good := pageByID(s, c, all, func(l *list) string { return l.ID }, maxAccountLists)
	if !good {
		return problem
	}
	out := struct {
		Lists []listJSON `json:"lists"`
		Count *int       `json:"lists_count,omitempty"`
		Links links      `json:"_links"`
	}{Lists: []listJSON{}, Links: on}
	if n := len(all); counting {
		out.Count = &n
	}
	for _, l := range page {
		out.Lists = append(out.Lists, l.withMembers(members))
	}
	return ok(out)
}

// listsFor are the lists that name, status and channel_type choose.
func (s *Server) listsFor(c *call) (chosen []*list, problem answer, good bool) {
	statuses := c.split("status")
	for _, status := range statuses {
		if status != "all" && status != "active" && status != "deleted" {
			return nil, invalid("status does not have a valid value"), false
		}
	}
	channel := c.query.Get("channel_type")
	if channel != "" && channel != "email" && channel != "sms" {
		return nil, invalid("channel_type does not have a valid value"), false
	}
	if _, problem, good := c.flag("include_sms_membership_count"); !good {
		return nil, problem, false
	}
	for _, l := range s.acc.Lists {
		status := "active"
		if l.Deleted != 0 {
			status = "deleted"
		}
		fits := slices.Contains(statuses, "all") || slices.Contains(statuses, status) || len(statuses) == 0 && l.Deleted == 0
		named := !c.query.Has("name") || strings.EqualFold(l.Name, c.query.Get("name"))
		if fits && named && channel != "sms" { // the sandbox has no SMS lists
			chosen = append(chosen, l)
		}
	}
	return chosen, answer{}, true
}

func (s *Server) getList(c *call) answer {
	l := s.acc.list(c.PathValue("list_id"))
	if l == nil {
		return noSuch("list_id", c.PathValue("list_id"))
	}
	members, problem, good := s.memberCounts(c)
	if !good {
		return problem
	}
	return ok(l.withMembers(members))
}

type listInput struct {
	Name        *string `json:"name"`
	Favorite    bool    `json:"favorite"`
	Description string  `json:"description"`
}

func (s *Server) postList(c *call) answer {
	var in listInput
	if problem, good := c.decode(&in); !good {
		return problem
	}
	if problem, good := in.check(); !good {
		return problem
	}
	if s.listWithName(*in.Name) != nil {
		return conflict("List name already exists.")
	}
	if len(s.acc.Lists) >= maxAccountLists {
		return invalid("The account has the maximum of 1000 lists.")
	}
	l := s.newList(*in.Name, c.stamp)
	l.Description, l.Favorite = in.Description, in.Favorite
	return created(l.json())
}

func (s *Server) putList(c *call) answer {
	l := s.acc.list(c.PathValue("list_id"))
	if l == nil {
		return noSuch("list_id", c.PathValue("list_id"))
	}
	var in listInput
	if problem, good := c.decode(&in); !good {
		return problem
	}
	if problem, good := in.check(); !good {
		return problem
	}
	if other := s.listWithName(*in.Name); other != nil && other != l {
		return invalid("List name already exists.") // the contract has no 409 here
	}
	l.Name, l.Description, l.Favorite, l.Updated = *in.Name, in.Description, in.Favorite, c.stamp
	return ok(l.json())
}

func (in listInput) check() (problem answer, good bool) {
	if in.Name == nil || strings.TrimSpace(*in.Name) == "" {
		return invalid("name is missing"), false
	}
	if tooLong(*in.Name, maxListName) {
		return invalid("name size must be between 1 and 255"), false
	}
	return answer{}, true
}

func (s *Server) listWithName(name string) *list {
	return first(s.acc.Lists, func(l *list) bool { return l.Deleted == 0 && strings.EqualFold(l.Name, name) })
}

// dropList deletes a list and its memberships.
func (s *Server) dropList(l *list, now stamp) {
	l.Deleted, l.Updated = now, now
	for _, c := range s.acc.Contacts {
		s.leaveList(c, l.ID, now)
	}
}

// RenameList changes the name of a list, named by name or id.
func (s *Server) RenameList(which, name string) bool {
	return s.withList(which, func(l *list, now stamp) { l.Name, l.Updated = name, now })
}

// DeleteList deletes a list with its memberships.
func (s *Server) DeleteList(which string) bool { return s.withList(which, s.dropList) }

func (s *Server) withList(key string, change func(*list, stamp)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := stampOf(s.settle())
	l := s.acc.listNamed(key)
	if l == nil {
		return false
	}
	change(l, now)
	s.changed++
	return true
}
