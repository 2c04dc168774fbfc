-- The processes that work on this database: a fresh id each time one starts, what it does (a JSON list), the policy it decides by.
CREATE TABLE worker (
    id         TEXT    PRIMARY KEY,
    host       TEXT    NOT NULL,
    pid        INTEGER NOT NULL,
    parts      TEXT    NOT NULL,
    policy     TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT;

-- Who is sending a message.
ALTER TABLE outbox ADD COLUMN worker TEXT;

-- Numbers of a series that were counted and are not in use: whoever needs one takes the lowest that nobody else is just taking.
CREATE TABLE free_number (
    series TEXT    NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (series, value)
) STRICT, WITHOUT ROWID;

-- When agents were last given a ticket: the higher, the later. Rows are added and taken away, never changed, so that nobody waits for
-- another.
CREATE TABLE agent_turn (
    id    INTEGER PRIMARY KEY,
    agent TEXT    NOT NULL,
    turn  INTEGER NOT NULL
) STRICT;

INSERT INTO agent_turn (agent, turn) SELECT id, turn FROM agent WHERE turn > 0;

ALTER TABLE agent DROP COLUMN turn;
