-- Instants are microseconds since 1970-01-01T00:00:00Z, flags 0 or 1, *_json is JSON as engine.store.codec writes it.
-- ticket.customer and outbox.content_id are no foreign keys on purpose: erasing a person leaves the log as it was.

-- The state of each ticket: the fold of its events, with the columns that lists and workers ask by.
CREATE TABLE ticket (
    number     TEXT    PRIMARY KEY,
    seq        INTEGER NOT NULL CHECK (seq > 0),
    kind       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    tier       TEXT,
    queue      TEXT,
    assignee   TEXT,
    customer   TEXT,
    channel    TEXT    NOT NULL,
    parent     TEXT,
    opened_at  INTEGER NOT NULL,
    closed_at  INTEGER,
    next_due   INTEGER,
    state_json TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ticket_by_due ON ticket (next_due, number);

CREATE INDEX ticket_by_customer ON ticket (customer, opened_at);

CREATE INDEX ticket_by_parent ON ticket (parent);

CREATE INDEX ticket_open_by_assignee ON ticket (assignee) WHERE closed_at IS NULL;

-- Why something happened, or did not: one row for each signal that was decided on. Its events are first_seq to last_seq.
CREATE TABLE decision (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket        TEXT    REFERENCES ticket (number),
    at            INTEGER NOT NULL,
    signal_type   TEXT    NOT NULL,
    signal_json   TEXT    NOT NULL,
    facts_json    TEXT    NOT NULL,
    policy_digest TEXT    NOT NULL,
    reasons_json  TEXT    NOT NULL,
    refused       TEXT,
    first_seq     INTEGER,
    last_seq      INTEGER
) STRICT;

CREATE INDEX decision_by_ticket ON decision (ticket, id);

-- The log. It is only ever appended to.
CREATE TABLE event (
    ticket      TEXT    NOT NULL REFERENCES ticket (number),
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    event_json  TEXT    NOT NULL,
    decision_id INTEGER NOT NULL REFERENCES decision (id),
    PRIMARY KEY (ticket, seq)
) STRICT, WITHOUT ROWID;

-- Texts and addresses, apart from the log so that they can be erased.
CREATE TABLE content (
    id     TEXT PRIMARY KEY,
    ticket TEXT REFERENCES ticket (number),
    kind   TEXT NOT NULL,
    body   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX content_by_ticket ON content (ticket, id);

-- What fires later. AUTOINCREMENT never gives a generation twice, so a timer that was cancelled and set anew has a higher one.
-- next_attempt_at is `due` until firing fails; a dead timer was set aside.
CREATE TABLE timer (
    generation      INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket          TEXT    NOT NULL REFERENCES ticket (number),
    key             TEXT    NOT NULL,
    due             INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    dead            INTEGER NOT NULL DEFAULT 0 CHECK (dead IN (0, 1)),
    error           TEXT,
    UNIQUE (ticket, key)
) STRICT;

CREATE INDEX timer_waiting ON timer (next_attempt_at, generation) WHERE dead = 0;

-- What came in, each source's item once.
CREATE TABLE inbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    channel         TEXT    NOT NULL,
    source_id       TEXT    NOT NULL,
    received_at     INTEGER NOT NULL,
    item_json       TEXT    NOT NULL,
    raw             BLOB    NOT NULL,
    state           TEXT    NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dead')),
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    error           TEXT,
    ticket          TEXT    REFERENCES ticket (number),
    UNIQUE (channel, source_id)
) STRICT;

CREATE INDEX inbox_pending ON inbox (next_attempt_at, id) WHERE state = 'pending';

CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';

-- What goes out. The id is also the idempotency key that the channel gets.
CREATE TABLE outbox (
    id              TEXT    PRIMARY KEY,
    ticket          TEXT    REFERENCES ticket (number),
    channel         TEXT    NOT NULL,
    party           TEXT    NOT NULL,
    address         TEXT    NOT NULL,
    subject         TEXT    NOT NULL,
    content_id      TEXT    NOT NULL,
    language        TEXT    NOT NULL,
    automatic       INTEGER NOT NULL CHECK (automatic IN (0, 1)),
    script          TEXT,
    created_at      INTEGER NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('queued', 'held', 'sending', 'sent', 'delivered', 'dead')),
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    sending_since   INTEGER,
    provider_id     TEXT,
    sent_at         INTEGER,
    delivered_at    INTEGER,
    error           TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_queued ON outbox (channel, next_attempt_at) WHERE state = 'queued';

CREATE INDEX outbox_unsent ON outbox (state) WHERE state IN ('held', 'sending', 'dead');

CREATE INDEX outbox_by_ticket ON outbox (ticket, created_at);

CREATE INDEX outbox_by_address ON outbox (address, channel);

CREATE INDEX outbox_by_provider ON outbox (channel, provider_id) WHERE provider_id IS NOT NULL;

CREATE INDEX outbox_automatic ON outbox (created_at) WHERE automatic = 1;

-- The customer archive.
CREATE TABLE customer (
    id             TEXT    PRIMARY KEY,
    name           TEXT    NOT NULL,
    segment        TEXT,
    language       TEXT,
    created_at     INTEGER NOT NULL,
    last_survey_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE customer_address (
    kind     TEXT NOT NULL,
    address  TEXT NOT NULL,
    customer TEXT NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, address)
) STRICT, WITHOUT ROWID;

CREATE INDEX customer_address_by_customer ON customer_address (customer);

CREATE TABLE opt_out (
    channel TEXT    NOT NULL,
    address TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (channel, address)
) STRICT, WITHOUT ROWID;

-- Answers stand apart from tickets and customers: a random id, the month, no row id, so that no order tells whose they are.
CREATE TABLE survey_answer (
    id          TEXT PRIMARY KEY,
    survey      TEXT NOT NULL,
    month       TEXT NOT NULL,
    scores_json TEXT NOT NULL,
    suggestion  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The one way from a follow-up back to whom it is about; gone once it is severed.
CREATE TABLE follow_up_link (
    follow_up TEXT PRIMARY KEY,
    answer    TEXT NOT NULL,
    ticket    TEXT NOT NULL,
    customer  TEXT,
    contact   TEXT
) STRICT, WITHOUT ROWID;

-- Who looked at what is confidential.
CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    who       TEXT    NOT NULL,
    what      TEXT    NOT NULL,
    follow_up TEXT    NOT NULL
) STRICT;

-- Every policy that was ever in force, by digest, and the one that is.
CREATE TABLE policy (
    digest       TEXT    PRIMARY KEY,
    files_json   TEXT    NOT NULL,
    saved_at     INTEGER NOT NULL,
    activated_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE active_policy (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    digest   TEXT    NOT NULL REFERENCES policy (digest),
    at       INTEGER NOT NULL
) STRICT;

-- One row for each slot of a cron job that was taken.
CREATE TABLE cron_slot (
    job  TEXT    NOT NULL,
    slot INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (job, slot)
) STRICT, WITHOUT ROWID;

-- The last number given out, by what is numbered.
CREATE TABLE counter (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
