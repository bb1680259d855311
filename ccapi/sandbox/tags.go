package sandbox

import (
	"slices"
	"strings"
)

// tag is a contact tag.
type tag struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Source  string `json:"source,omitempty"`
	Created stamp  `json:"created"`
	Updated stamp  `json:"updated"`
}

// Limits of tags.
const (
	maxTagsPage = 500
	maxTagName  = 255
)

// newTag makes a tag; tags are kept in the order of their ids, which their cursors name.
func (s *Server) newTag(name string, now stamp) *tag {
	t := &tag{ID: s.newID(), Name: name, Created: now, Updated: now}
	i, _ := slices.BinarySearchFunc(s.acc.Tags, t.ID, func(o *tag, id string) int { return strings.Compare(o.ID, id) })
	s.acc.Tags = slices.Insert(s.acc.Tags, i, t)
	return t
}

type tagJSON struct {
	ID      string `json:"tag_id"`
	Name    string `json:"name"`
	Count   *int   `json:"contacts_count,omitempty"`
	Created string `json:"created_at"`
	Updated string `json:"updated_at"`
	Source  string `json:"tag_source,omitempty"`
}

// json shows a tag; tagged is nil where its contacts are not counted.
func (t *tag) json(tagged map[string]int) tagJSON {
	out := tagJSON{ID: t.ID, Name: t.Name, Created: t.Created.String(), Updated: t.Updated.String(), Source: t.Source}
	if tagged != nil {
		n := tagged[t.ID]
		out.Count = &n
	}
	return out
}

// tagCounts reads include_count and counts the contacts of each tag.
func (s *Server) tagCounts(c *call) (tagged map[string]int, problem answer, good bool) {
	counting, problem, good := c.flag("include_count")
	if !good || !counting {
		return nil, problem, good
	}
	tagged = map[string]int{}
	for _, contact := range s.acc.Contacts {
		for _, id := range contact.Tags {
			tagged[id]++
		}
	}
	return tagged, answer{}, true
}

func (s *Server) getTags(c *call) answer {
	tagged, problem, good := s.tagCounts(c)
	if !good {
		return problem
	}
	page, on, problem, good := pageByID(s, c, s.acc.Tags, func(t *tag) string { return t.ID }, maxTagsPage)
	if !good {
		return problem
	}
	out := struct {
		Tags  []tagJSON `json:"tags"`
		Links links     `json:"_links"`
	}{Tags: []tagJSON{}, Links: on}
	for _, t := range page {
		out.Tags = append(out.Tags, t.json(tagged))
	}
	return ok(out)
}

func (s *Server) getTag(c *call) answer {
	t := s.acc.tag(c.PathValue("tag_id"))
	if t == nil {
		return noSuch("tag_id", c.PathValue("tag_id"))
	}
	tagged, problem, good := s.tagCounts(c)
	if !good {
		return problem
	}
	return ok(t.json(tagged))
}

type tagInput struct {
	Name   string `json:"name"`
	Source string `json:"tag_source"`
}

func (s *Server) postTag(c *call) answer {
	var in tagInput
	if problem, good := c.decode(&in); !good {
		return problem
	}
	if problem, good := s.checkTag(in, nil); !good {
		return problem
	}
	t := s.newTag(in.Name, c.stamp)
	t.Source = in.Source
	return created(t.json(nil))
}

func (s *Server) putTag(c *call) answer {
	t := s.acc.tag(c.PathValue("tag_id"))
	if t == nil {
		return noSuch("tag_id", c.PathValue("tag_id"))
	}
	var in tagInput
	if problem, good := c.decode(&in); !good {
		return problem
	}
	if problem, good := s.checkTag(in, t); !good {
		return problem
	}
	t.Name, t.Updated = in.Name, c.stamp
	return ok(t.json(nil))
}

func (s *Server) checkTag(in tagInput, self *tag) (problem answer, good bool) {
	if strings.TrimSpace(in.Name) == "" || tooLong(in.Name, maxTagName) {
		return invalid("name size must be between 1 and 255"), false
	}
	if other := first(s.acc.Tags, func(t *tag) bool { return strings.EqualFold(t.Name, in.Name) }); other != nil && other != self {
		return conflict("Tag name already exists."), false
	}
	return answer{}, true
}

// dropTag removes a tag from the account and its contacts.
func (s *Server) dropTag(t *tag, now stamp) {
	s.acc.Tags = slices.DeleteFunc(s.acc.Tags, func(o *tag) bool { return o == t })
	for _, c := range s.acc.Contacts {
		s.setTag(c, t.ID, false, now)
	}
}
