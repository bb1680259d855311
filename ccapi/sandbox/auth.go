package sandbox

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// knownScopes are the scopes of the authorization server.
var knownScopes = []string{
	contactData, accountRead, accountUpdate, "campaign_data", "billing_data", offlineAccess,
	"openid", "profile", "email",
}

const offlineAccess = "offline_access"

// form reads the parameters of a call to the authorization server. They come in
// the body; those of a query are not looked at.
func (c *call) form() (url.Values, answer, bool) {
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, oauthFailed(http.StatusBadRequest, "invalid_request", "Accept and/or Content-Type headers do not match supported values."), false
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, oauthFailed(http.StatusBadRequest, "invalid_request", "The request body is not a form."), false
	}
	return form, answer{}, true
}

// client is the client id of a call: from the form, or from HTTP Basic for a
// confidential client, whose secret is not checked.
func (s *Server) client(c *call, form url.Values) (id string, problem answer, good bool) {
	id = form.Get("client_id")
	if user, _, basic := c.BasicAuth(); basic && id == "" {
		id = user
	}
	if id == "" || s.opts.ClientID != "" && id != s.opts.ClientID {
		return "", oauthFailed(http.StatusUnauthorized, "invalid_client", "Invalid value for 'client_id' parameter."), false
	}
	return id, answer{}, true
}

// scopes reads and checks a scope parameter.
func scopes(text string) (list []string, problem answer, good bool) {
	list = strings.Fields(text)
	if len(list) == 0 {
		return nil, oauthFailed(http.StatusBadRequest, "invalid_scope", "The authorization server resource does not have any configured default scopes, 'scope' must be provided."), false
	}
	for _, scope := range list {
		if !slices.Contains(knownScopes, scope) {
			return nil, oauthFailed(http.StatusBadRequest, "invalid_scope", "One or more scopes are not configured for the authorization server resource."), false
		}
	}
	return list, answer{}, true
}

// tokenSpacing is the token endpoint's own limit: one request a second.
const tokenSpacing = time.Second

// token answers the token endpoint.
func (s *Server) token(c *call) answer {
	form, problem, good := c.form()
	if !good {
		return problem
	}
	client, problem, good := s.client(c, form)
	if !good {
		return problem
	}
	if !s.opts.Unlimited && c.now.Sub(s.usage.lastToken) < tokenSpacing {
		return throttled()
	}
	s.usage.lastToken = c.now
	switch form.Get("grant_type") {
	case "urn:ietf:params:oauth:grant-type:device_code":
		return s.deviceToken(c, client, form.Get("device_code"))
	case "refresh_token":
		return s.refresh(c, client, form.Get("refresh_token"))
	case "":
		return oauthFailed(http.StatusBadRequest, "invalid_request", "The token request must specify a 'grant_type'.")
	}
	return oauthFailed(http.StatusBadRequest, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server.")
}

// tokenAnswer is the success of the token endpoint (RFC 6749, 5.1).
type tokenAnswer struct {
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"` // seconds
	Access  string `json:"access_token"`
	Scope   string `json:"scope"`
	Refresh string `json:"refresh_token,omitempty"`
}

func (t tokenAnswer) answer() answer {
	a := ok(t)
	a.header = map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache"}
	return a
}
