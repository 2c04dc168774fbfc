-- Instants are microseconds since 1970-01-01T00:00:00Z, flags 0 or 1, *_json is JSON as engine.store.codec writes it.
-- Text is compared by code points, as SQLite does. What strangers may make as long as they like has hash indexes, which bound no length.
-- ticket.customer and outbox.content_id are no foreign keys on purpose: erasing a person leaves the log as it was.

-- The state of each ticket: the fold of its events, with the columns that lists and workers ask by.
CREATE TABLE ticket (
    number     TEXT COLLATE "C" PRIMARY KEY,
    seq        BIGINT           NOT NULL CHECK (seq > 0),
    kind       TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    tier       TEXT COLLATE "C",
    queue      TEXT COLLATE "C",
    assignee   TEXT COLLATE "C",
    customer   TEXT COLLATE "C",
    channel    TEXT COLLATE "C" NOT NULL,
    parent     TEXT COLLATE "C",
    opened_at  BIGINT           NOT NULL,
    closed_at  BIGINT,
    next_due   BIGINT,
    state_json TEXT COLLATE "C" NOT NULL
);

CREATE INDEX ticket_by_due ON ticket (next_due, number);

CREATE INDEX ticket_by_customer ON ticket (customer, opened_at);

CREATE INDEX ticket_by_parent ON ticket (parent);

CREATE INDEX ticket_open_by_assignee ON ticket (assignee) WHERE closed_at IS NULL;

-- Why something happened, or did not: one row for each signal that was decided on. Its events are first_seq to last_seq.
CREATE TABLE decision (
    id            BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket        TEXT COLLATE "C" REFERENCES ticket (number),
    at            BIGINT           NOT NULL,
    signal_type   TEXT COLLATE "C" NOT NULL,
    signal_json   TEXT COLLATE "C" NOT NULL,
    facts_json    TEXT COLLATE "C" NOT NULL,
    policy_digest TEXT COLLATE "C" NOT NULL,
    reasons_json  TEXT COLLATE "C" NOT NULL,
    refused       TEXT COLLATE "C",
    first_seq     BIGINT,
    last_seq      BIGINT
);

CREATE INDEX decision_by_ticket ON decision (ticket, id);

-- The log. It is only ever appended to.
CREATE TABLE event (
    ticket      TEXT COLLATE "C" NOT NULL REFERENCES ticket (number),
    seq         BIGINT           NOT NULL,
    at          BIGINT           NOT NULL,
    type        TEXT COLLATE "C" NOT NULL,
    event_json  TEXT COLLATE "C" NOT NULL,
    decision_id BIGINT           NOT NULL REFERENCES decision (id),
    PRIMARY KEY (ticket, seq)
);

-- Texts and addresses, apart from the log so that they can be erased.
CREATE TABLE content (
    id     TEXT COLLATE "C" PRIMARY KEY,
    ticket TEXT COLLATE "C" REFERENCES ticket (number),
    kind   TEXT COLLATE "C" NOT NULL,
    body   TEXT COLLATE "C" NOT NULL
);

CREATE INDEX content_by_ticket ON content (ticket, id);

-- What fires later. An identity never gives a generation twice, so a timer that was cancelled and set anew has a higher one.
-- next_attempt_at is `due` until firing fails; a dead timer was set aside.
CREATE TABLE timer (
    generation      BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket          TEXT COLLATE "C" NOT NULL REFERENCES ticket (number),
    key             TEXT COLLATE "C" NOT NULL,
    due             BIGINT           NOT NULL,
    next_attempt_at BIGINT           NOT NULL,
    attempts        BIGINT           NOT NULL DEFAULT 0,
    dead            BIGINT           NOT NULL DEFAULT 0 CHECK (dead IN (0, 1)),
    error           TEXT COLLATE "C",
    UNIQUE (ticket, key)
);

CREATE INDEX timer_waiting ON timer (next_attempt_at, generation) WHERE dead = 0;

-- What came in, each source's item once.
CREATE TABLE inbox (
    id              BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel         TEXT COLLATE "C" NOT NULL,
    source_id       TEXT COLLATE "C" NOT NULL,
    received_at     BIGINT           NOT NULL,
    item_json       TEXT COLLATE "C" NOT NULL,
    raw             BYTEA            NOT NULL,
    state           TEXT COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dead')),
    attempts        BIGINT           NOT NULL DEFAULT 0,
    next_attempt_at BIGINT           NOT NULL,
    error           TEXT COLLATE "C",
    ticket          TEXT COLLATE "C" REFERENCES ticket (number),
    EXCLUDE USING hash ((channel || ' ' || source_id) WITH =)
);

CREATE INDEX inbox_by_source ON inbox USING hash (source_id);

CREATE INDEX inbox_pending ON inbox (next_attempt_at, id) WHERE state = 'pending';

CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';

