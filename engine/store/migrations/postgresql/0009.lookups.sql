-- What incidents ask of tickets stands in columns of its own, so that finding a ticket reads no JSON, and only those that still count are found.
DROP INDEX ticket_by_incident;

DROP INDEX ticket_by_likeness;

ALTER TABLE ticket ADD COLUMN incident TEXT COLLATE "C";

ALTER TABLE ticket ADD COLUMN alike TEXT COLLATE "C";

UPDATE ticket SET incident = state_json::json ->> 'incident', alike = state_json::json ->> 'alike';

CREATE INDEX ticket_by_incident ON ticket (incident, number) WHERE incident IS NOT NULL;

CREATE INDEX ticket_open_incident ON ticket (alike, opened_at) WHERE kind = 'incident' AND customer IS NULL AND closed_at IS NULL;

CREATE INDEX ticket_suspect ON ticket (alike, number) WHERE alike IS NOT NULL AND incident IS NULL AND closed_at IS NULL;

-- Messages are counted for the addresses that a decision is about, not for everybody's. An address may be too long for an index.
DROP INDEX outbox_automatic;

CREATE INDEX outbox_automatic ON outbox (md5(address), created_at) WHERE automatic = 1;

-- With all that is asked of it in the index, counting open tickets reads no ticket.
DROP INDEX ticket_open_by_assignee;

CREATE INDEX ticket_open_by_assignee ON ticket (assignee, closed_at) WHERE closed_at IS NULL;
