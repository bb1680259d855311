package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// login is who was let in, and to what.
type login struct {
	client     string
	scopes     []string
	family     string
	unassigned bool
}

// issue makes an access token, and a refresh token where offline_access was
// asked for.
func (s *Server) issue(now time.Time, l login) tokenAnswer {
	t := s.issueAccess(now, l)
	for _, scope := range l.scopes {
		if scope == offlineAccess {
			t.Refresh = s.newRefresh(now, l)
		}
	}
	return t
}

func (s *Server) issueAccess(now time.Time, l login) tokenAnswer {
	token := &accessToken{ClientID: l.client, Scopes: l.scopes, Family: l.family,
		Expires: now.Add(s.opts.Tokens.Access), Unassigned: l.unassigned}
	text := s.jwt(now, token)
	s.grants.Access[text] = token
	return tokenAnswer{Type: "Bearer", Expires: int64(s.opts.Tokens.Access / time.Second), Access: text, Scope: strings.Join(l.scopes, " ")}
}

func (s *Server) newRefresh(now time.Time, l login) string {
	text := s.randomText(32)
	s.grants.Refresh[text] = &refreshToken{ClientID: l.client, Scopes: l.scopes, Family: l.family,
		Lapses: now.Add(s.opts.Tokens.Refresh), Unassigned: l.unassigned}
	return text
}

// refresh answers a refresh (RFC 6749, 6). A rotating token is spent by it, and
// every earlier one of its family is invalid from then on; within the grace
// period a spent one may come again. A long-lived token keeps its value.
func (s *Server) refresh(c *call, client, text string) answer {
	s.grants.Spends[text]++
	t := s.grants.Refresh[text]
	if t == nil || t.ClientID != "" && t.ClientID != client || t.Invalid || !c.now.Before(t.Lapses) || s.spent(t, c.now) {
		return oauthFailed(http.StatusBadRequest, "invalid_grant", "The refresh token is invalid or expired.")
	}
	l := login{client, t.Scopes, t.Family, t.Unassigned}
	if s.opts.LongLived {
		t.Lapses = c.now.Add(s.opts.Tokens.Refresh)
		out := s.issueAccess(c.now, l)
		if !s.switches.RefreshTokenAbsent {
			out.Refresh = text
		}
		return out.answer()
	}
	if t.Spent.IsZero() {
		t.Spent = c.now
	}
	for other, o := range s.grants.Refresh {
		if o.Family == t.Family && other != text {
			o.Invalid = true
		}
	}
	return s.issue(c.now, l).answer()
}

// spent tells that a token was used and its grace period is over.
func (s *Server) spent(t *refreshToken, now time.Time) bool {
	return !t.Spent.IsZero() && (s.opts.Grace == 0 || now.After(t.Spent.Add(s.opts.Grace)))
}

// Authorize logs in without the device flow, with every scope that a sync needs,
// and returns the tokens. Any client id may refresh them, unless
// [Options.ClientID] prescribes one.
func (s *Server) Authorize() (access, refresh string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed++
	t := s.issue(s.now(), login{client: s.opts.ClientID, scopes: []string{contactData, accountRead, offlineAccess}, family: s.newID()})
	return t.Access, t.Refresh
}

// jwt is an access token in the form of the real ones: a JWT of 1,000 to 1,200
// characters whose signature nobody can check.
func (s *Server) jwt(now time.Time, t *accessToken) string {
	user := s.acc.Owner.UserID
	if t.Unassigned {
		user = "UNASSIGNED"
	}
	claims := map[string]any{
		"ver": 1, "jti": "AT." + s.randomText(32), "iss": "https://identity.constantcontact.com/oauth2/aus1lm3ry9mF7x2Ja0h8",
		"aud": "https://api.cc.email/v3", "iat": now.Unix(), "exp": t.Expires.Unix(), "cid": t.ClientID,
		"uid": s.acc.Owner.UserID, "scp": t.Scopes, "auth_time": now.Unix(), "sub": s.acc.Owner.Email, "platform_user_id": user,
	}
	header := map[string]string{"alg": "RS256", "typ": "JWT", "kid": "sandbox-" + s.randomText(24)}
	return encodePart(header) + "." + encodePart(claims) + "." + s.randomText(256)
}

func encodePart(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("sandbox: encode a token: " + err.Error()) // strings and numbers always encode
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// normalUserCode is a user code as it was given out, however it was typed.
func normalUserCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, typed)
}
