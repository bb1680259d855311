package ccapi

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// sparePages is how many pages a collection may have beyond those that its elements fill, and how many may be empty.
const sparePages = 20

// errRound stops a server whose links lead round in circles or never end.
var errRound = errors.New("the pages link round in circles or without end")

// link is a reference in an answer.
type link struct {
	Href string `json:"href"`
}

// paging is the part that all pages of collections share.
type paging struct {
	Links *struct {
		Next *link `json:"next"`
	} `json:"_links"`

	servedAt time.Time // the server's time
}

// page gives access to the shared part.
func (p *paging) page() *paging { return p }

// next is the link to the page after this one; "" on the last.
func (p *paging) next() string {
	if p.Links == nil || p.Links.Next == nil {
		return ""
	}
	return p.Links.Next.Href
}

// collection is one page.
type collection interface {
	document
	page() *paging
	perPage() int // the most elements that the contract allows a page
	size() int    // the elements on this page
	total() int   // the most elements that all pages have together
}

// turn counts the pages of a walk.
type turn struct {
	pages, empty int
	fullest      int // elements of the fullest page
	total        int // as told by the page that told the most
}

// over takes in a page and tells whether there are more than the collection can have.
func (t *turn) over(doc collection) bool {
	t.pages++
	if doc.size() == 0 {
		t.empty++
	}
	t.fullest, t.total = max(t.fullest, doc.size()), max(t.total, doc.total())
	return t.empty > sparePages || t.fullest > 0 && t.pages > sparePages+t.total/t.fullest
}

// walk yields the page at first and all after it, made by fresh and read by the operation op. A
// link that leads away from the API ends it before the page that holds the link is yielded.
func walk[T collection](ctx context.Context, r *Reader, op string, first *url.URL, fresh func() T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		seen := make(map[string]bool)
		var t turn
		for at := first; at != nil; {
			if seen[at.String()] {
				yield(none, opError(op, errRound))
				return
			}
			seen[at.String()] = true
			doc := fresh()
			next, err := r.readPage(ctx, op, at, doc)
			if err != nil {
				yield(none, err)
				return
			}
			if next != nil && t.over(doc) {
				yield(none, opError(op, errRound))
				return
			}
			if !yield(doc, nil) {
				return
			}
			at = next
		}
	}
}

// readPage reads one page and tells where the next one is, nil after the last.
func (r *Reader) readPage(ctx context.Context, op string, at *url.URL, doc collection) (*url.URL, error) {
	c := &call{op: op, method: http.MethodGet, url: at, out: doc, perPage: doc.perPage()}
	if err := r.do(ctx, c); err != nil {
		return nil, err
	}
	doc.page().servedAt = c.servedAt
	href := doc.page().next()
	if href == "" {
		return nil, nil
	}
	next, err := r.resolve(href)
	if err != nil {
		return nil, opError(op, err)
	}
	return next, nil
}

// collect reads every page of a small collection and joins what take finds in each.
func collect[T collection, E any](ctx context.Context, r *Reader, op string, query url.Values, path string, fresh func() T, take func(T) []E) ([]E, error) {
	first, err := r.endpoint(query, path)
	if err != nil {
		return nil, opError(op, err)
	}
	var all []E
	for doc, err := range walk(ctx, r, op, first, fresh) {
		if err != nil {
			return nil, err
		}
		all = append(all, take(doc)...)
	}
	return all, nil
}
