// Package web is what ccsyncd shows over HTTP: the status page for people, health and metrics for
// machines, and POST /run for the backend.
//
//	GET  /healthz      200 while the process works
//	GET  /readyz       200 when codes arrive, else 503 and the reason
//	GET  /metrics      Prometheus
//	GET  /             the status page
//	GET  /runs/{id}    one run
//	GET  /explain      one user, by address or key
//	GET  /problems     who is missing, by reason; /problems.csv all of them
//	GET  /plan         the last dry run that the page asked for; /plan.csv as a download
//	POST /plan         a dry run, asked for by the button of the page
//	POST /run          a run, asked for by a program
//	POST /runs         a run, asked for by the button of the page
//	GET  /static/...   style sheet and icon
//
// Every request goes through the same door first (access.go): who asks under which name, from which
// page, with which token. The first three need none of it, since they hold no personal data.
//
// The package keeps nothing in memory but the last dry run, for an hour. A handler reads the state
// file when it is asked, and what only the daemon knows comes through the small functions of
// Options. Whatever is shown was written by users, by Constant Contact or by an attacker:
// html/template escapes it, no script and no inline style is allowed to run, and values of mapped
// fields are masked, for a short code is a credential.
package web
