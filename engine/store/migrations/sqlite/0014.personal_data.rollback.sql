DROP TABLE erasure;
DROP TABLE hold;
ALTER TABLE audit DROP COLUMN reason;
ALTER TABLE audit RENAME COLUMN about TO follow_up;
