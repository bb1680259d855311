// Package ccapi speaks Constant Contact's v3 API, politely and without surprises.
//
// # The story
//
// A [Transport] is the one door to the network: it paces requests, charges each of them to the
// day's [Quota] before it is sent, and recognises the server's two ways of saying "too much". It
// knows no token and repeats nothing, so the authorization client can share it.
//
// A [Reader] holds every call that only reads. A [Writer] holds every call that changes something,
// exports included, since an export is a POST. Code that was handed no Writer cannot write.
//
//	door := &ccapi.Transport{Quota: quota, PerSecond: 4}
//	r := ccapi.NewReader("https://api.cc.email/v3", &http.Client{Transport: door}, tokens)
//	for page, err := range r.Contacts(ctx, ccapi.ContactsQuery{}) {
//		...
//	}
//
// # Retries
//
// All requests go through one funnel, Reader.do. What it repeats depends on what a failure proves:
//
//	failure                                        read      write, create or import
//	429 throttled, connection never stood          again     again: the server did nothing
//	401                                            again, once, with a renewed token
//	408, 5xx, reset, time-out, cut or foreign body again     ErrUnknownOutcome
//	other 4xx                                      fails     fails
//	429 quota_exceeded                             QuotaError
//	redirect, foreign link                         fails     fails: the server did nothing
//	oversized body, too many elements              fails     ErrUnknownOutcome
//
// There are no idempotency keys, so a write that may have been queued is never sent again here.
// [Writer.Replace] is the exception: it reads the contact again and asks its caller again before it
// repeats an idempotent PUT.
//
// # Pitfalls
//
// The access token goes to the configured scheme, host and port and nowhere else: links to another
// place and redirects are errors. Pages are offsets: contacts that come or go while paging make
// others appear twice or not at all, so compare distinct ids with Page.Count.
package ccapi
