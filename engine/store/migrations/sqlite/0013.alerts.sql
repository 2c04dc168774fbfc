-- An alert is found as an incident is: by what it takes in, as long as it stands. Clusters are counted over a time, closed tickets included.
DROP INDEX ticket_open_incident;

CREATE INDEX ticket_open_incident ON ticket (alike, opened_at) WHERE kind IN ('incident', 'alert') AND customer IS NULL AND closed_at IS NULL;

CREATE INDEX ticket_alike ON ticket (alike, opened_at) WHERE alike IS NOT NULL;
