package sandbox

import (
	"net/http"
	"strings"
	"time"
)

// delivery is what comes of a request: an answer, and what becomes of it on its
// way to the client.
type delivery struct {
	answer
	fault *Fault            // nil: none
	trace map[string]string // headers of the gateway
	date  string
}

// handler takes a request through the sandbox: it is logged, counted against
// the limits, may meet a fault, is worked on, and is answered.
func (s *Server) handler(work func(*call) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := readBody(r)
		if err != nil {
			return // the client went away in the middle of its request
		}
		d := s.exchange(r, body, work)
		defer s.save(false)
		d.deliver(w, r)
	})
}

func (s *Server) exchange(r *http.Request, body []byte, work func(*call) answer) delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.settle()
	c := &call{Request: r, body: body, query: r.URL.Query(), now: now, stamp: stampOf(now)}
	c.note = s.log.begin(c)
	d := delivery{date: now.Format(http.TimeFormat)}
	if over, limited := s.limit(c); limited {
		d.answer = over
	} else {
		s.faults.pick(c)
		s.upset(c)
		s.caused(c.operation(), func() {
			s.thrown(c.thrown, func() { d.answer = s.work(c, work) })
		})
		d.fault = c.fault
	}
	d.trace = c.note.trace()
	s.log.end(c.note, d)
	if r.Method != http.MethodGet {
		s.changed++
	}
	return d
}

// work does what the request asks for, unless a fault comes before that.
func (s *Server) work(c *call, work func(*call) answer) answer {
	if c.fault == nil {
		return work(c)
	}
	c.note.Fault = string(c.fault.Kind)
	if c.fault.Kind.before() {
		return s.faultAnswer(c, c.fault)
	}
	out := work(c)
	if c.fault.Kind == FaultGatewayAfter {
		return s.faultAnswer(c, c.fault)
	}
	return out
}

// upset lets somebody change the account before a request.
func (s *Server) upset(c *call) {
	for _, f := range c.upset {
		c.note.Fault = string(f.Kind)
		switch f.Kind {
		case FaultFieldRenamed:
			s.withField(f.Field, c.now, func(field *customField, _ stamp) { s.relabel(field, f.To) })
		case FaultFieldDeleted:
			s.withField(f.Field, c.now, s.dropField)
		}
	}
}

// api authenticates a call and hands it to its operation.
func (s *Server) api(rt route, c *call) answer {
	if problem, good := s.authenticate(c); !good {
		return problem
	}
	if rt.scope != "" && !c.token.has(rt.scope) {
		return forbidden()
	}
	if rt.privilege != "" && !s.privileged(rt.privilege) {
		return forbidden()
	}
	out := rt.answer(s, c)
	if out.status == http.StatusCreated && s.switches.PostsAnswer200 {
		out.status = http.StatusOK
	}
	return out
}

// authenticate finds the access token of a call.
func (s *Server) authenticate(c *call) (problem answer, good bool) {
	scheme, bearer, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") { // RFC 9110, 11.1: without regard to case
		return unauthorized(), false
	}
	c.token = s.grants.Access[bearer]
	if c.token == nil || !c.now.Before(c.token.Expires) || c.token.Unassigned {
		return unauthorized(), false
	}
	return answer{}, true
}

// wait pauses until the time has passed or the client is gone; 0 waits for
// the client alone.
func wait(r *http.Request, d time.Duration) {
	if d == 0 {
		<-r.Context().Done()
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
