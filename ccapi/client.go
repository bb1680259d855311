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
// If an error has a method Unauthorized() bool that returns true, a person has to log in. The
// caller gets [ErrUnauthorized]. If it has a method InDoubt() bool that returns true, the refresh
// token waits for its next try. The caller gets [ErrTokenInDoubt].
type Tokens interface {
	// Token returns a token that is valid as far as is known.
	Token(ctx context.Context) (*oauth2.Token, error)
	// Renew returns a token other than the one that the server refused.
	Renew(ctx context.Context, refused *oauth2.Token) (*oauth2.Token, error)
}

// Reader makes the calls that only read. It is safe for concurrent use.
type Reader struct {
	// Random returns numbers in [0, 1), for the pauses before retries. nil means math/rand/v2. Set
	// it before the first call.
	Random func() float64

	base     *url.URL
	baseErr  error
	hc       *http.Client
	tokens   Tokens
	requests atomic.Int64
	skew     atomic.Pointer[time.Duration]
}

// NewReader returns a Reader for the API at base, such as https://api.cc.email/v3. If base is not
// such a URL, every call fails. Requests use only the transport of hc, usually a [Transport]:
// redirects are not followed, and a time-out starts when it is the turn of a request.
func NewReader(base string, hc *http.Client, t Tokens) *Reader {
	u, err := parseBase(base)
	own := &http.Client{Transport: hc.Transport, CheckRedirect: stay}
	return &Reader{base: u, baseErr: err, hc: own, tokens: t}
}

// stay makes a redirect the answer.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Requests returns the number of attempts that were sent to the API so far. It includes retries and
// the requests of a Writer on this Reader.
func (r *Reader) Requests() int { return int(r.requests.Load()) }

// Clock returns how much the server's clock is ahead of this machine's, to the second, by the last
// answer. ok is false before the first answer.
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
