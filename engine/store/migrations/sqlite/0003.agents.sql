-- What the store knows of an agent beside the team: whose turn it was, and who went away, until when (NULL: until they say) and by whose word.
CREATE TABLE agent (
    id         TEXT    PRIMARY KEY,
    turn       INTEGER NOT NULL DEFAULT 0,
    away_since INTEGER,
    away_until INTEGER,
    away_by    TEXT
) STRICT;
