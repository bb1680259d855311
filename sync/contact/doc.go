// Package contact knows what one contact is to ccsyncd: its normalised address, the canonical
// values of its mapped fields, and how the names in the configuration are bound to the custom
// fields and lists of the account.
//
// It is pure: it asks nobody anything and writes nothing.
package contact
