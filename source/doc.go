// Package source streams the users of the app's database, one Row a user, and only ever reads.
//
// # The story
//
//	db, err := source.Open(ctx, source.Config{
//		DSN: "postgres://...", Table: "users", Email: "email", Columns: []string{"short_code"},
//	})
//	for row, err := range db.Read(ctx).Rows() { ... }
//
// Open reads the DSN and connects to nothing. Rows opens one read-only transaction on one snapshot,
// finds the table and its columns, and streams one SELECT. Rows come in no order, and an address
// may come twice: nothing is sorted, folded or compared here. A sequence that ends without an error
// was read to its end; anything else, the end of the context among it, is an error, so that half a
// table is never taken for a whole one. A reading read to its end has a mark, from which Unchanged
// tells whether reading again is needed.
//
// A dialect holds what differs between SQLite, PostgreSQL, and MySQL with MariaDB. Everything goes
// through sqlx, but for the rows themselves, which the driver is asked for. Names of tables and
// columns are quoted; `where` and `query` are the owner's own SQL and stand in the statement as
// they are, in a transaction that cannot write.
//
// # Values
//
// A value gives the same text on all databases, so that moving the app from one to another changes
// no contact.
//
//	column                   text                          notes
//	NULL                     (empty)
//	text, enumeration        as it is                      CHAR(n) of PostgreSQL without its padding
//	integer                  -42
//	decimal                  12.5                          no zeros at the end: SQLite keeps none
//	floating-point           0.1, 1e+21                    shortest form; exponents as JavaScript has them
//	boolean                  true, false                   also TINYINT(1), BIT(1) (1)
//	date                     2026-01-02
//	date and time            2026-01-02T03:04:05.12Z       UTC; what has no zone is taken as UTC
//	time of day              15:04:05.5
//	UUID                     7d444840-9dc0-11d1-...        also 16 bytes in a UUID or BINARY(16) column (1)
//	JSON                     {"a":[1,2]}                   no white space between tokens (2)
//	bytes                    as they are                   UTF-8 or not
//	BIT(n) of MySQL          129                           as a number
//	zero date of MySQL       (empty)
//	anything else            as the database writes it     arrays, intervals, addresses, infinity
//
//	(1) In a query, MySQL tells no widths: there TINYINT of 0 and 1 is boolean, and BINARY of 16
//	    bytes that are no text a UUID. Write CAST(x AS SIGNED) for a number.
//	(2) MariaDB keeps JSON as text, which stays as it is.
//
// SQLite has no types of its own for most of these; there the declared type of the column decides,
// and a value that does not suit it stays as it is. In a `query`, only columns taken straight from
// a table have a declared type. Who wants another form, 12.50 say, writes it in `query`:
// printf('%.2f', price), to_char(price, 'FM990.00'), FORMAT(price, 2).
//
// Numbers in SQLite's date columns, and in the columns that Read is told of, are seconds since 1970
// or milliseconds, as Prisma, Knex and drizzle store them. All rows of the table tell together
// which of the two a column has: see epoch.go. Where nothing tells, a date column of SQLite has
// seconds, so that one with milliseconds of January 1970 to March 1973 alone is misread; the
// numbers of other columns stay numbers.
//
// # Pitfalls
//
//   - The strings of a Row stay good, its Values slice does not: the next row overwrites it.
//   - A SQLite file is never created, and never read with immutable=1, which shows stale rows. The
//     -wal and -shm files beside a database in WAL mode are SQLite's: it makes them when the app is
//     down, which needs write access to the folder.
//   - In SQLite's other journal modes a read holds up the app's commits, for as long as it lasts.
//   - MySQL's snapshot covers InnoDB tables only.
//   - No error, note or identity holds a password.
package source
