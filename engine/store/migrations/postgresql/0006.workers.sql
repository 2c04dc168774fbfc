-- The processes that work on this database: a fresh id each time one starts, what it does (a JSON list), the policy it decides by.
CREATE TABLE worker (
    id         TEXT COLLATE "C" PRIMARY KEY,
    host       TEXT COLLATE "C" NOT NULL,
    pid        BIGINT NOT NULL,
    parts      TEXT COLLATE "C" NOT NULL,
    policy     TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);

-- Who is sending a message.
ALTER TABLE outbox ADD COLUMN worker TEXT COLLATE "C";

-- Numbers of a series that were counted and are not in use: whoever needs one takes the lowest that nobody else is just taking.
CREATE TABLE free_number (
    series TEXT COLLATE "C" NOT NULL,
    value  BIGINT NOT NULL,
    PRIMARY KEY (series, value)
);

-- When agents were last given a ticket: the higher, the later. Rows are added and taken away, never changed, so that nobody waits for
-- another.
CREATE TABLE agent_turn (
    id    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent TEXT COLLATE "C" NOT NULL,
    turn  BIGINT NOT NULL
);

INSERT INTO agent_turn (agent, turn) SELECT id, turn FROM agent WHERE turn > 0;

ALTER TABLE agent DROP COLUMN turn;
