package sandbox

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// links is the _links member of a collection; next is absent on the last page.
type links struct {
	Next *link `json:"next,omitempty"`
}

type link struct {
	Href string `json:"href"`
}

// cursor is a place in a collection. Its text is the base64 of
// "limit=50&next=2": the number of a page for contacts, an id elsewhere.
type cursor struct {
	limit int
	next  string
}

func (c cursor) String() string {
	return base64.StdEncoding.EncodeToString([]byte("limit=" + strconv.Itoa(c.limit) + "&next=" + c.next))
}

// parseCursor reads a cursor, padded or not; false: it is none.
func parseCursor(text string, max int) (cursor, bool) {
	text = strings.TrimRight(text, "=")
	raw, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(text))
	if err != nil {
		return cursor{}, false
	}
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return cursor{}, false
	}
	limit, err := strconv.Atoi(values.Get("limit"))
	if err != nil || limit < 1 || limit > max || values.Get("next") == "" {
		return cursor{}, false
	}
	return cursor{limit, values.Get("next")}, true
}

// defaultLimit is the size of a page that no limit was given for.
const defaultLimit = 50

// place reads limit and cursor of a call: the cursor's limit counts. An empty
// next is the first page.
func (c *call) place(max int) (at cursor, problem answer, good bool) {
	at.limit = defaultLimit
	if text := c.query.Get("limit"); c.query.Has("limit") {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > max {
			return at, invalid("limit must be between 1 and " + strconv.Itoa(max)), false
		}
		at.limit = limit
	}
	if c.query.Has("cursor") {
		if at, good = parseCursor(c.query.Get("cursor"), max); !good {
			return at, invalid("cursor is invalid"), false
		}
	}
	return at, answer{}, true
}

// next links to a further page: the path without host, the filters of the call
// and the cursor.
func (s *Server) next(c *call, at, here cursor) links {
	path := c.URL.Path
	if s.switches.NextLinksInternal {
		path = "/contacts-service" + path
	}
	if s.switches.NextLinksRepeat {
		at = here
	}
	query := url.Values{}
	for name, values := range c.query {
		if name != "limit" && name != "cursor" {
			query[name] = values
		}
	}
	query.Set("cursor", at.String())
	return links{&link{path + "?" + query.Encode()}}
}

// pageByID cuts the page out of a collection that starts with the id of the
// cursor, or behind it when that element is gone. The collection is in its order
// already.
func pageByID[T any](s *Server, c *call, all []T, id func(T) string, max int) (page []T, on links, problem answer, good bool) {
	at, problem, good := c.place(max)
	if !good {
		return nil, links{}, problem, false
	}
	from := 0
	if at.next != "" {
		from = startOf(all, at.next, id)
	}
	to := min(from+at.limit, len(all))
	if to < len(all) {
		on = s.next(c, cursor{at.limit, id(all[to])}, cursor{at.limit, id(all[from])})
	}
	return all[from:to], on, answer{}, true
}

// pageByOffset cuts out a page by its number, from 1.
func pageByOffset[T any](s *Server, c *call, all []T, max int) (page []T, on links, problem answer, good bool) {
	at, problem, good := c.place(max)
	if !good {
		return nil, links{}, problem, false
	}
	number, err := pageNumber(at.next)
	if err != nil {
		return nil, links{}, invalid("cursor is invalid"), false
	}
	from := min((number-1)*at.limit, len(all))
	to := min(from+at.limit, len(all))
	if to < len(all) {
		on = s.nextPage(c, at.limit, number)
	}
	return all[from:to], on, answer{}, true
}

// nextPage links to the page behind that of a number.
func (s *Server) nextPage(c *call, limit, number int) links {
	return s.next(c, cursor{limit, strconv.Itoa(number + 1)}, cursor{limit, strconv.Itoa(number)})
}

func startOf[T any](all []T, next string, id func(T) string) int {
	if i := slices.IndexFunc(all, func(e T) bool { return id(e) == next }); i >= 0 {
		return i
	}
	if i := slices.IndexFunc(all, func(e T) bool { return id(e) > next }); i >= 0 {
		return i
	}
	return len(all)
}

// flag reads a boolean parameter.
func (c *call) flag(name string) (on bool, problem answer, good bool) {
	text := c.query.Get(name)
	if text == "" {
		return false, answer{}, true
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, invalid(name + " must be true or false"), false
	}
	return on, answer{}, true
}

// split reads a comma separated parameter.
func (c *call) split(name string) []string {
	var out []string
	for part := range strings.SplitSeq(c.query.Get(name), ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
