package sandbox

// tag is a contact tag.
type tag struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Source  string `json:"source,omitempty"`
	Created stamp  `json:"created"`
	Updated stamp  `json:"updated"`
}

func (s *Server) newTag(name string, now stamp) *tag {
	t := &tag{ID: s.newID(), Name: name, Created: now, Updated: now}
	s.acc.Tags = append(s.acc.Tags, t)
	return t
}
