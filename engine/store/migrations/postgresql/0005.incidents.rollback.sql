DROP INDEX ticket_by_likeness;
DROP INDEX ticket_by_incident;
