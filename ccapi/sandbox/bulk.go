package sandbox

import (
	"fmt"
	"net/http"
)

// Kinds of the other bulk activities.
const (
	kindContactDelete = "contact_delete"
	kindAddLists      = "add_list_memberships"
	kindRemoveLists   = "remove_list_memberships"
	kindAddTags       = "contacts_taggings_add"
	kindRemoveTags    = "contacts_taggings_remove"
	kindListDelete    = "list_delete"
	kindTagDelete     = "contacts_tags_delete"
	kindFieldDelete   = "custom_fields_delete"
)

// Limits of what one bulk activity names.
const (
	maxBulkContacts = 500
	maxBulkLists    = 50
	maxListDeletes  = 100
	maxTagDeletes   = 500
)

// source chooses the contacts of a bulk activity by exactly one of its members.
type source struct {
	Contacts   []string `json:"contact_ids"`
	Lists      []string `json:"list_ids"`
	Tags       []string `json:"tag_ids"`
	AllActive  bool     `json:"all_active_contacts"`
	NewOnes    bool     `json:"new_subscriber"`
	Engagement string   `json:"engagement_level"`
	Segment    int      `json:"segment_id"`
}

type exclude struct {
	Contacts []string `json:"contact_ids"`
}

type bulkInput struct {
	Source  *source  `json:"source"`
	Exclude exclude  `json:"exclude"`
	Lists   []string `json:"list_ids"`
	Tags    []string `json:"tag_ids"`
}

// problems are what is wrong with a source.
func (src *source) problems() []string {
	if src == nil {
		return []string{"source is missing"}
	}
	ways := 0
	for _, given := range []bool{len(src.Contacts) > 0, len(src.Lists) > 0, len(src.Tags) > 0, src.AllActive, src.NewOnes, src.Engagement != "", src.Segment != 0} {
		if given {
			ways++
		}
	}
	found := idProblems("source.contact_ids", src.Contacts, maxBulkContacts)
	found = append(found, idProblems("source.list_ids", src.Lists, maxBulkLists)...)
	found = append(found, idProblems("source.tag_ids", src.Tags, maxTagsQuery)...)
	if ways != 1 {
		found = append(found, "source must have exactly one of its properties")
	}
	return found
}

// chosen are the ids of the contacts of a source, in the order of the account.
// Engagement levels and segments do not exist in the sandbox: they choose none.
func (s *Server) chosen(c *call, src *source, not exclude) []string {
	out := []string{}
	excluded := map[string]bool{}
	for _, id := range not.Contacts {
		excluded[id] = true
	}
	since := stampOf(c.now.AddDate(0, 0, -newSubscriberDays))
	named := map[string]bool{}
	for _, id := range src.Contacts {
		named[id] = true
	}
	for _, contact := range s.acc.Contacts {
		fits := named[contact.ID] || overlap(contact.Lists, src.Lists) || overlap(contact.Tags, src.Tags) ||
			src.AllActive && contact.status() == "active" ||
			src.NewOnes && contact.status() == "active" && contact.Email.OptIn >= since
		if fits && !excluded[contact.ID] {
			out = append(out, contact.ID)
		}
	}
	return out
}

// postMemberships adds contacts to lists or takes them off.
func postMemberships(kind string) func(*Server, *call) answer {
	return func(s *Server, c *call) answer {
		var in bulkInput
		if problem, good := c.decode(&in); !good {
			return problem
		}
		messages := append(in.Source.problems(), s.listProblems(in.Lists, maxBulkLists)...)
		if len(messages) > 0 {
			return invalid(messages...)
		}
		return s.queue(c, kind, &job{Contacts: s.chosen(c, in.Source, in.Exclude), Lists: in.Lists})
	}
}

// postTaggings adds tags to contacts or removes them.
func postTaggings(kind string) func(*Server, *call) answer {
	return func(s *Server, c *call) answer {
		var in bulkInput
		if problem, good := c.decode(&in); !good {
			return problem
		}
		messages := append(in.Source.problems(), missing("tag_ids", in.Tags, maxTagsQuery)...)
		for _, id := range in.Tags {
			if s.acc.tag(id) == nil {
				messages = append(messages, "tag_ids has a tag_id that does not exist")
			}
		}
		if len(messages) > 0 {
			return invalid(messages...)
		}
		return s.queue(c, kind, &job{Contacts: s.chosen(c, in.Source, in.Exclude), Tags: in.Tags})
	}
}

