// Package source streams the users of the app's database, one row a user, and only ever reads.
package source
