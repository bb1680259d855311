package sandbox

// FaultLine is one line of [FaultTable].
type FaultLine struct {
	Kind FaultKind
	Does string // in a few words
}

// Strikes tells what the fault spoils: the answer before anything was done, the
// answer of a request that was carried out, or the activity that it made; or
// both the request and its activity.
func (l FaultLine) Strikes() string {
	switch {
	case l.Kind == FaultSwitch:
		return "request and activity"
	case l.Kind.ofAccount():
		return "account, before"
	case l.Kind.ofActivity():
		return "activity"
	case l.Kind.before():
		return "answer, before"
	}
	return "answer, after"
}

// FaultTable lists every kind of fault, in a fixed order.
func FaultTable() []FaultLine {
	return append(answerFaults(), activityFaults()...)
}

// FaultKinds are all kinds of faults, in the order of [FaultTable].
func FaultKinds() []FaultKind {
	var kinds []FaultKind
	for _, line := range FaultTable() {
		kinds = append(kinds, line.Kind)
	}
	return kinds
}

func answerFaults() []FaultLine {
	return []FaultLine{
		{FaultStatus, "the answer has `status`, with the body that belongs to it"},
		{FaultThrottled, "429 `throttled`"},
		{FaultQuotaExceeded, "429 `quota_exceeded`, until the day turns"},
		{FaultQueueFull, "429 as with 1,000 queued activities"},
		{FaultHTML, "an HTML page with `status`, 502 without one"},
		{FaultResetBefore, "the connection is reset, nothing was done"},
		{FaultResetAfter, "the connection is reset, the work was done"},
		{FaultCutBody, "half of the answer, then the end of the connection"},
		{FaultHangBefore, "no answer for `delay`, or ever, and nothing was done"},
		{FaultHangAfter, "no answer for `delay`, or ever, but the work was done"},
		{FaultSlow, "the answer comes `delay` later"},
		{FaultShiftedPage, "a page of contacts starts `rows` too far"},
		{FaultUnauthorized, "401; the access token stays good"},
		{FaultRevoked, "401; all access tokens are dead"},
		{FaultInvalidGrant, "the token endpoint answers `invalid_grant`"},
		{FaultTokenLost, "the token endpoint issues a token and its answer is lost"},
		{FaultRefreshLapsed, "all refresh tokens are dead, as after 180 days: the token endpoint answers `invalid_grant`"},
		{FaultGateway, "what stands in front answers with `status`, 502 without one, in the form `body`: `message`, `Message`, `errorCode` or `html`"},
		{FaultGatewayAfter, "the same with 504, but the work was done"},
		{FaultFieldRenamed, "the custom field `field` gets the label `to`"},
		{FaultFieldDeleted, "the custom field `field` is deleted"},
	}
}

func activityFaults() []FaultLine {
	return []FaultLine{
		{FaultFailed, "ends as `failed` after `share` of its rows"},
		{FaultTimedOut, "ends as `timed_out` after `share` of its rows"},
		{FaultCancelled, "ends as `cancelled` after `share` of its rows"},
		{FaultStuck, "stays in `processing` after `share` of its rows"},
		{FaultGone, "is carried out, but nobody can look at it"},
		{FaultSlowWork, "takes `delay` longer"},
		{FaultLostRows, "completes without some rows (`share`, `rows`, `match`), silently"},
		{FaultRefused, "completes with some rows counted as errors"},
		{FaultAltered, "completes with other values in some rows"},
		{FaultPoisoned, "one row that has `match` makes all of them be lost"},
		{FaultReadDelay, "what it changed can be read only `delay` later"},
		{FaultSwitch, "`switches` are thrown for this request and its activity"},
	}
}
