-- What is still open is found without reading what has ended, and what ended in a stretch of time without reading the rest.
CREATE INDEX ticket_open ON ticket (next_due, number) WHERE closed_at IS NULL;

CREATE INDEX ticket_ended ON ticket (closed_at) WHERE closed_at IS NOT NULL;

-- Asked for by more columns than other indexes have: of two that are alike the planner may take the one that holds all that ever was alike.
DROP INDEX ticket_open_incident;

CREATE INDEX ticket_open_incident ON ticket (alike, customer, closed_at, opened_at)
WHERE kind IN ('incident', 'alert') AND customer IS NULL AND closed_at IS NULL;

DROP INDEX ticket_suspect;

CREATE INDEX ticket_suspect ON ticket (alike, incident, closed_at, opened_at, customer)
WHERE alike IS NOT NULL AND incident IS NULL AND closed_at IS NULL;

-- The work that the house opens for itself is little beside what customers need.
CREATE INDEX ticket_of_house ON ticket (kind, next_due, number) WHERE kind NOT IN ('inquiry', 'complaint', 'after_sales', 'suggestion', 'care', 'incident');

-- Few tickets come of another.
DROP INDEX ticket_by_parent;

CREATE INDEX ticket_by_parent ON ticket (parent) WHERE parent IS NOT NULL;

CREATE INDEX timer_dead ON timer (generation) WHERE dead = 1;

-- Nothing was ever kept in it.
DROP TABLE pass;
