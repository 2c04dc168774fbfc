-- A notice goes out in the message `digest`: empty until that is known, its own id where it goes alone, NULL for what is no notice.
ALTER TABLE outbox ADD COLUMN digest TEXT COLLATE "C";
CREATE INDEX outbox_digest ON outbox (digest) WHERE digest <> '';
CREATE INDEX outbox_gathering ON outbox (channel, party) WHERE state = 'queued' AND digest IS NOT NULL;
CREATE INDEX outbox_notices ON outbox (created_at) WHERE automatic = 1 AND digest IS NOT NULL;
