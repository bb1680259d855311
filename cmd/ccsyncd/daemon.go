package main

import (
	"context"
	"errors"
)

// daemon runs on the schedule until ctx ends.
func (c *cli) daemon(context.Context) error { return errors.New("the daemon is not part of this build") }
