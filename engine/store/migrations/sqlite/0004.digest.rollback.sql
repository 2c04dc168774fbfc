DROP INDEX outbox_notices;
DROP INDEX outbox_gathering;
DROP INDEX outbox_digest;
ALTER TABLE outbox DROP COLUMN digest;
