package ccapi

import (
	"context"
	"net/url"
)

// List is a contact list of the account.
type List struct {
	ID      string
	Name    string
	Members int // contacts on it, of every status; 0 where not told
}

// maxLists is the most lists of an account, and of a page.
const maxLists = 1000

// Lists reads all lists of the account that are not deleted, at most 1,000.
func (r *Reader) Lists(ctx context.Context) ([]List, error) {
	query := url.Values{
		"limit":                    {"500"},
		"status":                   {"active"},
		"include_count":            {"true"},
		"include_membership_count": {"all"},
	}
	return collect(ctx, r, "read lists", query, "contact_lists",
		func() *listsPage { return new(listsPage) },
		func(p *listsPage) []List {
			lists := make([]List, len(p.Lists))
			for i, l := range p.Lists {
				lists[i] = List(l)
			}
			return lists
		})
}

// listsPage is the answer of GET /contact_lists.
type listsPage struct {
	Lists []struct {
		ID      string `json:"list_id"`
		Name    string `json:"name"`
		Members int    `json:"membership_count"`
	} `json:"lists"`
	Count *int `json:"lists_count"`
	paging
}

// complete takes a null for no lists, if the answer is that of a page otherwise.
func (p *listsPage) complete() bool { return p.Lists != nil || p.Count != nil || p.Links != nil }

func (p *listsPage) perPage() int { return maxLists }
func (p *listsPage) size() int    { return len(p.Lists) }
func (p *listsPage) total() int   { return maxLists }

func (p *listsPage) first() string {
	if len(p.Lists) == 0 {
		return ""
	}
	return p.Lists[0].ID
}
