-- The audit tells of holds, exports and erasures too: what it is about is a follow-up, a customer, a ticket or a rule of retention.
ALTER TABLE audit RENAME COLUMN follow_up TO about;

ALTER TABLE audit ADD COLUMN reason TEXT COLLATE "C";

-- What must be kept, whatever a policy or a person says: a customer (with all tickets) or one ticket, until somebody releases it.
CREATE TABLE hold (
    subject TEXT COLLATE "C" PRIMARY KEY,
    at      BIGINT           NOT NULL,
    by      TEXT COLLATE "C" NOT NULL,
    reason  TEXT COLLATE "C" NOT NULL
);

-- Who was erased: mark tells a customer's row from any other, also from one of the same id in an older backup, and says nothing of them.
CREATE TABLE erasure (
    mark     TEXT COLLATE "C" PRIMARY KEY,
    customer TEXT COLLATE "C" NOT NULL,
    at       BIGINT           NOT NULL
);

CREATE INDEX erasure_by_customer ON erasure (customer);
