-- Who may sign in: the password as Argon2 keeps it (NULL: none was set), and since when the account is locked.
CREATE TABLE account (
    agent     TEXT COLLATE "C" PRIMARY KEY,
    password  TEXT COLLATE "C",
    locked_at BIGINT
);

-- Sessions of people and tokens of programs, by the SHA-256 of each secret. What has no expires_at lasts until it is ended.
CREATE TABLE access (
    hash       TEXT COLLATE "C" PRIMARY KEY,
    kind       TEXT COLLATE "C" NOT NULL,
    agent      TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    at         BIGINT           NOT NULL,
    expires_at BIGINT
);

CREATE INDEX access_by_agent ON access (agent);

-- What a request with a key of its own was answered, so that asking again does it once; ids only. asked is the SHA-256 of what was asked.
CREATE TABLE request (
    id     TEXT COLLATE "C" PRIMARY KEY,
    asked  TEXT COLLATE "C" NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    at     BIGINT           NOT NULL
);

CREATE INDEX request_by_age ON request (at);
