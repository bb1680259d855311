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
		{FaultStatus, "the answer has `status` and the body that belongs to it"},
		{FaultThrottled, "429 `throttled`"},
		{FaultQuotaExceeded, "429 `quota_exceeded` until the day ends"},
		{FaultQueueFull, "429, as with 1,000 queued activities"},
		{FaultHTML, "an HTML page with `status` (default 502)"},
		{FaultResetBefore, "the connection is reset; nothing was done"},
		{FaultResetAfter, "the connection is reset; the work was done"},
		{FaultCutBody, "half of the answer, then the connection closes"},
		{FaultHangBefore, "no answer for `delay` (default: for ever); nothing was done"},
		{FaultHangAfter, "no answer for `delay` (default: for ever); the work was done"},
		{FaultSlow, "the answer comes `delay` later"},
		{FaultShiftedPage, "a page of contacts starts `rows` contacts too late"},
		{FaultUnauthorized, "401; the access token remains valid"},
		{FaultRevoked, "401; all access tokens become invalid"},
		{FaultInvalidGrant, "the token endpoint answers `invalid_grant`"},
		{FaultTokenLost, "the token endpoint issues a token, but its answer is lost"},
		{FaultRefreshLapsed, "all refresh tokens become invalid, as after 180 days: the token endpoint answers `invalid_grant`"},
		{FaultGateway, "a gateway answers with `status` (default 502) in the form `body`: `message`, `Message`, `errorCode` or `html`"},
		{FaultGatewayAfter, "a gateway answers with `status` (default 504) in the form `body`; the work was done"},
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
		{FaultGone, "is carried out, but cannot be read"},
		{FaultSlowWork, "takes `delay` longer"},
		{FaultLostRows, "completes without some rows (`share`, `rows`, `match`) and reports no error"},
		{FaultRefused, "completes and counts some rows as errors"},
		{FaultAltered, "completes with other values in some rows"},
		{FaultPoisoned, "loses all rows if one of them has `match`"},
		{FaultReadDelay, "its changes can be read only `delay` later"},
		{FaultSwitch, "`switches` apply to this request and its activity"},
	}
}
