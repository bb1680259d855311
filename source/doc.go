// Package source reads the users of the app's database, one [Row] for each user. It never writes.
//
// # The story
//
//	db, err := source.Open(ctx, source.Config{
//		DSN: "postgres://...", Table: "users", Email: "email", Columns: []string{"short_code"},
//	})
//	for row, err := range db.Read(ctx).Rows() { ... }
//
// Open reads the DSN and does not connect. Rows opens one read-only transaction on one snapshot,
// finds the table and its columns, and streams one SELECT. Rows come in no order, and an address
// may come twice: nothing is sorted, folded or compared here.
//
// A sequence that ends without an error was read completely. Otherwise it ends with an error, also
// at the end of the context, so a part of a table is never used as the whole. A complete reading
// has a mark. With it, Unchanged shows whether it is necessary to read again.
//
// A dialect has the differences between SQLite, PostgreSQL, and MySQL with MariaDB. Queries go
// through sqlx, except for the rows, which come directly from the driver. Names of tables and
// columns are quoted. `where` and `query` are the owner's SQL. They are used as they are, in a
// transaction that cannot write.
//
// # Values
//
// A value has the same text on all databases, so no contact changes when the app moves to another
// database.
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
//	(1) In a query, MySQL does not report widths. There, TINYINT with 0 and 1 is a boolean, and
//	    BINARY with 16 bytes that are no text is a UUID. Write CAST(x AS SIGNED) for a number.
//	(2) MariaDB keeps JSON as text, which stays as it is.
//
// SQLite has no types of its own for most of these. There, the declared type of the column decides,
// and a value that does not fit it stays as it is. In a `query`, only columns that come directly
// from a table have a declared type. For another form, such as 12.50, use a function in `query`:
// printf('%.2f', price), to_char(price, 'FM990.00') or FORMAT(price, 2).
//
// Numbers in SQLite's date columns, and in the columns that Read gets as dates, are seconds or
// milliseconds since 1970, as Prisma, Knex and drizzle store them. All rows of the table together
// decide which of the two a column has: see epoch.go. If they do not decide it, a date column of
// SQLite has seconds, and the numbers of other columns stay numbers. So a date column in which all
// milliseconds are from January 1970 to March 1973 is read wrongly. A number with a fraction is
// read as a date only if it shows the unit of its column by itself. Where no row decides, numbers
// that may be Julian days stay numbers.
//
// # Pitfalls
//
//   - The strings of a Row stay valid. Its Values slice does not: the next row overwrites it.
//   - A SQLite file is never created. It is never read with immutable=1, which shows old rows.
//   - In WAL mode, SQLite itself creates the -wal and -shm files beside a database when the app is
//     not running. That needs write access to the folder.
//   - In SQLite's other journal modes, the app cannot commit while a reading lasts.
//   - MySQL's snapshot covers only InnoDB tables.
//   - No error, note or identity has a password.
package source
