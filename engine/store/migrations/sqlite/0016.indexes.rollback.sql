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

DROP INDEX timer_dead;

DROP INDEX ticket_by_parent;

CREATE INDEX ticket_by_parent ON ticket (parent);

DROP INDEX ticket_of_house;

DROP INDEX ticket_suspect;

CREATE INDEX ticket_suspect ON ticket (alike, number) WHERE alike IS NOT NULL AND incident IS NULL AND closed_at IS NULL;

DROP INDEX ticket_open_incident;

CREATE INDEX ticket_open_incident ON ticket (alike, opened_at) WHERE kind IN ('incident', 'alert') AND customer IS NULL AND closed_at IS NULL;

DROP INDEX ticket_ended;

DROP INDEX ticket_open;
