-- Which item that came in a decision was the first answer to: never two for one. No foreign key, so that what came in can be erased.
ALTER TABLE decision ADD COLUMN inbox INTEGER;

CREATE UNIQUE INDEX decision_by_inbox ON decision (inbox) WHERE inbox IS NOT NULL;

-- Items up to this one were decided on before that was recorded.
INSERT INTO meta (key, value)
SELECT 'intakes_linked_after', CAST(last AS TEXT) FROM (SELECT max(id) AS last FROM inbox) AS latest WHERE last IS NOT NULL;
