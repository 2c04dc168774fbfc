DELETE FROM meta WHERE key = 'intakes_linked_after';

DROP INDEX decision_by_inbox;

ALTER TABLE decision DROP COLUMN inbox;
