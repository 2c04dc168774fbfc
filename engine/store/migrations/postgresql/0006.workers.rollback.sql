ALTER TABLE agent ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;

INSERT INTO agent (id) SELECT DISTINCT agent FROM agent_turn WHERE agent NOT IN (SELECT id FROM agent);

UPDATE agent SET turn = coalesce((SELECT max(turn) FROM agent_turn WHERE agent_turn.agent = agent.id), 0);

DROP TABLE agent_turn;

DROP TABLE free_number;

ALTER TABLE outbox DROP COLUMN worker;

DROP TABLE worker;
