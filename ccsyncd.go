// Package ccsyncd keeps Constant Contact in step with an app's database.
//
// A small company has its users in its app's database, and each of them has a short code in a
// column there. The code opens the app, and every marketing mail has to show its reader's own. So
// the code must stand in a custom field of the reader's contact at Constant Contact, and has to
// follow when the app changes it.
//
// The program ccsyncd runs beside the app's backend, which does nothing but write to its own
// database. On a schedule ccsyncd reads that table, compares it with a copy of the contacts that it
// keeps, and sends what differs, and only that, through the bulk activities of the v3 API. Then it
// reads the contacts back: a change counts as done when the contact was seen carrying the new
// value. One run is
//
//	authorize -> refresh the mirror -> read the source -> plan -> guard -> recheck -> push -> verify -> report
//
// The packages tell one part each:
//
//	sync          what differs, whether it may be sent, and whether it arrived
//	sync/spool    sorting more than memory should hold
//	sync/state    what must outlive the process: mirror, batches, problems, runs, quota, tokens
//	source        the app's database, read and nothing but read
//	ccapi         Constant Contact's v3 API, within its limits
//	ccapi/sandbox a Constant Contact on this machine, for trials and tests
//	oauthdev      authorization by device flow, and tokens that are never lost
//	cmd/ccsyncd   the program: commands, daemon, configuration, terminal, status page
//
// This package only carries two files that several of them need. They stand in the root of the
// module for people to find, and a file is embedded by a package in its own folder or above it.
package ccsyncd

import _ "embed"

// Schema is schema.sql: the state file, whole and current. It makes an empty database into a
// new one.
//
//go:embed schema.sql
var Schema string

// ExampleConfig is ccsync.example.toml: every key of the configuration with its default and its
// reason.
//
//go:embed ccsync.example.toml
var ExampleConfig []byte
