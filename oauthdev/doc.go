// Package oauthdev gets ccsyncd authorized once, by the OAuth 2.0 device flow (RFC 8628), and keeps
// it so by refreshing its tokens (RFC 6749, section 6) without ever losing one.
//
// # A login
//
//	d, err := client.Pending(ctx)     // one that an earlier command began, or
//	d, err := client.Start(ctx)       // a new one; its code is shown to a person
//	t, err := client.Wait(ctx, d)     // until the person has approved
//	                                  // the caller proves t by a real call, see Static
//	err = client.Accept(ctx, t)       // from now on Token serves it
//
// # Rotating refresh tokens
//
// Constant Contact's refresh tokens can be used once: using one makes it invalid, and the answer
// carries the next. So the answer must not get lost, nor may two processes use one token at the
// same time. All that is known about a login is one record in a [Store], and a refresh is done in
// this order, under the store's lock:
//
//	lock, load -> somebody else's new token? take it
//	mark       -> "this refresh token is being sent for the n-th time", saved before it is sent
//	send       -> one HTTP request, at most one token spent
//	commit     -> the new token replaces mark and old token, saved before anybody uses it
//
// A token whose answer was lost is sent again at once, because some servers take a token again
// within seconds for that very case. If that answer is lost too, the token is in doubt: the server
// may never have seen it. It is retried by later calls, twice each time, after pauses of 1, 2,
// 4 ... 60 minutes, and is dead only when the server calls it invalid. What follows from the answer
// to a refresh:
//
//	row  answer                                           was it spent?   then
//	 1   new tokens                                       yes             commit
//	 2   no refresh token in it, or the same value        no, long-lived  commit, keep the refresh token
//	 3   invalid_grant                                    before          dead, never sent again
//	 4   another OAuth error (invalid_client, ...)        no              take the mark back, report, not dead
//	 5   429                                              no              take the mark back, again after a pause
//	 6   500 to 599, whole                                no              the same, but remember the doubt for row 3's reason
//	 7   a page, a gateway's "message", a redirect        no              take the mark back, again after a pause
//	 8   request never left: no connection                no              take the mark back, again after a pause
//	 9   request never left: any other reason             no              take the mark back, report
//	10   it left; time-out, reset, cut or empty answer    perhaps         leave the mark, again at once
//	11   row 10 at once after row 10, rotating token      perhaps twice   leave the mark, DoubtError, again after a pause
//	12   row 10 for a token known to be long-lived        no              again after a pause
//
// A pause is one to eight seconds, or what Retry-After says; five rounds or a minute later the
// error is reported and the next call begins again. What follows from what is found in the record,
// once the lock is held:
//
//	row  found                                            then
//	13   no mark, token good                              use it
//	14   a mark (a process died or gave up in row 10)     send the token now, while the server may still take it
//	15   a mark for two sendings, its pause not over      the access token if it is good, else DoubtError, nothing is sent
//	16   dead                                             LoginError, nothing is sent
//	17   the new token could not be saved, in this        save it now, unless another process has refreshed or
//	     process's memory                                 a person has logged in since
//
// A dead login stays dead until Accept. Its reason names the likeliest cause: an answer that was
// lost (there was a mark or a 5xx), a token that lapsed (180 days), or, when this installation had
// sent the token for the first time, a copy of the state file in use elsewhere.
//
// # Pitfalls
//
//   - A request that carries a refresh token is not cut off by the caller's context at once: giving
//     up costs the answer. It is allowed five seconds more.
//   - Every request goes through Config.HTTP, so its transport may refuse or delay it. A transport
//     must not read the body of a request that it does not send: an unread body is the proof that
//     nothing was spent.
//   - golang.org/x/oauth2 supplies the types only. Its token source hands out a rotated token
//     before anybody has stored it, its device poll ends at the first network error, and the JSON
//     form of its device answer loses the expiry.
package oauthdev
