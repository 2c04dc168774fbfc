BEGIN TRANSACTION;
CREATE TABLE "_yoyo_log" (
            "id" VARCHAR(36),
            "migration_hash" VARCHAR(64),
            "migration_id" VARCHAR(255),
            "operation" VARCHAR(10),
            "username" VARCHAR(255),
            "hostname" VARCHAR(255),
            "comment" VARCHAR(255),
            "created_at_utc" TIMESTAMP,
            PRIMARY KEY ("id")
        );
INSERT INTO "_yoyo_log" VALUES('apply 0','f76703d6e8bd1fe35324264cbecc15a40a7dfa8a6cc6ae55f01d647c5e7054b2','0001.initial','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 1','a92ba22bacdc3da7973351192729484577bc2015639b64d36a22c999aff46c56','0002.activations','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 2','84b22b97941302f101ba95289d34ae70f3066882a4430abe3772a323cc8f76c1','0003.agents','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 3','185c297cb1c2f187ed0108af628faad1af480d33fafbef9a8a8901dfc03be803','0004.digest','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 4','7e828c5a338ab1216380834cc5cb4cddad302134ccc26b75e89cb4684ca07e91','0005.incidents','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 5','083c34ddc92c87306d091346b9396ff6a4f85af10c18aa0b81ae1e747b69b53f','0006.workers','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 6','ac7dc87eb3a10c0ddf8d733465ce1092bd4724ed0c943f060a73944d762efe4e','0007.intakes','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 7','2bac6da9c52e546e1098680d56f2cb8be1bc6e1359202700311dea0b9bf1f820','0008.protection','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 8','8407fced7757b5528d2c34beafa1472822486f50c63ffcced7277587ca5fcd7f','0009.lookups','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 9','9d6381ad5fc2d6787df833fa0b58095afb7d511a03430f9889f98c246820d715','0010.facts','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 10','37693f3dc2e35098a6a6cc4e1ea858ed1e7f15f0c0f1319090c9e0299578f218','0011.answers_and_passes','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 11','91e3ab5ad54008f97a5b932028fc9d058d9a07f7456b91602e90f916c8570d3f','0012.feedback_records','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 12','98ebe983abeae2e77451976a337c45182d6fe88cd4a21ed8374fbc871c4e15ca','0013.alerts','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 13','72edabb22795e72a539050f2bb5006fc66bb6c65bcaa02ee413dbf27c188cd38','0014.personal_data','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 14','e306f6a080e4bee2cc863394cc253c43f47a7f96864d6ab7178e2aab0a74d117','0015.accounts','apply','','',NULL,NULL);
INSERT INTO "_yoyo_log" VALUES('apply 15','be4a4e8e65c3fdb7f42168ac011e27fe4add86c062f84093dac3caeb2819184c','0016.indexes','apply','','',NULL,NULL);
CREATE TABLE "_yoyo_migration" (
            "migration_hash" VARCHAR(64),
            "migration_id" VARCHAR(255),
            "applied_at_utc" TIMESTAMP,
            PRIMARY KEY ("migration_hash")
        );
