-- Tickets by the incident they belong to, and by what they may be an incident of together.
CREATE INDEX ticket_by_incident ON ticket ((state_json::json ->> 'incident'), number) WHERE state_json::json ->> 'incident' IS NOT NULL;

CREATE INDEX ticket_by_likeness ON ticket ((state_json::json ->> 'alike'), opened_at) WHERE state_json::json ->> 'alike' IS NOT NULL;
