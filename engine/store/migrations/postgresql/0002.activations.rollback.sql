ALTER TABLE policy ADD COLUMN activated_at BIGINT;

UPDATE policy SET activated_at = (SELECT max(at) FROM activation WHERE activation.digest = policy.digest);

DROP TABLE activation;