-- What goes out. The id is also the idempotency key that the channel gets.
CREATE TABLE outbox (
    id              TEXT COLLATE "C" PRIMARY KEY,
    ticket          TEXT COLLATE "C" REFERENCES ticket (number),
    channel         TEXT COLLATE "C" NOT NULL,
    party           TEXT COLLATE "C" NOT NULL,
    address         TEXT COLLATE "C" NOT NULL,
    subject         TEXT COLLATE "C" NOT NULL,
    content_id      TEXT COLLATE "C" NOT NULL,
    language        TEXT COLLATE "C" NOT NULL,
    automatic       BIGINT           NOT NULL CHECK (automatic IN (0, 1)),
    script          TEXT COLLATE "C",
    created_at      BIGINT           NOT NULL,
    state           TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'held', 'sending', 'sent', 'delivered', 'dead')),
    attempts        BIGINT           NOT NULL,
    next_attempt_at BIGINT           NOT NULL,
    sending_since   BIGINT,
    provider_id     TEXT COLLATE "C",
    sent_at         BIGINT,
    delivered_at    BIGINT,
    error           TEXT COLLATE "C"
);

CREATE INDEX outbox_queued ON outbox (channel, next_attempt_at) WHERE state = 'queued';

CREATE INDEX outbox_unsent ON outbox (state) WHERE state IN ('held', 'sending', 'dead');

CREATE INDEX outbox_by_ticket ON outbox (ticket, created_at);

CREATE INDEX outbox_by_address ON outbox USING hash (address);

CREATE INDEX outbox_by_provider ON outbox USING hash (provider_id) WHERE provider_id IS NOT NULL;

CREATE INDEX outbox_automatic ON outbox (created_at) WHERE automatic = 1;

-- The customer archive.
CREATE TABLE customer (
    id             TEXT COLLATE "C" PRIMARY KEY,
    name           TEXT COLLATE "C" NOT NULL,
    segment        TEXT COLLATE "C",
    language       TEXT COLLATE "C",
    created_at     BIGINT           NOT NULL,
    last_survey_at BIGINT
);

CREATE TABLE customer_address (
    kind     TEXT COLLATE "C" NOT NULL,
    address  TEXT COLLATE "C" NOT NULL,
    customer TEXT COLLATE "C" NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    EXCLUDE USING hash ((kind || ' ' || address) WITH =)
);

CREATE INDEX customer_address_by_address ON customer_address USING hash (address);

CREATE INDEX customer_address_by_customer ON customer_address (customer);

CREATE TABLE opt_out (
    channel TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    at      BIGINT           NOT NULL,
    EXCLUDE USING hash ((channel || ' ' || address) WITH =)
);

CREATE INDEX opt_out_by_address ON opt_out USING hash (address);

-- Answers stand apart from tickets and customers: a random id, the month, no row id, so that no order tells whose they are.
CREATE TABLE survey_answer (
    id          TEXT COLLATE "C" PRIMARY KEY,
    survey      TEXT COLLATE "C" NOT NULL,
    month       TEXT COLLATE "C" NOT NULL,
    scores_json TEXT COLLATE "C" NOT NULL,
    suggestion  TEXT COLLATE "C" NOT NULL
);

-- The one way from a follow-up back to whom it is about; gone once it is severed.
CREATE TABLE follow_up_link (
    follow_up TEXT COLLATE "C" PRIMARY KEY,
    answer    TEXT COLLATE "C" NOT NULL,
    ticket    TEXT COLLATE "C" NOT NULL,
    customer  TEXT COLLATE "C",
    contact   TEXT COLLATE "C"
);

-- Who looked at what is confidential.
CREATE TABLE audit (
    id        BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        BIGINT           NOT NULL,
    who       TEXT COLLATE "C" NOT NULL,
    what      TEXT COLLATE "C" NOT NULL,
    follow_up TEXT COLLATE "C" NOT NULL
);

-- Every policy that was ever in force, by digest, and the one that is.
CREATE TABLE policy (
    digest       TEXT COLLATE "C" PRIMARY KEY,
    files_json   TEXT COLLATE "C" NOT NULL,
    saved_at     BIGINT           NOT NULL,
    activated_at BIGINT
);

CREATE TABLE active_policy (
    only_one BIGINT           PRIMARY KEY CHECK (only_one = 1),
    digest   TEXT COLLATE "C" NOT NULL REFERENCES policy (digest),
    at       BIGINT           NOT NULL
);

-- One row for each slot of a cron job that was taken.
CREATE TABLE cron_slot (
    job  TEXT COLLATE "C" NOT NULL,
    slot BIGINT           NOT NULL,
    at   BIGINT           NOT NULL,
    PRIMARY KEY (job, slot)
);

-- The last number given out, by what is numbered.
CREATE TABLE counter (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT           NOT NULL
);

-- Ids of customers, which need not follow on each other: so nobody waits for another's transaction to number a stranger.
CREATE SEQUENCE customer_number;

CREATE TABLE meta (
    key   TEXT COLLATE "C" PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);
