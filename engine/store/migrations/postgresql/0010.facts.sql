-- What KPIs count: facts about tickets and calls, each with what was known of its ticket at that instant. They are derived from the log
-- and can be made anew from it, but for calls, which are kept as they come. Nothing refers to them, so that they outlive what they tell of.
-- value and business are microseconds; again_at is when the same matter came up again on the same ticket.
CREATE TABLE fact (
    name     TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL,
    ticket   TEXT COLLATE "C" NOT NULL,
    n        BIGINT NOT NULL,
    kind     TEXT COLLATE "C",
    tier     TEXT COLLATE "C",
    channel  TEXT COLLATE "C",
    queue    TEXT COLLATE "C",
    agent    TEXT COLLATE "C",
    segment  TEXT COLLATE "C",
    subject  TEXT COLLATE "C",
    outcome  TEXT COLLATE "C",
    value    BIGINT,
    business BIGINT,
    again_at BIGINT,
    customer TEXT COLLATE "C",
    PRIMARY KEY (name, at, ticket, n)
);

CREATE INDEX fact_by_ticket ON fact (ticket);

CREATE INDEX fact_opened ON fact (customer, kind, at) WHERE name = 'opened';

-- Up to which event the facts of a ticket were derived.
ALTER TABLE ticket ADD COLUMN facts_seq BIGINT NOT NULL DEFAULT 0;

CREATE INDEX ticket_without_facts ON ticket (number) WHERE facts_seq <> seq;

-- The calls of earlier versions stand in the records of their decisions: `PT20S`, `P1DT3.5S` are what the codec writes below and above a day.
INSERT INTO fact (name, at, ticket, n, channel, queue, agent, subject, outcome, value, business)
SELECT 'call', at, coalesce(ticket, ''), id, signal_json::json ->> 'channel', nullif(call ->> 'queue', ''), signal_json::json ->> 'agent',
    call ->> 'direction', call ->> 'outcome',
    (1000000 * extract(epoch FROM CAST(call ->> 'wait' AS interval)))::bigint,
    (1000000 * extract(epoch FROM CAST(call ->> 'talk' AS interval)))::bigint
FROM (SELECT *, facts_json::json -> 'call' AS call FROM decision WHERE signal_type = 'call_arrived') AS arrived
WHERE call ->> 'direction' IS NOT NULL;
