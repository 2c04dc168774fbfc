-- Answers that wait, encrypted, until enough of them can be put into storage together; all of one shape and length, so that none stands out.
-- Whose they are stands in none of the columns. look_at: when one whose follow-up cannot wait for others is moved (NULL: it was looked at).
CREATE TABLE waiting_answer (
    id      TEXT    PRIMARY KEY,
    survey  TEXT    NOT NULL,
    look_at INTEGER,
    sealed  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE survey_answer ADD COLUMN choices_json TEXT NOT NULL DEFAULT '{}';

-- What the links that people are sent stand for, by the SHA-256 of each link's secret, and when it was used.
CREATE TABLE pass (
    hash       TEXT    PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    ticket     TEXT    NOT NULL REFERENCES ticket (number),
    party      TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX pass_by_ticket ON pass (ticket);
