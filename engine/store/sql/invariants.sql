-- What no row may be. Each statement gives those that are, and above it stand the invariant and the words for such a row. :now is the
-- instant at which all was worked off, so that nothing waits any more, else NULL.

-- I1: inbox item {} was handled, but no decision came of it
SELECT id FROM inbox WHERE state = 'done' AND item_json /*pg ::json*/ ->> 'kind' = 'inbound'
    AND id > coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'intakes_linked_after'), 0)
    AND NOT EXISTS (SELECT 1 FROM decision WHERE decision.inbox = inbox.id)
ORDER BY id;

-- I1: inbox item {} is {}, but decision {} came of it
SELECT inbox.id, state, decision.id FROM decision JOIN inbox ON inbox.id = decision.inbox WHERE state <> 'done' ORDER BY 3;

-- I1: decision {} came of inbox item {}, which does not exist
SELECT id, inbox FROM decision
WHERE inbox IS NOT NULL AND NOT EXISTS (SELECT 1 FROM inbox AS own WHERE own.id = decision.inbox) ORDER BY id;

-- I1: inbox item {} was decided on {} times
SELECT inbox, count(*) FROM decision WHERE inbox IS NOT NULL GROUP BY inbox HAVING count(*) > 1 ORDER BY inbox;

-- I1: inbox item {} was handled for another ticket than decision {}
SELECT inbox.id, decision.id FROM decision JOIN inbox ON inbox.id = decision.inbox
WHERE state = 'done' AND coalesce(inbox.ticket, '') <> coalesce(decision.ticket, '') ORDER BY 2;

-- I1: inbox item {} still waits
SELECT id FROM inbox WHERE state = 'pending' AND CAST(:now AS BIGINT) IS NOT NULL ORDER BY id;

-- I2: message {} is {}, but its text is gone
SELECT id, state FROM outbox
WHERE state IN ('queued', 'held', 'sending') AND NOT EXISTS (SELECT 1 FROM content WHERE content.id = outbox.content_id) ORDER BY id;

-- I2: message {} is in no log
SELECT id FROM outbox
WHERE ticket IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM event
    WHERE event.ticket = outbox.ticket AND type = 'message_queued' AND event_json /*pg ::json*/ ->> 'message' = outbox.id
)
ORDER BY id;

-- I2: ticket {}: a message that its event {} queued is not in the outbox
SELECT ticket, seq FROM event
WHERE type = 'message_queued' AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.id = event_json /*pg ::json*/ ->> 'message')
ORDER BY ticket, seq;

-- I2: message {} is {}, but the last that its ticket heard of it is: {}
SELECT id, state, heard FROM (
    SELECT id, state, coalesce((
        SELECT type FROM event
        WHERE event.ticket = outbox.ticket AND type IN ('message_sent', 'message_delivered', 'message_failed')
            AND event_json /*pg ::json*/ ->> 'message' = outbox.id
        ORDER BY seq DESC LIMIT 1
    ), 'nothing') AS heard
    FROM outbox WHERE ticket IS NOT NULL
) AS told
WHERE CASE
    WHEN state IN ('sent', 'delivered') THEN heard NOT IN ('message_sent', 'message_delivered')
    WHEN state = 'dead' THEN heard <> 'message_failed'
    ELSE heard IN ('message_sent', 'message_delivered')
END
ORDER BY id;

-- I2: message {} is still {}
SELECT id, state FROM outbox WHERE state IN ('queued', 'sending') AND CAST(:now AS BIGINT) IS NOT NULL ORDER BY id;

-- I5: follow-up {} is linked to an answer that is gone
SELECT follow_up FROM follow_up_link
WHERE NOT EXISTS (SELECT 1 FROM survey_answer WHERE survey_answer.id = follow_up_link.answer) ORDER BY follow_up;

-- I6: ticket {}: timer {} is overdue
SELECT ticket, key FROM timer WHERE dead = 0 AND next_attempt_at <= CAST(:now AS BIGINT) ORDER BY ticket, key;
