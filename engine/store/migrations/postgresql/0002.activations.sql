-- Each time a policy came into force: who put it there, NULL where that was not recorded yet.
CREATE TABLE activation (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest TEXT COLLATE "C" NOT NULL REFERENCES policy (digest),
    at     BIGINT NOT NULL,
    by     TEXT COLLATE "C"
);

INSERT INTO activation (digest, at) SELECT digest, activated_at FROM policy WHERE activated_at IS NOT NULL ORDER BY activated_at;

ALTER TABLE policy DROP COLUMN activated_at;
