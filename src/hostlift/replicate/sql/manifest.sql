-- SPDX-License-Identifier: Apache-2.0
-- What is durable at the target. `key` is the path with NUL for slash: it sorts depth-first.
CREATE TABLE IF NOT EXISTS rep_volume (
    vol INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    generation TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS rep_entry (
    vol INTEGER NOT NULL,
    key BLOB NOT NULL,
    kind INTEGER NOT NULL,
    tree INTEGER NOT NULL DEFAULT 0,
    ino INTEGER NOT NULL DEFAULT 0,
    ctime INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,
    state INTEGER NOT NULL,
    anchor BLOB,
    entry BLOB,                   -- NULL: never acknowledged; empty: a further name of `anchor`
    PRIMARY KEY (vol, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rep_entry_links ON rep_entry (vol, anchor) WHERE anchor IS NOT NULL;
-- A large file that may be changed in place. A chunk without a row is a hole, or unknown while `fresh`.
-- An id is used once: late acknowledgements of a file that was dropped must not speak of another.
CREATE TABLE IF NOT EXISTS rep_large (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    vol INTEGER NOT NULL,
    key BLOB NOT NULL,
    size INTEGER NOT NULL,
    fresh INTEGER NOT NULL,
    UNIQUE (vol, key)
);
-- An empty digest: the chunk may be anything at the target.
CREATE TABLE IF NOT EXISTS rep_chunk (
    file INTEGER NOT NULL REFERENCES rep_large (id) ON DELETE CASCADE,
    idx INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (file, idx)
) WITHOUT ROWID;
-- Names that a first copy may have sent; see `hostlift.replicate.waves`.
CREATE TABLE IF NOT EXISTS rep_wave (
    id INTEGER PRIMARY KEY,
    vol INTEGER NOT NULL,
    names BLOB NOT NULL           -- zstandard of msgpack: keys, kinds
);
-- Volumes all of whose files were asked once which blocks they share; see `sending.sharing`.
CREATE TABLE IF NOT EXISTS rep_shared (vol INTEGER PRIMARY KEY);
-- Up to where a change tracker has been heard, for each tree of a volume. `ground` names what the
-- mark is worth nothing without: the excludes, the places of the trees.
CREATE TABLE IF NOT EXISTS rep_mark (
    vol INTEGER NOT NULL,
    tree INTEGER NOT NULL,
    tracker TEXT NOT NULL,
    ground BLOB NOT NULL,
    mark BLOB NOT NULL,
    PRIMARY KEY (vol, tree)
) WITHOUT ROWID;
