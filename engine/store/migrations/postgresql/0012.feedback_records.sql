-- What customers said elsewhere than in a survey: interviews, reviews, remarks in social media. id: the SHA-256 of what was entered, so
-- that nothing is counted twice. day: ISO 8601. score, of scale_low to scale_high: NULL where none was given.
CREATE TABLE feedback (
    id         TEXT COLLATE "C" PRIMARY KEY,
    day        TEXT COLLATE "C" NOT NULL,
    source     TEXT COLLATE "C" NOT NULL,
    body       TEXT COLLATE "C" NOT NULL,
    score      DOUBLE PRECISION,
    scale_low  BIGINT,
    scale_high BIGINT,
    customer   TEXT COLLATE "C" REFERENCES customer (id),
    entered_at BIGINT           NOT NULL,
    entered_by TEXT COLLATE "C" NOT NULL
);

CREATE INDEX feedback_by_day ON feedback (day);
