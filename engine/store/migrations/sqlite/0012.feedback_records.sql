-- What customers said elsewhere than in a survey: interviews, reviews, remarks in social media. id: the SHA-256 of what was entered, so
-- that nothing is counted twice. day: ISO 8601. score, of scale_low to scale_high: NULL where none was given.
CREATE TABLE feedback (
    id         TEXT    PRIMARY KEY,
    day        TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    score      REAL,
    scale_low  INTEGER,
    scale_high INTEGER,
    customer   TEXT    REFERENCES customer (id),
    entered_at INTEGER NOT NULL,
    entered_by TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX feedback_by_day ON feedback (day);
