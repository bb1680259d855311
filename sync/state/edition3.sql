-- From edition 2 to 3.

ALTER TABLE batch_rows ADD COLUMN permission TEXT NOT NULL DEFAULT '';

CREATE TABLE erased_rows (
  batch INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
  who   BLOB NOT NULL,
  PRIMARY KEY (batch, who)
) STRICT, WITHOUT ROWID;

-- Contacts whom an import or a clear changed in what it must not, until somebody has put that right.
CREATE TABLE overstepped (
  norm    TEXT NOT NULL PRIMARY KEY,
  address TEXT NOT NULL,
  key     TEXT NOT NULL,
  contact TEXT NOT NULL,
  was     TEXT NOT NULL,
  detail  TEXT NOT NULL,
  since   TEXT NOT NULL,
  run     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 3;
