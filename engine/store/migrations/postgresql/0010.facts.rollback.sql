DROP INDEX ticket_without_facts;
ALTER TABLE ticket DROP COLUMN facts_seq;
DROP TABLE fact;
