package ccapi

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

const (
	// sparePages is how many pages of a collection may bring nothing new, and how many more than
	// its elements fill may be less than full.
	sparePages = 20
	// maxPages bounds every collection: it is what a day's requests can read.
	maxPages = 10_000
)

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
	perPage() int  // the most elements that the contract allows a page
	size() int     // the elements on this page
	total() int    // the elements that all pages have together, as far as is known
	first() string // the id of the page's first element; "" for none
}

// turn counts the pages of a walk.
type turn struct {
	pages int
	thin  int             // pages that were not full
	stale int             // pages without elements, or that began like an earlier one
	began map[string]bool // ids that a page began with
	most  int             // elements of the fullest page
	total int             // as told by the page that told the most
}

// over takes in a page and tells whether there are more than the collection can have. Full pages
// with something new are as many as they are: whatever an account counts, nobody has seen all of
// its contacts counted.
func (t *turn) over(doc collection) bool {
	t.pages++
	if doc.size() < doc.perPage() {
		t.thin++
	}
	if id := doc.first(); id == "" || t.began[id] {
		t.stale++
	} else {
		t.began[id] = true
	}
	t.most, t.total = max(t.most, doc.size()), max(t.total, doc.total())
	return t.pages > maxPages || t.stale > sparePages || t.thin > sparePages+t.total/max(t.most, 1)
}

// walk yields the page at first and all after it, made by fresh and read by the operation op. A
// link that leads away from the API ends it before the page that holds the link is yielded.
func walk[T collection](ctx context.Context, r *Reader, op string, first *url.URL, fresh func() T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		seen := make(map[string]bool)
		t := turn{began: make(map[string]bool)}
		for at := first; at != nil; {
			if seen[at.String()] {
				yield(none, opError(op, ErrEndlessPages))
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
				yield(none, opError(op, ErrEndlessPages))
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
