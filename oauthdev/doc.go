// Package oauthdev logs in once with the OAuth 2.0 device flow (RFC 8628). After that it refreshes
// the tokens (RFC 6749, section 6) and never loses one.
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
// Each of Constant Contact's refresh tokens can be used once. Its use makes it invalid, and the
// answer has the next one. So the answer must not get lost, and two processes must not use one
// token at the same time. All data of a login is one record in a [Store]. A refresh has these
// steps, under the store's lock:
//
//	lock, load -> somebody else's new token? take it
//	mark       -> "this refresh token is being sent for the n-th time", saved before it is sent
//	send       -> one HTTP request, at most one token spent
//	commit     -> the new token replaces mark and old token, saved before anybody uses it
//
// If the answer is lost, the token is sent again immediately, because some servers accept it again
// for a few seconds. If that answer is lost too, the token is in doubt: maybe the server never saw
// it. Later calls retry it, twice each time, after pauses of 1, 2, 4 ... 60 minutes. Only an answer
// of the server makes it dead. This table shows what each answer to a refresh means:
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
// A pause is one to eight seconds, or the time in Retry-After. After five rounds or a minute, the
// error is reported, and the next call starts again. This table shows what each state of the record
// means, once the lock is held:
//
//	row  found                                            then
//	13   no mark, token good                              use it
//	14   a mark (a process died or gave up in row 10)     send the token now, while the server may still take it
//	15   a mark for two sendings, its pause not over      the access token if it is good, else DoubtError, nothing is sent
//	16   dead                                             LoginError, nothing is sent
//	17   the new token could not be saved, in this        save it now, unless another process has refreshed or
//	     process's memory                                 a person has logged in since
//
// A dead login stays dead until Accept. Its reason names the most likely cause:
//
//   - an answer was lost (there was a mark or a 5xx)
//   - the token expired (180 days)
//   - this installation sent the token for the first time, so a copy of the state file is in use
//     elsewhere.
//
// # Pitfalls
//
//   - If the caller's context ends, a request with a refresh token may continue for five seconds,
//     because without its answer the token can be lost.
//   - Every request goes through Config.HTTP, so its transport may refuse or delay it. A transport
//     must not read the body of a request that it does not send: an unread body proves that the
//     token was not used.
//   - golang.org/x/oauth2 is used only for its types. Its token source returns a rotated token
//     before it is stored. Its device poll ends at the first network error. The JSON form of its
//     device answer loses the expiry.
package oauthdev
