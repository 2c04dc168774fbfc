-- What the store knows of an agent beside the team: whose turn it was, and who went away, until when (NULL: until they say) and by whose word.
CREATE TABLE agent (
    id         TEXT COLLATE "C" PRIMARY KEY,
    turn       BIGINT NOT NULL DEFAULT 0,
    away_since BIGINT,
    away_until BIGINT,
    away_by    TEXT COLLATE "C"
);
