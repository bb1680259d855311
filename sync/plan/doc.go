// Package plan works out what a run would do: it joins the users with the mirror, decides on all
// that differs, and judges whether the result looks like an accident.
//
// A plan is a value. It is made, judged, made again after the contacts concerned were read
// again, judged again, and carried out by others; nothing changes it. It owns its counts, and the
// report reads them. The package has no network, clock or database of its own: what it reads comes
// through Contacts.
package plan
