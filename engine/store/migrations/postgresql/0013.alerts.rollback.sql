DROP INDEX ticket_alike;

DROP INDEX ticket_open_incident;

CREATE INDEX ticket_open_incident ON ticket (alike, opened_at) WHERE kind = 'incident' AND customer IS NULL AND closed_at IS NULL;
