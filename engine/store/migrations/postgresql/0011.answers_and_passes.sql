-- Answers that wait, encrypted, until enough of them can be put into storage together; all of one shape and length, so that none stands out.
-- Whose they are stands in none of the columns. look_at: when one whose follow-up cannot wait for others is moved (NULL: it was looked at).
CREATE TABLE waiting_answer (
    id      TEXT COLLATE "C" PRIMARY KEY,
    survey  TEXT COLLATE "C" NOT NULL,
    look_at BIGINT,
    sealed  BYTEA            NOT NULL
);

ALTER TABLE survey_answer ADD COLUMN choices_json TEXT COLLATE "C" NOT NULL DEFAULT '{}';

-- What the links that people are sent stand for, by the SHA-256 of each link's secret, and when it was used.
CREATE TABLE pass (
    hash       TEXT COLLATE "C" PRIMARY KEY,
    purpose    TEXT COLLATE "C" NOT NULL,
    ticket     TEXT COLLATE "C" NOT NULL REFERENCES ticket (number),
    party      TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT           NOT NULL,
    used_at    BIGINT
);

CREATE INDEX pass_by_ticket ON pass (ticket);
