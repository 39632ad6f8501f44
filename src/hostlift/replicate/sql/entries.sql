-- SPDX-License-Identifier: Apache-2.0
-- Acknowledged rows after a key, each with the first name of its inode and that inode's entry.
SELECT e.key, e.kind, e.entry,
    CASE WHEN e.anchor IS NOT NULL THEN (
        SELECT min(m.key) FROM rep_entry m
        WHERE m.vol = e.vol AND m.anchor = e.anchor AND m.entry IS NOT NULL
    ) END,
    CASE WHEN e.anchor IS NOT NULL THEN (
        SELECT a.entry FROM rep_entry a WHERE a.vol = e.vol AND a.key = e.anchor
    ) END
FROM rep_entry e
WHERE e.vol = ? AND e.key > ? AND e.entry IS NOT NULL
ORDER BY e.key
LIMIT ?
