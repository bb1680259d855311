package sandbox

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// faultAnswer is what comes in place of the work. s.mu is held.
func (s *Server) faultAnswer(c *call, f *Fault) answer {
	a := answer{}
	switch f.Kind {
	case FaultStatus:
		a = statusAnswer(f.Status, !c.note.API())
	case FaultThrottled:
		a = throttled()
	case FaultQuotaExceeded:
		s.usage.turn(c.now)
		s.usage.exhausted = s.usage.day
		a = quotaExceeded()
	case FaultQueueFull:
		a = queueFull()
	case FaultHTML:
		a = htmlAnswer(orDefault(f.Status, http.StatusBadGateway))
	case FaultUnauthorized:
		a = unauthorized()
	case FaultRevoked:
		clear(s.grants.Access)
		a = unauthorized()
	case FaultGateway:
		a = gatewayAnswer(orDefault(f.Status, http.StatusBadGateway), f.Body)
	case FaultGatewayAfter:
		a = gatewayAnswer(orDefault(f.Status, http.StatusGatewayTimeout), f.Body)
	case FaultRefreshLapsed:
		for _, t := range s.grants.Refresh {
			t.Lapses = c.now
		}
		a = oauthFailed(http.StatusBadRequest, "invalid_grant", "The refresh token is invalid or expired.")
	case FaultInvalidGrant:
		a = oauthFailed(http.StatusBadRequest, "invalid_grant", "The refresh token is invalid or expired.")
	}
	if f.RetryAfter > 0 {
		a.header = map[string]string{"Retry-After": strconv.Itoa(int(f.RetryAfter / time.Second))}
	}
	return a
}

// statusAnswer is the body that belongs to a status.
func statusAnswer(status int, authorization bool) answer {
	if authorization && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		return oauthFailed(status, "invalid_request", http.StatusText(status)+".")
	}
	switch status {
	case http.StatusBadRequest:
		return invalid("The request could not be validated.")
	case http.StatusUnauthorized:
		return unauthorized()
	case http.StatusForbidden:
		return forbidden()
	case http.StatusNotFound:
		return notFound("The requested resource was not found.")
	case http.StatusConflict:
		return conflict("You sent simultaneous requests that are attempting to modify the same resource.")
	case http.StatusUnsupportedMediaType:
		return unsupportedMedia("Unsupported Media Type.")
	case http.StatusTooManyRequests:
		return throttled()
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return htmlAnswer(status)
	}
	return unavailable(orDefault(status, http.StatusInternalServerError))
}

// deliver sends the answer, or what the fault leaves of it.
func (d delivery) deliver(w http.ResponseWriter, r *http.Request) {
	for name, value := range d.trace {
		w.Header().Set(name, value)
	}
	if d.fault == nil {
		d.send(w, d.date)
		return
	}
	switch d.fault.Kind {
	case FaultResetBefore, FaultResetAfter, FaultTokenLost:
		reset(w)
	case FaultHangBefore, FaultHangAfter:
		wait(r, d.fault.Delay)
		reset(w)
	case FaultSlow:
		wait(r, d.fault.Delay)
		d.send(w, d.date)
	case FaultCutBody:
		if d.status == http.StatusNoContent {
			reset(w) // there is nothing to cut
			return
		}
		d.cut(w)
	default:
		d.send(w, d.date)
	}
}

// cut announces the whole body and sends half of it.
func (d delivery) cut(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Date", d.date)
	h.Set("Content-Type", d.kind)
	h.Set("Content-Length", strconv.Itoa(len(d.body)+1)) // one more: an empty body can be cut too
	w.WriteHeader(d.status)
	_, _ = w.Write(d.body[:len(d.body)/2])
	_ = http.NewResponseController(w).Flush() // it is to be broken anyway
	panic(http.ErrAbortHandler)
}

// reset breaks the connection so that the client sees a reset where the
// transport knows such a thing, and the end of the connection elsewhere.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.SetLinger(0) // RST in place of FIN
	}
	_ = conn.Close()
}
