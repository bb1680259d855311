package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Cron is a checked schedule. It is a cron.Schedule whose days and hours are those of Zone,
// whatever the zone of the time for Next is.
type Cron struct {
	Spec string // as written
	Zone *time.Location

	next cron.Schedule
}

// Next returns the first time after t at which the schedule fires, in the zone of t. For a Cron
// from ParseCron it is never zero, unless t is centuries away.
func (c Cron) Next(t time.Time) time.Time {
	return c.next.Next(t.In(c.Zone)).In(t.Location())
}

// ParseCron reads five fields (minute, hour, day of month, month, day of week) or a descriptor such
// as @hourly or "@every 10s". It alone calls the parser of robfig/cron, and refuses what this
// parser accepts by mistake: a time zone without a specification after it (it panics), a date that
// never comes, an interval below a second or with a part of a second (it is rounded silently), a
// step longer than its field, and "*-5".
func ParseCron(spec string, zone *time.Location) (c Cron, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, err = Cron{}, errors.New("it is not a valid schedule")
		}
	}()
	spec = strings.TrimSpace(spec)
	next, err := parseSchedule(spec)
	if err != nil {
		return Cron{}, err
	}
	c = Cron{Spec: spec, Zone: zone, next: next}
	if c.Next(time.Now()).IsZero() {
		return Cron{}, errors.New("this day does not exist")
	}
	return c, nil
}

func parseSchedule(spec string) (cron.Schedule, error) {
	switch {
	case strings.Contains(spec, "TZ="):
		return nil, errors.New("set the time zone with the key timezone")
	case strings.HasPrefix(spec, "@every"):
		return parseEvery(strings.TrimPrefix(spec, "@every"))
	case strings.HasPrefix(spec, "@"):
		return parseDescriptor(spec)
	default:
		return parseFields(spec)
	}
}

func parseEvery(text string) (cron.Schedule, error) {
	d, err := ParseDuration(strings.TrimSpace(text))
	switch {
	case err != nil:
		return nil, errors.New(`@every needs a duration, such as "@every 10s"`)
	case d < time.Second:
		return nil, errors.New("the shortest interval is one second")
	case d%time.Second != 0:
		return nil, errors.New("an interval must be in whole seconds")
	}
	return cron.Every(d), nil
}

func parseDescriptor(spec string) (cron.Schedule, error) {
	s, err := cron.ParseStandard(spec)
	if err != nil {
		return nil, errors.New("use @hourly, @daily, @weekly, @monthly, @yearly or @every")
	}
	return s, nil
}

// cronField describes one of the five fields: the length of its range bounds a step.
type cronField struct {
	name   string
	length int
	bounds string
}

var cronFields = [5]cronField{
	{"minute", 60, "0 to 59"},
	{"hour", 24, "0 to 23"},
	{"day of month", 31, "1 to 31"},
	{"month", 12, "1 to 12 or jan to dec"},
	{"day of week", 7, "0 to 6 or sun to sat"},
}

// cronPart is one element of a field's list.
var cronPart = regexp.MustCompile(`^(?:[*?]|[0-9A-Za-z]+(?:-[0-9A-Za-z]+)?)(?:/([0-9]{1,4}))?$`)

func parseFields(spec string) (cron.Schedule, error) {
	fields := strings.Fields(spec)
	if len(fields) != len(cronFields) {
		return nil, fmt.Errorf("it has %d fields instead of 5 (minute, hour, day of month, month, day of week)", len(fields))
	}
	for i, field := range fields {
		if err := cronFields[i].check(field, i); err != nil {
			return nil, err
		}
	}
	return cron.ParseStandard(spec)
}

// check parses the field alone, every other one being "*", so that a complaint can name it.
func (f cronField) check(field string, position int) error {
	for part := range strings.SplitSeq(field, ",") {
		m := cronPart.FindStringSubmatch(part)
		if m == nil {
			return f.wrong()
		}
		if step, err := strconv.Atoi(m[1]); err == nil && step > f.length {
			return fmt.Errorf("a step of %d is longer than the field %s (%s)", step, f.name, f.bounds)
		}
	}
	alone := [5]string{"*", "*", "*", "*", "*"}
	alone[position] = field
	if _, err := cron.ParseStandard(strings.Join(alone[:], " ")); err != nil {
		return f.wrong()
	}
	return nil
}

func (f cronField) wrong() error {
	return fmt.Errorf("the field %s takes %s, lists (1,2), ranges (1-5) and steps (*/5)", f.name, f.bounds)
}
