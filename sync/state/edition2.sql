-- From edition 1 to 2.

CREATE TABLE erased (
  who   BLOB NOT NULL PRIMARY KEY,
  lists TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- An installation that has sent something, or found nothing to send, has let contacts join its lists, and has seen who left since.
INSERT INTO facts (name, value) SELECT 'joins', 'yes'
  WHERE EXISTS (SELECT 1 FROM facts WHERE name = 'good_contacts') OR EXISTS (SELECT 1 FROM batches)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- Edition 1 was bound to its source by the first try, even one of a mistyped host. One that no run was good with fills nothing.
DELETE FROM facts WHERE name = 'home_source' AND NOT EXISTS (SELECT 1 FROM facts WHERE name = 'good_contacts') AND NOT EXISTS (SELECT 1 FROM batches);

PRAGMA user_version = 2;
