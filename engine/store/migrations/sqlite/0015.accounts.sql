-- Who may sign in: the password as Argon2 keeps it (NULL: none was set), and since when the account is locked.
CREATE TABLE account (
    agent     TEXT    PRIMARY KEY,
    password  TEXT,
    locked_at INTEGER
) STRICT, WITHOUT ROWID;

-- Sessions of people and tokens of programs, by the SHA-256 of each secret. What has no expires_at lasts until it is ended.
CREATE TABLE access (
    hash       TEXT    PRIMARY KEY,
    kind       TEXT    NOT NULL,
    agent      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX access_by_agent ON access (agent);

-- What a request with a key of its own was answered, so that asking again does it once; ids only. asked is the SHA-256 of what was asked.
CREATE TABLE request (
    id     TEXT    PRIMARY KEY,
    asked  TEXT    NOT NULL,
    answer TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX request_by_age ON request (at);
