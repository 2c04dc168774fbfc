DROP INDEX ticket_open_by_assignee;

CREATE INDEX ticket_open_by_assignee ON ticket (assignee) WHERE closed_at IS NULL;

DROP INDEX outbox_automatic;

CREATE INDEX outbox_automatic ON outbox (created_at) WHERE automatic = 1;

DROP INDEX ticket_suspect;

DROP INDEX ticket_open_incident;

DROP INDEX ticket_by_incident;

ALTER TABLE ticket DROP COLUMN alike;

ALTER TABLE ticket DROP COLUMN incident;

CREATE INDEX ticket_by_incident ON ticket ((state_json::json ->> 'incident'), number) WHERE state_json::json ->> 'incident' IS NOT NULL;

CREATE INDEX ticket_by_likeness ON ticket ((state_json::json ->> 'alike'), opened_at) WHERE state_json::json ->> 'alike' IS NOT NULL;
