-- What KPIs count: facts about tickets and calls, each with what was known of its ticket at that instant. They are derived from the log
-- and can be made anew from it, but for calls, which are kept as they come. Nothing refers to them, so that they outlive what they tell of.
-- value and business are microseconds; again_at is when the same matter came up again on the same ticket.
CREATE TABLE fact (
    name     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    ticket   TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    kind     TEXT,
    tier     TEXT,
    channel  TEXT,
    queue    TEXT,
    agent    TEXT,
    segment  TEXT,
    subject  TEXT,
    outcome  TEXT,
    value    INTEGER,
    business INTEGER,
    again_at INTEGER,
    customer TEXT,
    PRIMARY KEY (name, at, ticket, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX fact_by_ticket ON fact (ticket);

CREATE INDEX fact_opened ON fact (customer, kind, at) WHERE name = 'opened';

-- Up to which event the facts of a ticket were derived.
ALTER TABLE ticket ADD COLUMN facts_seq INTEGER NOT NULL DEFAULT 0;

CREATE INDEX ticket_without_facts ON ticket (number) WHERE facts_seq <> seq;

-- The calls of earlier versions stand in the records of their decisions: `PT20S`, `P1DT3.5S` are what the codec writes below and above a day.
INSERT INTO fact (name, at, ticket, n, channel, queue, agent, subject, outcome, value, business)
SELECT 'call', at, coalesce(ticket, ''), id, signal_json ->> 'channel', nullif(call ->> 'queue', ''), signal_json ->> 'agent',
    call ->> 'direction', call ->> 'outcome',
    CASE WHEN call ->> 'wait' GLOB 'PT*S' THEN CAST(1000000 * CAST(substr(call ->> 'wait', 3) AS REAL) AS INTEGER) END,
    CASE WHEN call ->> 'talk' GLOB 'PT*S' THEN CAST(1000000 * CAST(substr(call ->> 'talk', 3) AS REAL) AS INTEGER) END
FROM (SELECT *, facts_json -> 'call' AS call FROM decision WHERE signal_type = 'call_arrived')
WHERE call IS NOT NULL AND call <> 'null';
