-- The audit tells of holds, exports and erasures too: what it is about is a follow-up, a customer, a ticket or a rule of retention.
ALTER TABLE audit RENAME COLUMN follow_up TO about;

ALTER TABLE audit ADD COLUMN reason TEXT;

-- What must be kept, whatever a policy or a person says: a customer (with all tickets) or one ticket, until somebody releases it.
CREATE TABLE hold (
    subject TEXT    PRIMARY KEY,
    at      INTEGER NOT NULL,
    by      TEXT    NOT NULL,
    reason  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Who was erased: mark tells a customer's row from any other, also from one of the same id in an older backup, and says nothing of them.
CREATE TABLE erasure (
    mark     TEXT    PRIMARY KEY,
    customer TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX erasure_by_customer ON erasure (customer);
