-- How the carrier of each channel is: failures in a row, since and until when it is left alone (NULL: it is not), and from when on its
-- rate has room again.
CREATE TABLE channel_state (
    channel     TEXT    NOT NULL,
    side        TEXT    NOT NULL CHECK (side IN ('send', 'receive')),
    failures    INTEGER NOT NULL,
    opened_at   INTEGER,
    retry_at    INTEGER,
    error       TEXT,
    paced_until INTEGER,
    PRIMARY KEY (channel, side)
) STRICT, WITHOUT ROWID;

-- What became of items, messages and timers that could not be handled at once: each failure, and what a person did about it.
CREATE TABLE trial (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    kind   TEXT    NOT NULL CHECK (kind IN ('inbox', 'outbox', 'timer')),
    item   TEXT    NOT NULL,
    what   TEXT    NOT NULL CHECK (what IN ('failed', 'requeued', 'dropped')),
    who    TEXT,
    detail TEXT    NOT NULL
) STRICT;

CREATE INDEX trial_by_item ON trial (kind, item, id);

CREATE INDEX trial_dropped ON trial (id) WHERE what = 'dropped';

-- Of the attempts of a message, those that its carrier's outage cost; and what was dropped by a person stays, but waits for nobody.
ALTER TABLE outbox ADD COLUMN excused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN dropped_at INTEGER;
ALTER TABLE inbox ADD COLUMN dropped_at INTEGER;
