package ccapi

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// Tokens supplies access tokens. Its methods are called concurrently.
//
// An error with a method Unauthorized() bool that gives true means that a person has to log in; it
// reaches the caller as [ErrUnauthorized]. One with a method InDoubt() bool that gives true means
// that the refresh token waits for its next try; it reaches the caller as [ErrTokenInDoubt].
type Tokens interface {
	// Token gives a token that is good as far as is known.
	Token(ctx context.Context) (*oauth2.Token, error)
	// Renew gives a token other than the one that the server refused.
	Renew(ctx context.Context, refused *oauth2.Token) (*oauth2.Token, error)
}

// Reader makes the calls that only read. It is safe for concurrent use.
type Reader struct {
	// Random gives numbers in [0, 1) for the waits before a request is made again. nil: those of
	// math/rand/v2. Set it before the first call.
	Random func() float64

	base     *url.URL
	baseErr  error
	hc       *http.Client
	tokens   Tokens
	requests atomic.Int64
	skew     atomic.Pointer[time.Duration]
}

// NewReader returns a Reader of the API at base, such as https://api.cc.email/v3. A base that is no
// such URL fails every call. hc sends, through a [Transport] as a rule; of it only the transport is
// used, since redirects are not followed and time-outs count from a request's turn.
func NewReader(base string, hc *http.Client, t Tokens) *Reader {
	u, err := parseBase(base)
	own := &http.Client{Transport: hc.Transport, CheckRedirect: stay}
	return &Reader{base: u, baseErr: err, hc: own, tokens: t}
}

// stay makes a redirect the answer.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Requests counts the attempts that were let through to the API so far, retries and those of a
// [Writer] on this Reader included.
func (r *Reader) Requests() int { return int(r.requests.Load()) }

// Clock tells by how much the server's clock is ahead of this machine's, to the second, according
// to the last answer; ok is false before there is one.
func (r *Reader) Clock() (skew time.Duration, ok bool) {
	if d := r.skew.Load(); d != nil {
		return *d, true
	}
	return 0, false
}

// setClock takes the server's time from an answer.
func (r *Reader) setClock(resp *http.Response) {
	if at, ok := dated(resp); ok {
		skew := time.Until(at).Round(time.Second)
		r.skew.Store(&skew)
	}
}

// do is the funnel of all requests: it makes attempts until one succeeds or none can.
func (r *Reader) do(ctx context.Context, c *call) error {
	return r.retry(ctx, c.op, func() *failure { return r.once(ctx, c) })
}

// once makes one attempt, or two where the first was refused for its token. A token that ran out
// while its request waited for its turn was not refused.
func (r *Reader) once(ctx context.Context, c *call) *failure {
	tok, err := r.tokens.Token(ctx)
	for renewals := 0; ; renewals++ {
		if err != nil {
			return &failure{err: tokenError(c.op, err), clean: true}
		}
		f := r.attempt(ctx, c, tok)
		if f == nil || !f.refused {
			return f
		}
		if !expired(tok) {
			c.refusals++
		}
		if c.refusals > 1 || renewals == maxRenewals {
			return f
		}
		tok, err = r.tokens.Renew(ctx, tok)
	}
}

// maxRenewals bounds the renewals of one attempt, should tokens run out faster than they serve.
const maxRenewals = 3

// expired reports a token that has run out by its own account.
func expired(tok *oauth2.Token) bool {
	return !tok.Expiry.IsZero() && !time.Now().Before(tok.Expiry)
}
