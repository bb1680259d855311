// Package ccapi is a client for Constant Contact's v3 API.
//
// # The story
//
// A [Transport] is the only way to the network. It paces requests, charges each of them to the
// day's [Quota] before it is sent, and recognizes the server's two answers for "too much". It knows
// no token and repeats nothing, so the authorization client can share it.
//
// A [Reader] has every call that only reads. A [Writer] has every call that changes something. An
// export is a POST, so it is a call of the Writer. Code without a Writer cannot write.
//
//	door := &ccapi.Transport{Quota: quota, PerSecond: 4}
//	r := ccapi.NewReader("https://api.cc.email/v3", &http.Client{Transport: door}, tokens)
//	for page, err := range r.Contacts(ctx, ccapi.ContactsQuery{}) {
//		...
//	}
//
// # Retries
//
// All requests go through one function, Reader.do. It repeats a request only if the failure allows
// it:
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
// The API has no idempotency keys, so a write that may have been queued is never sent again here.
// [Writer.Replace] is the exception, because a PUT is idempotent. Before it repeats one, it reads
// the contact again and asks its caller again.
//
// # Pitfalls
//
// The access token is sent only to the configured scheme, host and port. Redirects are errors, and
// so are links to another place or out of the API's path. Pages are offsets: if contacts are added
// or removed while paging, others appear twice or not at all. So compare the number of distinct ids
// with Page.Count.
package ccapi
