-- SPDX-License-Identifier: Apache-2.0
-- From what was seen and what is acknowledged to what must be sent. Runs in one durable transaction:
-- its last part puts every path that a pass may touch in doubt before anything is sent.
CREATE INDEX scan.seen_inode ON seen (vol, dev, ino) WHERE nlink > 1 AND kind <> 2;

INSERT INTO scan.gone
SELECT e.vol, e.key, s.key IS NOT NULL
FROM scan.volumes v CROSS JOIN main.rep_entry e ON e.vol = v.vol
LEFT JOIN scan.seen s ON s.vol = e.vol AND s.key = e.key
WHERE v.whole AND (s.key IS NULL OR s.kind <> e.kind);

INSERT OR IGNORE INTO scan.gone
SELECT e.vol, e.key, s.key IS NOT NULL
FROM scan.examined x CROSS JOIN main.rep_entry e ON e.vol = x.vol AND e.key = x.key
LEFT JOIN scan.seen s ON s.vol = e.vol AND s.key = e.key
WHERE s.key IS NULL OR s.kind <> e.kind;

-- Nothing below a directory that is gone was looked at, unless by its new name.
INSERT OR IGNORE INTO scan.gone
SELECT e.vol, e.key, 0
FROM scan.volumes v
CROSS JOIN scan.gone g ON g.vol = v.vol
CROSS JOIN main.rep_entry e ON e.vol = g.vol
    AND e.key > CAST(g.key || X'00' AS BLOB) AND e.key < CAST(g.key || X'01' AS BLOB)
WHERE NOT v.whole;

INSERT INTO scan.todo
SELECT s.vol, s.key, s.kind, s.tree, s.dev, s.ino, s.ctime, s.size, s.nlink,
    CASE WHEN e.key IS NULL THEN 0 WHEN e.entry IS NULL OR e.kind <> s.kind THEN 1 ELSE 2 END,
    NULL, 0
FROM scan.seen s LEFT JOIN main.rep_entry e ON e.vol = s.vol AND e.key = s.key
WHERE e.key IS NULL OR e.state <> 0 OR e.kind <> s.kind OR e.ino <> s.ino OR e.ctime <> s.ctime
    OR (s.kind = 1 AND e.size <> s.size);

-- Inodes of several names: an acknowledged anchor stays the anchor as long as it is one of the names.
INSERT INTO scan.linked
SELECT s.vol, s.dev, s.ino,
    coalesce(
        min(CASE WHEN e.anchor = s.key THEN s.key END),
        min(CASE WHEN l.id IS NOT NULL THEN s.key END),
        min(s.key))
FROM scan.seen s
LEFT JOIN main.rep_entry e ON e.vol = s.vol AND e.key = s.key
LEFT JOIN main.rep_large l ON l.vol = s.vol AND l.key = s.key
WHERE s.nlink > 1 AND s.kind <> 2
GROUP BY s.vol, s.dev, s.ino HAVING count(*) > 1;

-- One changed name, or one name that is not linked as it should be: the whole group is sent.
CREATE TABLE scan.dirty AS
SELECT g.vol, g.dev, g.ino, g.anchor FROM scan.linked g
WHERE EXISTS (
    SELECT 1 FROM scan.seen s
    LEFT JOIN scan.todo t ON t.vol = s.vol AND t.key = s.key
    LEFT JOIN main.rep_entry e ON e.vol = s.vol AND e.key = s.key
    WHERE s.vol = g.vol AND s.dev = g.dev AND s.ino = g.ino AND s.nlink > 1 AND s.kind <> 2
    AND (t.key IS NOT NULL OR e.anchor IS NOT g.anchor));

INSERT OR IGNORE INTO scan.todo
SELECT s.vol, s.key, s.kind, s.tree, s.dev, s.ino, s.ctime, s.size, s.nlink, 2, NULL, 0
FROM scan.dirty d JOIN scan.seen s ON s.vol = d.vol AND s.dev = d.dev AND s.ino = d.ino
WHERE s.nlink > 1 AND s.kind <> 2;

UPDATE scan.todo SET anchor = (
    SELECT g.anchor FROM scan.linked g
    WHERE g.vol = todo.vol AND g.dev = todo.dev AND g.ino = todo.ino)
WHERE nlink > 1 AND kind <> 2;

-- Names that were links and no longer are.
INSERT OR IGNORE INTO scan.todo
SELECT s.vol, s.key, s.kind, s.tree, s.dev, s.ino, s.ctime, s.size, s.nlink, 2, NULL, 0
FROM main.rep_entry e INDEXED BY rep_entry_links JOIN scan.seen s ON s.vol = e.vol AND s.key = e.key
WHERE e.vol IN (SELECT vol FROM scan.volumes) AND e.anchor IS NOT NULL AND s.kind <> 2 AND NOT EXISTS (
    SELECT 1 FROM scan.linked g WHERE g.vol = s.vol AND g.dev = s.dev AND g.ino = s.ino);

UPDATE scan.todo SET fresh = 1
WHERE kind = 1 AND EXISTS (
    SELECT 1 FROM main.rep_entry e
    JOIN main.rep_entry o ON o.vol = e.vol AND o.anchor = e.anchor
    JOIN scan.seen z ON z.vol = o.vol AND z.key = o.key
    WHERE e.vol = todo.vol AND e.key = todo.key AND e.anchor IS NOT NULL AND o.key <> e.key
    AND (z.dev <> todo.dev OR z.ino <> todo.ino));

-- Directories whose times the pass itself disturbs. A root's are by the folder of half-made files.
INSERT OR IGNORE INTO scan.todo
SELECT s.vol, s.key, s.kind, s.tree, s.dev, s.ino, s.ctime, s.size, s.nlink, 2, NULL, 0
FROM (
    SELECT vol, parent_key(key) AS key FROM scan.todo
    UNION SELECT vol, parent_key(key) FROM scan.gone
    UNION SELECT vol, X'2E' FROM scan.todo
    UNION SELECT vol, X'2E' FROM scan.gone
) p JOIN scan.seen s ON s.vol = p.vol AND s.key = p.key
WHERE s.kind = 2;

CREATE INDEX scan.todo_order ON todo (vol, tree, ino) WHERE kind <> 2;

INSERT INTO main.rep_entry (vol, key, kind, state)
SELECT vol, key, kind, 1 FROM scan.todo WHERE true
ON CONFLICT (vol, key) DO UPDATE SET
    state = 1,
    entry = CASE WHEN kind = excluded.kind THEN entry END,
    kind = excluded.kind;

UPDATE main.rep_entry SET state = 1
WHERE (vol, key) IN (SELECT vol, key FROM scan.gone);

UPDATE main.rep_entry SET anchor = t.anchor
FROM scan.todo t
WHERE t.vol = rep_entry.vol AND t.key = rep_entry.key AND t.anchor IS NOT NULL AND t.anchor <> t.key;

-- A path that will be replaced or removed has no chunks any more (8388608: fs.content.LARGE).
DELETE FROM main.rep_large WHERE EXISTS (
    SELECT 1 FROM scan.todo t
    WHERE t.vol = rep_large.vol AND t.key = rep_large.key
    AND (t.kind <> 1 OR t.size < 8388608 OR (t.anchor IS NOT NULL AND t.anchor <> t.key)))
OR EXISTS (SELECT 1 FROM scan.gone g WHERE g.vol = rep_large.vol AND g.key = rep_large.key);