INSERT INTO "_yoyo_migration" VALUES('f76703d6e8bd1fe35324264cbecc15a40a7dfa8a6cc6ae55f01d647c5e7054b2','0001.initial','2026-11-28T13:43:53.641643');
INSERT INTO "_yoyo_migration" VALUES('a92ba22bacdc3da7973351192729484577bc2015639b64d36a22c999aff46c56','0002.activations','2026-11-28T13:43:53.646059');
INSERT INTO "_yoyo_migration" VALUES('84b22b97941302f101ba95289d34ae70f3066882a4430abe3772a323cc8f76c1','0003.agents','2026-11-28T13:43:53.647557');
INSERT INTO "_yoyo_migration" VALUES('185c297cb1c2f187ed0108af628faad1af480d33fafbef9a8a8901dfc03be803','0004.digest','2026-11-28T13:43:53.649302');
INSERT INTO "_yoyo_migration" VALUES('7e828c5a338ab1216380834cc5cb4cddad302134ccc26b75e89cb4684ca07e91','0005.incidents','2026-11-28T13:43:53.650218');
INSERT INTO "_yoyo_migration" VALUES('083c34ddc92c87306d091346b9396ff6a4f85af10c18aa0b81ae1e747b69b53f','0006.workers','2026-11-28T13:43:53.658839');
INSERT INTO "_yoyo_migration" VALUES('ac7dc87eb3a10c0ddf8d733465ce1092bd4724ed0c943f060a73944d762efe4e','0007.intakes','2026-11-28T13:43:53.660422');
INSERT INTO "_yoyo_migration" VALUES('2bac6da9c52e546e1098680d56f2cb8be1bc6e1359202700311dea0b9bf1f820','0008.protection','2026-11-28T13:43:53.663946');
INSERT INTO "_yoyo_migration" VALUES('8407fced7757b5528d2c34beafa1472822486f50c63ffcced7277587ca5fcd7f','0009.lookups','2026-11-28T13:43:53.667532');
INSERT INTO "_yoyo_migration" VALUES('9d6381ad5fc2d6787df833fa0b58095afb7d511a03430f9889f98c246820d715','0010.facts','2026-11-28T13:43:53.669972');
INSERT INTO "_yoyo_migration" VALUES('37693f3dc2e35098a6a6cc4e1ea858ed1e7f15f0c0f1319090c9e0299578f218','0011.answers_and_passes','2026-11-28T13:43:53.672075');
INSERT INTO "_yoyo_migration" VALUES('91e3ab5ad54008f97a5b932028fc9d058d9a07f7456b91602e90f916c8570d3f','0012.feedback_records','2026-11-28T13:43:53.672878');
INSERT INTO "_yoyo_migration" VALUES('98ebe983abeae2e77451976a337c45182d6fe88cd4a21ed8374fbc871c4e15ca','0013.alerts','2026-11-28T13:43:53.673859');
INSERT INTO "_yoyo_migration" VALUES('72edabb22795e72a539050f2bb5006fc66bb6c65bcaa02ee413dbf27c188cd38','0014.personal_data','2026-11-28T13:43:53.685537');
INSERT INTO "_yoyo_migration" VALUES('e306f6a080e4bee2cc863394cc253c43f47a7f96864d6ab7178e2aab0a74d117','0015.accounts','2026-11-28T13:43:53.686887');
INSERT INTO "_yoyo_migration" VALUES('be4a4e8e65c3fdb7f42168ac011e27fe4add86c062f84093dac3caeb2819184c','0016.indexes','2026-11-28T13:43:53.689294');
CREATE TABLE "_yoyo_version" (
            "version" INT NOT NULL PRIMARY KEY,
            "installed_at_utc" TIMESTAMP
        );
