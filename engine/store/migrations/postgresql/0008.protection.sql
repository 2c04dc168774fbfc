-- How the carrier of each channel is: failures in a row, since and until when it is left alone (NULL: it is not), and from when on its
-- rate has room again.
CREATE TABLE channel_state (
    channel     TEXT COLLATE "C" NOT NULL,
    side        TEXT COLLATE "C" NOT NULL CHECK (side IN ('send', 'receive')),
    failures    BIGINT           NOT NULL,
    opened_at   BIGINT,
    retry_at    BIGINT,
    error       TEXT COLLATE "C",
    paced_until BIGINT,
    PRIMARY KEY (channel, side)
);

-- What became of items, messages and timers that could not be handled at once: each failure, and what a person did about it.
CREATE TABLE trial (
    id     BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     BIGINT           NOT NULL,
    kind   TEXT COLLATE "C" NOT NULL CHECK (kind IN ('inbox', 'outbox', 'timer')),
    item   TEXT COLLATE "C" NOT NULL,
    what   TEXT COLLATE "C" NOT NULL CHECK (what IN ('failed', 'requeued', 'dropped')),
    who    TEXT COLLATE "C",
    detail TEXT COLLATE "C" NOT NULL
);

CREATE INDEX trial_by_item ON trial (kind, item, id);

CREATE INDEX trial_dropped ON trial (id) WHERE what = 'dropped';

-- Of the attempts of a message, those that its carrier's outage cost; and what was dropped by a person stays, but waits for nobody.
ALTER TABLE outbox ADD COLUMN excused BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN dropped_at BIGINT;
ALTER TABLE inbox ADD COLUMN dropped_at BIGINT;
