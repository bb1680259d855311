package sandbox

import (
	"net/http"
	"strings"
)

// apiError is one element of the API's error array, or the whole bare object
// of the gateway.
type apiError struct {
	Key     string `json:"error_key"`
	Message string `json:"error_message"`
}

// failed is an error of the API itself: an array of one.
func failed(status int, key, message string) answer {
	return jsonAnswer(status, []apiError{{key, message}})
}

// refused is an error of the gateway in front of the API: a bare object.
func refused(status int, key, message string) answer {
	return jsonAnswer(status, apiError{key, message})
}

// invalid is what wrong input gets: one element, its messages joined.
func invalid(messages ...string) answer {
	return failed(http.StatusBadRequest, "contacts.api.validation.error", strings.Join(messages, ", "))
}

func malformed() answer {
	return failed(http.StatusBadRequest, "contacts.api.json.error", "Malformed JSON in request body.")
}

func notFound(message string) answer {
	return failed(http.StatusNotFound, "contacts.api.not_found", message)
}

// noSuch is the 404 of an id: what looks like none is told so.
func noSuch(name, id string) answer {
	if !isID(id) {
		return notFound(name + " is in an invalid format.")
	}
	return notFound("The requested resource was not found.")
}

func conflict(message string) answer {
	return failed(http.StatusConflict, "contacts.api.conflict", message)
}

func unsupportedMedia(message string) answer {
	return failed(http.StatusUnsupportedMediaType, "contacts.api.unsupported_media_type", message)
}

func unauthorized() answer {
	return refused(http.StatusUnauthorized, "unauthorized", "The access token is invalid or has expired.")
}

func forbidden() answer {
	return refused(http.StatusForbidden, "forbidden",
		"You lack the necessary scopes, you lack the necessary user privileges, or the application is deactivated.")
}

func throttled() answer {
	return refused(http.StatusTooManyRequests, "throttled", "Too Many Requests")
}

func quotaExceeded() answer {
	return refused(http.StatusTooManyRequests, "quota_exceeded", "Limit Exceeded")
}

// queueFull is the third kind of 429: more than 1,000 activities are queued.
func queueFull() answer {
	return failed(http.StatusTooManyRequests, "contacts.api.activity.limit", "The limit of 1,000 queued activities is reached.")
}

func unavailable(status int) answer {
	return failed(status, "contacts.api.unavailable", http.StatusText(status)+".")
}

// oauthFailed is an error of the authorization server (RFC 6749, 5.2).
func oauthFailed(status int, code, description string) answer {
	return jsonAnswer(status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{code, description})
}
