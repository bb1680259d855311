package sandbox

import (
	"errors"
	"net/http"
	"time"
)

// Configure changes the options of a running sandbox, for what happens from now
// on. Contacts, Seed and Switches have no effect here; of what is not set, zeros
// stand for the real values as in [New].
func (s *Server) Configure(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	change(&s.opts)
	s.opts = s.opts.withDefaults()
}

// settingsJSON are the options that the control endpoint shows and changes.
type settingsJSON struct {
	Approve   bool   `json:"approve"`
	Unlimited bool   `json:"unlimited"`
	LongLived bool   `json:"long_lived"`
	PerSecond int    `json:"per_second"`
	PerDay    int    `json:"per_day"`
	Grace     string `json:"grace"`
	Access    string `json:"access_lifetime"`
	Refresh   string `json:"refresh_lifetime"`
	Device    string `json:"device_lifetime"`
	Interval  string `json:"poll_interval"`
}

func (s *Server) settings() settingsJSON {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.opts
	return settingsJSON{o.Approve, o.Unlimited, o.LongLived, o.PerSecond, o.PerDay, o.Grace.String(),
		o.Tokens.Access.String(), o.Tokens.Refresh.String(), o.Tokens.Device.String(), o.Tokens.Interval.String()}
}

// controlSettings changes the settings that are named.
func (s *Server) controlSettings(_ *http.Request, body []byte) (any, error) {
	in := s.settings()
	if err := strict(body, &in); err != nil {
		return nil, err
	}
	var grace time.Duration
	var life Lifetimes
	var wrong error
	for _, d := range []struct {
		text string
		into *time.Duration
	}{{in.Grace, &grace}, {in.Access, &life.Access}, {in.Refresh, &life.Refresh}, {in.Device, &life.Device}, {in.Interval, &life.Interval}} {
		var err error
		*d.into, err = parseDuration(d.text)
		if *d.into < 0 {
			err = errors.New("a duration cannot be negative")
		}
		wrong = errors.Join(wrong, err)
	}
	if in.PerSecond < 0 || in.PerDay < 0 {
		wrong = errors.Join(wrong, errors.New("a limit cannot be negative"))
	}
	if wrong != nil {
		return nil, wrong
	}
	s.Configure(func(o *Options) {
		o.Approve, o.Unlimited, o.LongLived = in.Approve, in.Unlimited, in.LongLived
		o.PerSecond, o.PerDay, o.Grace, o.Tokens = in.PerSecond, in.PerDay, grace, life
	})
	return s.settings(), nil
}
