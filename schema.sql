-- The state file of ccsyncd: everything that must outlive the process.
--
-- One file belongs to one installation: one Constant Contact account, one source, one machine.
-- Users and plans are never written here; they are cheap to make anew. Times are RFC 3339 in UTC,
-- enumerations are words. This file is the whole and current schema; `PRAGMA user_version` says
-- which edition a file has.

PRAGMA user_version = 3;

-- What this file knows about itself: the account, endpoints, source and machine that it belongs
-- to, how far the server's clock is from ours, and records in JSON: `last_plan` (what the last whole run planned
-- from), `last_whole` (how it ended), `coverage_days` (the lowest coverage of each of the last 30 days), `list_names` (of all
-- lists, for people) and `next_run` (when the daemon will look for something to do).
CREATE TABLE facts (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Records that only their owner can read (the tokens), sealed when a state key is configured.
CREATE TABLE vault (
  name   TEXT NOT NULL PRIMARY KEY,
  record BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Custom fields and lists, found by name once and known by their id from then on.
-- `wanted` is the name in the configuration, lower-cased; `choices` are those of a select field, in JSON.
CREATE TABLE bindings (
  kind    TEXT NOT NULL CHECK (kind IN ('custom_field', 'list')),
  wanted  TEXT NOT NULL,
  id      TEXT NOT NULL,
  name    TEXT NOT NULL,
  label   TEXT NOT NULL,
  type    TEXT NOT NULL,
  choices TEXT NOT NULL,
  PRIMARY KEY (kind, wanted)
) STRICT, WITHOUT ROWID;

-- The local copy of every contact, in the order of the join.
-- `norm` is the normalised address ('' for a contact without one); several contacts may share it.
-- `fields` holds the mapped values in mapping order, canonical by their type, joined by U+001F, and
-- '' for a deleted contact, so that it never counts as equal: comparing a user with a contact is
-- comparing bytes. `filled` has the values that ccsyncd itself wrote and saw arrive, in the same form, and `filled_key`
-- the key of the user whose they were.
-- `lists` and `lists_left` are ids, sorted, separated by blanks; a list that was seen in `lists` and
-- is there no more is in `lists_left`. `seen` is the number of the snapshot that last showed the contact.
CREATE TABLE contacts (
  norm       TEXT NOT NULL,
  contact_id TEXT NOT NULL,
  address    TEXT NOT NULL,
  permission TEXT NOT NULL,
  deleted    INTEGER NOT NULL CHECK (deleted IN (0, 1)),
  lists      TEXT NOT NULL,
  lists_left TEXT NOT NULL,
  fields     TEXT NOT NULL,
  filled     TEXT NOT NULL,
  filled_key TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  seen       INTEGER NOT NULL,
  PRIMARY KEY (norm, contact_id)
) STRICT, WITHOUT ROWID;

-- Contacts that only an export has shown have no id yet: '?' and the norm stands for it, and they are found by that.
CREATE UNIQUE INDEX contacts_by_id ON contacts (contact_id) WHERE substr(contact_id, 1, 1) <> '?';

-- All that the join reads.
CREATE INDEX contacts_by_norm ON contacts (norm, fields);

-- Whom an erasure request named, by keyed hashes of the address and of the contact's id, and the lists that this contact was on or had
-- left: one that is seen again and is not on them has left them. The key is random, in the fact `erased_key`.
CREATE TABLE erased (
  who   BLOB NOT NULL PRIMARY KEY,
  lists TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How complete and how fresh the mirror is: one row.
-- `mapping` names the fields in `contacts.fields`; '' while `contacts.filled` is brought from one mapping to another (the fact
-- `remapping`). `mark` is the server's time at the first page of
-- the last complete refresh, `snapshot_at` the same of the last complete snapshot. A snapshot under
-- way has the number `loading` (0: none), began at `loading_mark` and goes on at `next`.
CREATE TABLE mirror (
  id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  mapping      TEXT NOT NULL,
  mark         TEXT NOT NULL,
  snapshot_at  TEXT NOT NULL,
  contacts     INTEGER NOT NULL,
  seen         INTEGER NOT NULL,
  loading      INTEGER NOT NULL,
  loading_mark TEXT NOT NULL,
  next         TEXT NOT NULL
) STRICT;

INSERT INTO mirror VALUES (1, '', '', '', 0, 0, 0, '', '');

-- Runs, newest last. `report` is the report in JSON without addresses and values.
CREATE TABLE runs (
  id         INTEGER NOT NULL PRIMARY KEY,
  trigger    TEXT NOT NULL,
  dry        INTEGER NOT NULL CHECK (dry IN (0, 1)),
  forced     INTEGER NOT NULL CHECK (forced IN (0, 1)),
  started_at TEXT NOT NULL,
  ended_at   TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  requests   INTEGER NOT NULL,
  report     TEXT NOT NULL
) STRICT;

-- How many source rows had an address and a value, by column ('' for any), the most of any good run of a UTC
-- day: what the guard measures shrinking by.
CREATE TABLE valued (
  day         TEXT NOT NULL,
  column_name TEXT NOT NULL,
  most        INTEGER NOT NULL,
  PRIMARY KEY (day, column_name)
) STRICT, WITHOUT ROWID;

-- The journal: one row for each batch, written before it is sent.
--
--   recorded -> sending -> sent -> ended -> settled
--
-- `import` is one bulk import activity, `replace` a number of single contacts that are cleared.
-- `mapping` names the fields in the values of its rows, as `mirror.mapping` does for the contacts.
-- `tally` has the counts that the guard looks back on, in JSON.
-- `moved_at` is when the activity's state or percentage last moved, `percent` that percentage.
CREATE TABLE batches (
  id          INTEGER NOT NULL PRIMARY KEY,
  run         INTEGER NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('import', 'replace')),
  state       TEXT NOT NULL CHECK (state IN ('recorded', 'sending', 'sent', 'ended', 'settled')),
  lists       TEXT NOT NULL,
  mapping     TEXT NOT NULL,
  contacts    INTEGER NOT NULL,
  tally       TEXT NOT NULL,
  activity    TEXT NOT NULL,
  ending      TEXT NOT NULL,
  errors      TEXT NOT NULL,
  error_count INTEGER NOT NULL,
  percent     INTEGER NOT NULL,
  recorded_at TEXT NOT NULL,
  sending_at  TEXT NOT NULL,
  moved_at    TEXT NOT NULL,
  ended_at    TEXT NOT NULL,
  settled_at  TEXT NOT NULL
) STRICT;

CREATE INDEX batches_open ON batches (state) WHERE state <> 'settled';

-- The contacts of a batch, with the values wanted and the values that stood there before, in the
-- form of `contacts.fields`. `lists` are those that the contact was on, and `permission` is the one that it had when it was last
-- read before it was sent: '' for one to be created, and in rows of edition 2. `result` is '' until the row
-- was read back, then 'done', the reason of a problem, or 'unmapped' (no field that it changed is mapped any more).
CREATE TABLE batch_rows (
  batch      INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
  norm       TEXT NOT NULL,
  contact_id TEXT NOT NULL,
  address    TEXT NOT NULL,
  key        TEXT NOT NULL,
  action     TEXT NOT NULL CHECK (action IN ('update', 'create', 'clear')),
  wanted     TEXT NOT NULL,
  old        TEXT NOT NULL,
  lists      TEXT NOT NULL,
  result     TEXT NOT NULL,
  permission TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (batch, norm)
) STRICT, WITHOUT ROWID;

CREATE INDEX batch_rows_by_norm ON batch_rows (norm, batch);

-- Whom an erasure request named while a batch with him was open, by the keyed hash of his address, as in `erased`: no row of the
-- batch tells of him any more, and what it sent may still arrive. He is pending until the batch is settled, which removes this.
CREATE TABLE erased_rows (
  batch INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
  who   BLOB NOT NULL,
  PRIMARY KEY (batch, who)
) STRICT, WITHOUT ROWID;

-- Users whose change did not land: quarantined until `retry_at`, or until their value changes.
CREATE TABLE problems (
  norm     TEXT NOT NULL PRIMARY KEY,
  address  TEXT NOT NULL,
  key      TEXT NOT NULL,
  reason   TEXT NOT NULL,
  detail   TEXT NOT NULL,
  wanted   TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  since    TEXT NOT NULL,
  retry_at TEXT NOT NULL,
  run      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Contacts whom an import or a clear changed in what it must not, until somebody has put that right.
CREATE TABLE overstepped (
  norm    TEXT NOT NULL PRIMARY KEY,
  address TEXT NOT NULL,
  key     TEXT NOT NULL,
  contact TEXT NOT NULL, -- its id; '' where it is not known
  was     TEXT NOT NULL, -- the contact's permission before; '' for another contact
  detail  TEXT NOT NULL,
  since   TEXT NOT NULL,
  run     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What did not land in a run, or landed and changed more than was planned, for the history.
CREATE TABLE run_problems (
  run     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  norm    TEXT NOT NULL,
  address TEXT NOT NULL,
  key     TEXT NOT NULL,
  reason  TEXT NOT NULL,
  detail  TEXT NOT NULL,
  PRIMARY KEY (run, norm)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_problems_by_norm ON run_problems (norm);

-- Runs that another process asked the daemon for, and their answers.
CREATE TABLE requests (
  id       INTEGER NOT NULL PRIMARY KEY,
  asked_at TEXT NOT NULL,
  options  TEXT NOT NULL,
  taken_at TEXT NOT NULL,
  answer   TEXT NOT NULL
) STRICT;

-- Requests sent in each UTC day.
CREATE TABLE quota (
  day  TEXT NOT NULL PRIMARY KEY,
  used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The pace that all processes on this file keep together: one row. Microseconds since 1970.
-- Nothing is sent before `next_at`; until `slow_until` the pace is halved; until `closed_until` the
-- day's quota is used up, by the server's word.
CREATE TABLE pace (
  id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  next_at      INTEGER NOT NULL,
  slow_until   INTEGER NOT NULL,
  closed_until INTEGER NOT NULL
) STRICT;

INSERT INTO pace VALUES (1, 0, 0, 0);
