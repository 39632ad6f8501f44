-- SPDX-License-Identifier: Apache-2.0
-- What a scan saw, but for what was sent at once. Scratch: lost with the pass, never synced.
CREATE TABLE scan.seen (
    vol INTEGER NOT NULL,
    key BLOB NOT NULL,
    kind INTEGER NOT NULL,
    tree INTEGER NOT NULL,
    dev INTEGER NOT NULL,
    ino INTEGER NOT NULL,
    ctime INTEGER NOT NULL,
    size INTEGER NOT NULL,
    nlink INTEGER NOT NULL,
    PRIMARY KEY (vol, key)
) WITHOUT ROWID;
-- `known`: 0 nothing is there, 1 something may be, 2 an acknowledged object of this kind is.
-- `anchor`: the name that is sent for an inode of several names. `fresh`: its inode at the target
-- is shared with a name that is another file now, so it may not be changed in place.
CREATE TABLE scan.todo (
    vol INTEGER NOT NULL,
    key BLOB NOT NULL,
    kind INTEGER NOT NULL,
    tree INTEGER NOT NULL,
    dev INTEGER NOT NULL,
    ino INTEGER NOT NULL,
    ctime INTEGER NOT NULL,
    size INTEGER NOT NULL,
    nlink INTEGER NOT NULL,
    known INTEGER NOT NULL,
    anchor BLOB,
    fresh INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (vol, key)
) WITHOUT ROWID;
-- `kept`: an object of another kind takes the path, so the row stays in doubt.
CREATE TABLE scan.gone (
    vol INTEGER NOT NULL,
    key BLOB NOT NULL,
    kept INTEGER NOT NULL,
    PRIMARY KEY (vol, key)
) WITHOUT ROWID;
CREATE TABLE scan.linked (
    vol INTEGER NOT NULL,
    dev INTEGER NOT NULL,
    ino INTEGER NOT NULL,
    anchor BLOB NOT NULL,
    PRIMARY KEY (vol, dev, ino)
) WITHOUT ROWID;
-- Files whose immutable or append flag is set when all else is done.
CREATE TABLE scan.pinned (vol INTEGER NOT NULL, tree INTEGER NOT NULL, key BLOB NOT NULL);
-- Shared blocks of the source's files; see `hostlift.replicate.sending.sharing`.
CREATE TABLE scan.shared (
    vol INTEGER NOT NULL,
    place INTEGER NOT NULL,
    key BLOB NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    PRIMARY KEY (vol, place, key, start)
) WITHOUT ROWID;
-- `whole`: what was not seen of the volume is gone; otherwise only what is `examined` can be.
CREATE TABLE scan.volumes (vol INTEGER PRIMARY KEY, whole INTEGER NOT NULL);
CREATE TABLE scan.examined (
    vol INTEGER NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (vol, key)
) WITHOUT ROWID;