INSERT INTO "_yoyo_version" VALUES(2,'2026-11-28T13:43:53.449940');
CREATE TABLE access (
    hash       TEXT    PRIMARY KEY,
    kind       TEXT    NOT NULL,
    agent      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "access" VALUES('cd34','token','zhao','crm',1715500800000000,1715500860000000);
CREATE TABLE account (
    agent     TEXT    PRIMARY KEY,
    password  TEXT,
    locked_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "account" VALUES('zhao','$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA',1715500800000000);
CREATE TABLE activation (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT    NOT NULL REFERENCES policy (digest),
    at     INTEGER NOT NULL,
    by     TEXT
) STRICT;
INSERT INTO "activation" VALUES(1,'digest-1',1715500800000000,'zhao');
CREATE TABLE active_policy (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    digest   TEXT    NOT NULL REFERENCES policy (digest),
    at       INTEGER NOT NULL
) STRICT;
INSERT INTO "active_policy" VALUES(1,'digest-1',1715500800000000);
CREATE TABLE agent (
    id         TEXT    PRIMARY KEY,
    away_since INTEGER,
    away_until INTEGER,
    away_by    TEXT
) STRICT;
INSERT INTO "agent" VALUES('wang',1715500800000000,1715500860000000,'wang');
CREATE TABLE agent_turn (
    id    INTEGER PRIMARY KEY,
    agent TEXT    NOT NULL,
    turn  INTEGER NOT NULL
) STRICT;
INSERT INTO "agent_turn" VALUES(1,'zhao',1);
CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    who       TEXT    NOT NULL,
    what      TEXT    NOT NULL,
    about TEXT    NOT NULL
, reason TEXT) STRICT;
INSERT INTO "audit" VALUES(1,1715500800000000,'li','looked up the customer','202405120009',NULL);
CREATE TABLE channel_state (
    channel     TEXT    NOT NULL,
    side        TEXT    NOT NULL CHECK (side IN ('send', 'receive')),
    failures    INTEGER NOT NULL,
    opened_at   INTEGER,
    retry_at    INTEGER,
    error       TEXT,
    paced_until INTEGER,
    PRIMARY KEY (channel, side)
) STRICT, WITHOUT ROWID;
INSERT INTO "channel_state" VALUES('email','send',1,NULL,NULL,'busy',1715500800000000);
CREATE TABLE content (
    id     TEXT PRIMARY KEY,
    ticket TEXT REFERENCES ticket (number),
    kind   TEXT NOT NULL,
    body   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "content" VALUES('c-1','202405120001','description','路由器异常');
CREATE TABLE counter (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "counter" VALUES('customer',1);
INSERT INTO "counter" VALUES('ticket 20240512',1);
CREATE TABLE cron_slot (
    job  TEXT    NOT NULL,
    slot INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (job, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO "cron_slot" VALUES('weekly',1715500800000000,1715500800000000);
CREATE TABLE customer (
    id             TEXT    PRIMARY KEY,
    name           TEXT    NOT NULL,
    segment        TEXT,
    language       TEXT,
    created_at     INTEGER NOT NULL,
    last_survey_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "customer" VALUES('C000001','王芳','vip','zh',1715500800000000,NULL);
CREATE TABLE customer_address (
    kind     TEXT NOT NULL,
    address  TEXT NOT NULL,
    customer TEXT NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, address)
) STRICT, WITHOUT ROWID;
INSERT INTO "customer_address" VALUES('email','wang@example.test','C000001');
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
, inbox INTEGER) STRICT;
INSERT INTO "decision" VALUES(1,'202405120001',1715500800000000,'message_arrived','{"ticket":null,"channel":"email","text":"","subject":"","party":"customer","trusted":false,"automatic":false,"attachments":[],"fields":{}}','{"number":"","draw":0.5,"manager":"zhou","agents":{},"channels":{},"senders":[],"customer":null,"contact":{"name":"","addresses":{}},"contact_id":null,"call":null,"texts":{},"recent":{},"noticed":{},"opted_out":[],"last_agent":null,"extra":{},"ran":[],"depth":0,"parent":null,"incident":null,"members":[],"counted":[0,0],"links":false}','digest-1','[]',NULL,1,2,NULL);
INSERT INTO "decision" VALUES(2,'202405120001',1715500860000000,'agent_acted','{"ticket":"202405120001","action":"note","actor":"zhao","text":"","target":null,"due":null,"steps":[],"channel":null,"via":"cli","amount":null,"step":null,"improvement":null,"evidence":null,"outcome":null,"points":{}}','{"number":"","draw":0.5,"manager":"zhou","agents":{},"channels":{},"senders":[],"customer":null,"contact":{"name":"","addresses":{}},"contact_id":null,"call":null,"texts":{},"recent":{},"noticed":{},"opted_out":[],"last_agent":null,"extra":{},"ran":[],"depth":0,"parent":null,"incident":null,"members":[],"counted":[0,0],"links":false}','digest-1','[]',NULL,3,5,NULL);
CREATE TABLE erasure (
    mark     TEXT    PRIMARY KEY,
    customer TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "erasure" VALUES('e4a5ed','C000009',1715500800000000);
CREATE TABLE event (
    ticket      TEXT    NOT NULL REFERENCES ticket (number),
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    event_json  TEXT    NOT NULL,
    decision_id INTEGER NOT NULL REFERENCES decision (id),
    PRIMARY KEY (ticket, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO "event" VALUES('202405120001',1,1715500800000000,'ticket_opened','{"number":"202405120001","kind":"complaint","channel":"email","language":"zh","customer":"C000001","contact":null,"description":"c-1","subject":null,"impact":null,"wish":null,"expected_by":null,"parent":null,"due":null,"tier":null,"by":"system","alike":null}',1);
INSERT INTO "event" VALUES('202405120001',2,1715500800000000,'deadline_started','{"id":"response","kind":"response","calendar":"24x7","budget":"PT600S","due":"2024-05-12T08:30:00Z","key":""}',1);
INSERT INTO "event" VALUES('202405120001',3,1715500860000000,'tier_assigned','{"tier":"important","by":"system","reason":null}',2);
INSERT INTO "event" VALUES('202405120001',4,1715500860000000,'routed','{"queue":"front_desk","by":"system"}',2);
INSERT INTO "event" VALUES('202405120001',5,1715500860000000,'assigned','{"agent":"zhao","by":"system"}',2);
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
INSERT INTO "fact" VALUES('opened',1715500800000000,'202405120001',0,'complaint',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'C000001');
CREATE TABLE feedback (
    id         TEXT    PRIMARY KEY,
    day        TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    score      REAL,
    scale_low  INTEGER,
    scale_high INTEGER,
    customer   TEXT    REFERENCES customer (id),
    entered_at INTEGER NOT NULL,
    entered_by TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "feedback" VALUES('c0de','2024-05-12','review','送货快',4.0,1,5,'C000001',1715500800000000,'zhao');
CREATE TABLE follow_up_link (
    follow_up TEXT PRIMARY KEY,
    answer    TEXT NOT NULL,
    ticket    TEXT NOT NULL,
    customer  TEXT,
    contact   TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO "follow_up_link" VALUES('202405120009','9f2c','202405120001','C000001','c-1');
CREATE TABLE free_number (
    series TEXT    NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (series, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE hold (
    subject TEXT    PRIMARY KEY,
    at      INTEGER NOT NULL,
    by      TEXT    NOT NULL,
    reason  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "hold" VALUES('C000001',1715500800000000,'zhou','a dispute');
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
    ticket          TEXT    REFERENCES ticket (number), dropped_at INTEGER,
    UNIQUE (channel, source_id)
) STRICT;
INSERT INTO "inbox" VALUES(1,'email','<1@example.test>',1715500800000000,'{}',X'726177','done',0,1715500800000000,NULL,'202405120001',NULL);
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('outbound','hold');
CREATE TABLE opt_out (
    channel TEXT    NOT NULL,
    address TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (channel, address)
) STRICT, WITHOUT ROWID;
INSERT INTO "opt_out" VALUES('sms','+8613800000000',1715500800000000);
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
, digest TEXT, worker TEXT, excused INTEGER NOT NULL DEFAULT 0, dropped_at INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO "outbox" VALUES('m-1','202405120001','email','customer','wang@example.test','Re','c-1','zh',1,'promise',1715500800000000,'sending',1,1715500800000000,1715500800000000,NULL,NULL,NULL,NULL,NULL,'w-1',0,NULL);
CREATE TABLE policy (
    digest       TEXT    PRIMARY KEY,
    files_json   TEXT    NOT NULL,
    saved_at     INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "policy" VALUES('digest-1','{"sla.yaml":"version: 1\n"}',1715500800000000);
CREATE TABLE request (
    id     TEXT    PRIMARY KEY,
    asked  TEXT    NOT NULL,
    answer TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "request" VALUES('ef56','0a1b','{}',1715500800000000);
CREATE TABLE survey_answer (
    id          TEXT PRIMARY KEY,
    survey      TEXT NOT NULL,
    month       TEXT NOT NULL,
    scores_json TEXT NOT NULL,
    suggestion  TEXT NOT NULL
, choices_json TEXT NOT NULL DEFAULT '{}') STRICT, WITHOUT ROWID;
INSERT INTO "survey_answer" VALUES('9f2c','after-closure','2024-05','{"speed":4}','谢谢','{}');
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
, incident TEXT, alike TEXT, facts_seq INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
INSERT INTO "ticket" VALUES('202405120001',5,'complaint','new','important','front_desk','zhao','C000001','email',NULL,1715500800000000,NULL,1715502600000000,'{"number":"202405120001","seq":5,"kind":"complaint","channel":"email","state":"new","language":"zh","opened_at":"2024-05-12T08:00:00Z","customer":"C000001","contact":null,"description":"c-1","subject":null,"impact":null,"wish":null,"expected_by":null,"parent":null,"due":null,"tier":"important","queue":"front_desk","assignee":"zhao","tier_overridden":false,"opened_by":"system","plan":null,"result":null,"tasks":[],"deadlines":{"response":{"id":"response","kind":"response","key":"","calendar":"24x7","started_at":"2024-05-12T08:00:00Z","budget":"PT600S","due":"2024-05-12T08:30:00Z","pauses":[],"stopped_at":null,"breached_at":null,"warned":[]}},"promised":{},"survey":null,"first_contact_at":null,"acknowledged_at":null,"resolved_at":null,"closed_at":null,"objections":0,"reopened":0,"tags":[],"concessions":[],"approvals":{},"opened":[],"incident":null,"alike":null,"news":null,"improvement":null,"review":null}',NULL,NULL,5);
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
INSERT INTO "timer" VALUES(1,'202405120001','deadline/response',1715502600000000,1715502600000000,0,0,NULL);
CREATE TABLE trial (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    kind   TEXT    NOT NULL CHECK (kind IN ('inbox', 'outbox', 'timer')),
    item   TEXT    NOT NULL,
    what   TEXT    NOT NULL CHECK (what IN ('failed', 'requeued', 'dropped')),
    who    TEXT,
    detail TEXT    NOT NULL
) STRICT;
INSERT INTO "trial" VALUES(1,1715500800000000,'inbox','1','failed',NULL,'no such thing');
CREATE TABLE waiting_answer (
    id      TEXT    PRIMARY KEY,
    survey  TEXT    NOT NULL,
    look_at INTEGER,
    sealed  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "waiting_answer" VALUES('5e1f','after-closure',1715500800000000,X'7365616C6564');
CREATE TABLE worker (
    id         TEXT    PRIMARY KEY,
    host       TEXT    NOT NULL,
    pid        INTEGER NOT NULL,
    parts      TEXT    NOT NULL,
    policy     TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT;
INSERT INTO "worker" VALUES('w-1','desk',1,'["timers"]','digest-1',1715500800000000,1715500800000000);
CREATE INDEX ticket_by_due ON ticket (next_due, number);
CREATE INDEX ticket_by_customer ON ticket (customer, opened_at);
CREATE INDEX decision_by_ticket ON decision (ticket, id);
CREATE INDEX content_by_ticket ON content (ticket, id);
CREATE INDEX timer_waiting ON timer (next_attempt_at, generation) WHERE dead = 0;
CREATE INDEX inbox_pending ON inbox (next_attempt_at, id) WHERE state = 'pending';
CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';
CREATE INDEX outbox_queued ON outbox (channel, next_attempt_at) WHERE state = 'queued';
CREATE INDEX outbox_unsent ON outbox (state) WHERE state IN ('held', 'sending', 'dead');
CREATE INDEX outbox_by_ticket ON outbox (ticket, created_at);
CREATE INDEX outbox_by_address ON outbox (address, channel);
CREATE INDEX outbox_by_provider ON outbox (channel, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX customer_address_by_customer ON customer_address (customer);
CREATE INDEX outbox_digest ON outbox (digest) WHERE digest <> '';
CREATE INDEX outbox_gathering ON outbox (channel, party) WHERE state = 'queued' AND digest IS NOT NULL;
CREATE INDEX outbox_notices ON outbox (created_at) WHERE automatic = 1 AND digest IS NOT NULL;
CREATE UNIQUE INDEX decision_by_inbox ON decision (inbox) WHERE inbox IS NOT NULL;
CREATE INDEX trial_by_item ON trial (kind, item, id);
CREATE INDEX trial_dropped ON trial (id) WHERE what = 'dropped';
CREATE INDEX ticket_by_incident ON ticket (incident, number) WHERE incident IS NOT NULL;
CREATE INDEX outbox_automatic ON outbox (address, created_at) WHERE automatic = 1;
CREATE INDEX ticket_open_by_assignee ON ticket (assignee, closed_at) WHERE closed_at IS NULL;
CREATE INDEX fact_by_ticket ON fact (ticket);
CREATE INDEX fact_opened ON fact (customer, kind, at) WHERE name = 'opened';
CREATE INDEX ticket_without_facts ON ticket (number) WHERE facts_seq <> seq;
CREATE INDEX feedback_by_day ON feedback (day);
CREATE INDEX ticket_alike ON ticket (alike, opened_at) WHERE alike IS NOT NULL;
CREATE INDEX erasure_by_customer ON erasure (customer);
CREATE INDEX access_by_agent ON access (agent);
CREATE INDEX request_by_age ON request (at);
CREATE INDEX ticket_open ON ticket (next_due, number) WHERE closed_at IS NULL;
CREATE INDEX ticket_ended ON ticket (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX ticket_open_incident ON ticket (alike, customer, closed_at, opened_at)
WHERE kind IN ('incident', 'alert') AND customer IS NULL AND closed_at IS NULL;
CREATE INDEX ticket_suspect ON ticket (alike, incident, closed_at, opened_at, customer)
WHERE alike IS NOT NULL AND incident IS NULL AND closed_at IS NULL;
CREATE INDEX ticket_of_house ON ticket (kind, next_due, number) WHERE kind NOT IN ('inquiry', 'complaint', 'after_sales', 'suggestion', 'care', 'incident');
CREATE INDEX ticket_by_parent ON ticket (parent) WHERE parent IS NOT NULL;
CREATE INDEX timer_dead ON timer (generation) WHERE dead = 1;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('activation',1);
INSERT INTO "sqlite_sequence" VALUES('decision',2);
INSERT INTO "sqlite_sequence" VALUES('timer',1);
INSERT INTO "sqlite_sequence" VALUES('inbox',1);
INSERT INTO "sqlite_sequence" VALUES('audit',1);
INSERT INTO "sqlite_sequence" VALUES('trial',1);
COMMIT;
