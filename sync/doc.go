// Package sync turns the difference between the users of an app and the contacts of a Constant
// Contact account into verified changes.
//
// One run goes from left to right:
//
//	at home    does the state file belong to this source, account and machine?
//	bind       names in the configuration -> custom fields and lists of the account, by id
//	resume     what a former run left open
//	refresh    the mirror: a snapshot, or what changed since the last refresh
//	source     rows -> users, sorted in a private spool
//	plan       users joined with the mirror -> decisions -> changes
//	guard      is the plan an accident? then nothing is sent
//	recheck    the contacts concerned are read again, planned again and judged again
//	canary     a few go ahead of the first push and are compared whole
//	push       changes -> batches, recorded, sent as bulk imports
//	await      imports are polled to their end
//	verify     the contacts are read back; what did not arrive is a problem
//	report
//
// Users whose import was sent by a former run, and has ended meanwhile, are planned in a second
// pass over the same rows.
//
// A dry run is the same code without a Writer, ended after the guard. Only batches outlive a run:
// their states are in the state file, and the next run takes them up wherever the last one
// died.
//
// The words: a user is a row of the source, a contact is Constant Contact's. The mirror is the
// local copy of all contacts, a snapshot a complete reading of them. A change is what the plan does
// to one contact, a skip a row that is not sent. A batch is one bulk import, an activity Constant
// Contact's name for it. The normalised address under which users and contacts meet is called norm.
//
// An Engine is used by one goroutine at a time.
package sync