// postContactDelete deletes contacts, by id or by list.
func (s *Server) postContactDelete(c *call) answer {
	var in struct {
		Contacts []string `json:"contact_ids"`
		Lists    []string `json:"list_ids"`
	}
	if problem, good := c.decode(&in); !good {
		return problem
	}
	from := &source{Contacts: in.Contacts, Lists: in.Lists}
	if messages := from.problems(); len(messages) > 0 {
		return invalid(messages...)
	}
	return s.queue(c, kindContactDelete, &job{Contacts: s.chosen(c, from, exclude{}), Lists: in.Lists})
}

// postDeletes deletes lists, tags or custom fields: body is the member that
// names them.
func postDeletes(kind, body string, max int) func(*Server, *call) answer {
	return func(s *Server, c *call) answer {
		var in map[string][]string
		if problem, good := c.decode(&in); !good {
			return problem
		}
		if messages := missing(body, in[body], max); len(messages) > 0 {
			return invalid(messages...)
		}
		return s.queue(c, kind, &job{Lists: in["list_ids"], Tags: in["tag_ids"], Fields: in["custom_field_ids"]})
	}
}

// missing are what is wrong with a required array of ids.
func missing(name string, ids []string, max int) []string {
	if len(ids) == 0 {
		return []string{name + " is missing"}
	}
	return idProblems(name, ids, max)
}

// queue makes the activity of a job and answers with it.
func (s *Server) queue(c *call, kind string, j *job) answer {
	a, full := s.enqueue(c, kind, j.itemsOf(kind), j)
	if full {
		return queueFull()
	}
	return s.accepted(c, a)
}

// deleteList deletes one list by an activity of its own.
func (s *Server) deleteList(c *call) answer {
	l := s.acc.list(c.PathValue("list_id"))
	if l == nil {
		return noSuch("list_id", c.PathValue("list_id"))
	}
	return s.queueDelete(c, kindListDelete, &job{Lists: []string{l.ID}})
}

func (s *Server) deleteTag(c *call) answer {
	t := s.acc.tag(c.PathValue("tag_id"))
	if t == nil {
		return noSuch("tag_id", c.PathValue("tag_id"))
	}
	return s.queueDelete(c, kindTagDelete, &job{Tags: []string{t.ID}})
}

func (s *Server) queueDelete(c *call, kind string, j *job) answer {
	a, full := s.enqueue(c, kind, 1, j)
	if full {
		return queueFull()
	}
	shown := s.shownActivity(a, c.now)
	shown.Status = nil // the contract has none here
	out := jsonAnswer(http.StatusAccepted, shown)
	out.header = map[string]string{"Location": "/v3/activities/" + a.ID}
	return out
}

// kinds are all kinds of activities.
var kinds = []string{
	kindJSONImport, kindFileImport, kindExport, kindContactDelete, kindAddLists, kindRemoveLists, kindAddTags, kindRemoveTags,
	kindListDelete, kindTagDelete, kindFieldDelete,
}

// itemsOf is how many things a job of some kind has to do.
func (j *job) itemsOf(kind string) int {
	switch {
	case j.Import != nil:
		return len(j.Import.Rows)
	case kind == kindListDelete:
		return len(j.Lists)
	case kind == kindTagDelete:
		return len(j.Tags)
	case kind == kindFieldDelete:
		return len(j.Fields)
	}
	return len(j.Contacts)
}

// bulkItem does one item of a bulk activity.
func (s *Server) bulkItem(a *activity, i int, now stamp) {
	j := a.Job
	switch a.Kind {
	case kindListDelete:
		if l := s.acc.list(j.Lists[i]); l != nil {
			s.dropList(l, now)
		}
	case kindTagDelete:
		if t := s.acc.tag(j.Tags[i]); t != nil {
			s.dropTag(t, now)
		}
	case kindFieldDelete:
		if f := s.acc.field(j.Fields[i]); f != nil {
			s.dropField(f, now)
		}
	default:
		if c := s.acc.byID[j.Contacts[i]]; c != nil {
			s.bulkContact(a.Kind, j, c, now)
		}
	}
}

func (s *Server) bulkContact(kind string, j *job, c *contact, now stamp) {
	switch kind {
	case kindContactDelete:
		s.remove(c, now)
	case kindAddLists, kindRemoveLists:
		for _, id := range j.Lists {
			if kind == kindRemoveLists {
				s.leaveList(c, id, now)
			} else if s.acc.list(id) != nil {
				s.joinList(c, id, now)
			}
		}
	case kindAddTags, kindRemoveTags:
		for _, id := range j.Tags {
			if s.acc.tag(id) != nil {
				s.setTag(c, id, kind == kindAddTags, now)
			}
		}
	default:
		// every kind is made in this package
		panic(fmt.Sprintf("sandbox: no work for activity %q", kind))
	}
}
