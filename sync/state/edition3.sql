-- From edition 2 to 3.

ALTER TABLE batch_rows ADD COLUMN permission TEXT NOT NULL DEFAULT '';

CREATE TABLE erased_rows (
  batch INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
  who   BLOB NOT NULL,
  PRIMARY KEY (batch, who)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 3;
