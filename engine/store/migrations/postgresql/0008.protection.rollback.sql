ALTER TABLE inbox DROP COLUMN dropped_at;
ALTER TABLE outbox DROP COLUMN dropped_at;
ALTER TABLE outbox DROP COLUMN excused;
DROP TABLE trial;
DROP TABLE channel_state;
