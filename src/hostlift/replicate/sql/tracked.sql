-- SPDX-License-Identifier: Apache-2.0
-- What passes that do not walk look things up by. Made when a first pass is over: it would slow it.
CREATE INDEX IF NOT EXISTS main.rep_entry_inode ON rep_entry (vol, tree, ino, ctime, size);
CREATE INDEX IF NOT EXISTS main.rep_entry_doubt ON rep_entry (vol) WHERE state <> 0;
