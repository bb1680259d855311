package ccapi

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxTries is how often a request is made before its failure is reported. With the waits of
	// newBackOff (0.5, 1.5, 4.5, 13.5 and 30 s, each plus or minus half) that takes a minute.
	maxTries = 6
	// maxRetryAfter is the longest wait that a server may ask for; a request told to wait longer
	// fails with [Error.RetryAfter].
	maxRetryAfter = 2 * time.Minute
)

// jittered makes the waits between attempts: each plus or minus half.
type jittered struct {
	backoff.ExponentialBackOff
	random func() float64 // in [0, 1)
}

func newBackOff(random func() float64) *jittered {
	if random == nil {
		random = rand.Float64
	}
	return &jittered{random: random, ExponentialBackOff: backoff.ExponentialBackOff{
		InitialInterval: 500 * time.Millisecond, Multiplier: 3, MaxInterval: 30 * time.Second}}
}

// NextBackOff is the wait before the next attempt.
func (j *jittered) NextBackOff() time.Duration {
	return time.Duration(float64(j.ExponentialBackOff.NextBackOff()) * (0.5 + j.random()))
}

// failure is an attempt that did not succeed, and what that proves.
type failure struct {
	err     error
	again   bool          // another attempt may succeed
	clean   bool          // the server surely did nothing
	refused bool          // for its token
	after   time.Duration // the wait that the server asked for; 0 for none
}

// retry calls try until it succeeds, fails for good or was called maxTries times.
func (r *Reader) retry(ctx context.Context, op string, try func() *failure) error {
	var last *failure
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = try()
		switch {
		case last == nil:
			return struct{}{}, nil
		case !last.again || last.after > maxRetryAfter:
			return struct{}{}, backoff.Permanent(last.err)
		case last.after > 0:
			return struct{}{}, &backoff.RetryAfterError{Duration: last.after}
		}
		return struct{}{}, last.err
	}, backoff.WithBackOff(newBackOff(r.Random)), backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(0))
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && last.again {
		return fmt.Errorf("%s: %w after: %w", op, cause, last.err)
	}
	return last.err
}
