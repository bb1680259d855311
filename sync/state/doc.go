// Package state remembers everything that must outlive the process, for every process that works
// on the same file: the mirror of the contacts, the journal of batches, problems, runs, requests of
// other processes, the day's quota and the sealed tokens.
//
// It is the only owner of schema.sql. One exported method is one transaction or one consistent
// read, or several short ones where it is given more rows than one should hold; none takes or
// returns SQL, a row id of the database or a handle, so that another engine could stand behind the
// same methods. What is remembered is declared here; what is decided is decided in package sync.
//
// A DB has one connection that writes, with BEGIN IMMEDIATE, and a few that can only read. All
// methods may be called concurrently, from several processes too. No method keeps a transaction
// open while its caller does something else, except the sequences (Entries, Problems), which
// hold a read snapshot until they end.
package state
