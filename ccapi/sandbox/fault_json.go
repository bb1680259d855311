package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"time"
)

// faultJSON is a [Fault] in a file of faults and at the control endpoint.
type faultJSON struct {
	Kind        FaultKind `json:"kind"`
	Method      string    `json:"method,omitempty"`
	Path        string    `json:"path,omitempty"`
	At          []int     `json:"at,omitempty"`
	Probability float64   `json:"probability,omitempty"`
	Times       int       `json:"times,omitempty"`
	Status      int       `json:"status,omitempty"`
	RetryAfter  string    `json:"retry_after,omitempty"`
	Delay       string    `json:"delay,omitempty"`
	Share       float64   `json:"share,omitempty"`
	Rows        int       `json:"rows,omitempty"`
	Match       string    `json:"match,omitempty"`
	Body        string    `json:"body,omitempty"`
	Field       string    `json:"field,omitempty"`
	To          string    `json:"to,omitempty"`
	// Switches are read as Switches, and written without those that are off.
	Switches json.RawMessage `json:"switches,omitempty"`
}

// MarshalJSON writes durations as text, such as "1m30s".
func (f Fault) MarshalJSON() ([]byte, error) {
	out := faultJSON{Kind: f.Kind, Method: f.Method, Path: f.Path, At: f.At, Probability: f.Probability, Times: f.Times,
		Status: f.Status, RetryAfter: durationText(f.RetryAfter), Delay: durationText(f.Delay), Share: f.Share, Rows: f.Rows,
		Match: f.Match, Body: f.Body, Field: f.Field, To: f.To}
	if f.Kind == FaultSwitch {
		out.Switches = f.Switches.thrown()
	}
	return json.Marshal(out)
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// UnmarshalJSON reads a fault and refuses one that makes no sense.
func (f *Fault) UnmarshalJSON(text []byte) error {
	var in faultJSON
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return err
	}
	retryAfter, err1 := parseDuration(in.RetryAfter)
	delay, err2 := parseDuration(in.Delay)
	*f = Fault{Kind: in.Kind, Method: in.Method, Path: in.Path, At: in.At, Probability: in.Probability, Times: in.Times,
		Status: in.Status, RetryAfter: retryAfter, Delay: delay, Share: in.Share, Rows: in.Rows,
		Match: in.Match, Body: in.Body, Field: in.Field, To: in.To}
	var err3 error
	if in.Switches != nil {
		err3 = strict(in.Switches, &f.Switches)
	}
	return errors.Join(err1, err2, err3, f.check())
}

// thrown are the positions of the switches that are not off, as JSON.
func (w Switches) thrown() json.RawMessage {
	all := map[string]any{}
	text, err := json.Marshal(w)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	for name, position := range all {
		if position == false || position == 0.0 || position == "" || position == "0s" {
			delete(all, name)
		}
	}
	out, err2 := json.Marshal(all)
	if err := errors.Join(err, err2); err != nil {
		panic("sandbox: encode switches: " + err.Error()) // our own types always encode
	}
	return out
}

func parseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

// check tells what is wrong with a fault.
func (f *Fault) check() error {
	var wrong []error
	if !slices.Contains(FaultKinds(), f.Kind) {
		wrong = append(wrong, fmt.Errorf("unknown kind of fault %q", f.Kind))
	}
	if f.Probability < 0 || f.Probability > 1 {
		wrong = append(wrong, fmt.Errorf("probability %v is not between 0 and 1", f.Probability))
	}
	if f.Share < 0 || f.Share > 1 {
		wrong = append(wrong, fmt.Errorf("share %v is not between 0 and 1", f.Share))
	}
	if slices.ContainsFunc(f.At, func(n int) bool { return n < 1 }) {
		wrong = append(wrong, errors.New("requests are numbered from 1"))
	}
	needed := f.Kind == FaultStatus || f.Status != 0 && (f.Kind == FaultGateway || f.Kind == FaultGatewayAfter)
	if needed && (f.Status < 400 || f.Status > 599) {
		wrong = append(wrong, fmt.Errorf("status %d is not that of an error", f.Status))
	}
	if f.Body != "" && !slices.Contains(GatewayBodies(), f.Body) {
		wrong = append(wrong, fmt.Errorf("body is one of %q", GatewayBodies()))
	}
	if f.Kind.ofAccount() && f.Field == "" || f.Kind == FaultFieldRenamed && f.To == "" {
		wrong = append(wrong, errors.New("a field that changes needs field, and to for its new label"))
	}
	if err := f.Switches.check(); err != nil {
		wrong = append(wrong, err)
	}
	if (f.Kind == FaultSwitch) != (f.Switches != Switches{}) {
		wrong = append(wrong, errors.New("kind switch, and no other, needs switches"))
	}
	if f.Switches.AuthorizationCounts {
		wrong = append(wrong, errors.New("authorization_counts cannot be thrown for single requests: the limits come first"))
	}
	if f.Kind == FaultPoisoned && f.Match == "" {
		wrong = append(wrong, errors.New("a poisoned row needs match"))
	}
	if f.Delay < 0 || f.RetryAfter < 0 || f.Rows < 0 || f.Times < 0 {
		wrong = append(wrong, errors.New("delay, retry_after, rows and times cannot be negative"))
	}
	if _, err := path.Match(f.Path, ""); err != nil {
		wrong = append(wrong, fmt.Errorf("path %q: %w", f.Path, err))
	}
	return errors.Join(wrong...)
}

// ParseFaults reads faults from JSON: one object, or an array of them.
func ParseFaults(r io.Reader) ([]Fault, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	var all []Fault
	if text = bytes.TrimSpace(text); len(text) > 0 && text[0] == '{' {
		all = make([]Fault, 1)
		err = json.Unmarshal(text, &all[0])
	} else {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	return all, nil
}
