"""What may be wrong with a database, found and said in words."""

from engine.core.model import Ticket
from engine.errors import EngineError
from engine.store.contract.store import Evolve
from engine.store.sql.tickets import TicketReads

_NUMBERS = "SELECT number FROM ticket UNION SELECT ticket FROM event ORDER BY 1"

_WITHOUT_TEXT = """
SELECT id, state FROM outbox
WHERE state IN ('queued', 'held', 'sending') AND content_id NOT IN (SELECT id FROM content) ORDER BY id
"""

_WITHOUT_ANSWER = "SELECT follow_up FROM follow_up_link WHERE answer NOT IN (SELECT id FROM survey_answer) ORDER BY follow_up"


class IntegrityReads(TicketReads):
    """Keeps the contract's `integrity`."""

    def integrity(self, evolve: Evolve) -> list[str]:
        """What is wrong."""
        silent = [f"message {id} is {state} but its text is gone" for id, state in self._session.all(_WITHOUT_TEXT)]
        loose = [f"follow-up {number} is linked to an answer that is gone" for (number,) in self._session.all(_WITHOUT_ANSWER)]
        numbers = [number for (number,) in self._session.all(_NUMBERS)]
        differing = [problem for number in numbers if (problem := self._difference(number, evolve)) is not None]
        return self._session.damage() + silent + loose + differing

    def _difference(self, number: str, evolve: Evolve) -> str | None:
        """How the ticket's state differs from the replay of its log."""
        replayed: Ticket | None = None
        try:
            stored = self.ticket(number)
            for seq, entry in enumerate(self.events(number), start=1):
                if entry.seq != seq:
                    return f"ticket {number}: event {seq} is missing from the log"
                replayed = evolve(replayed, entry.event, entry.at)
        except EngineError as error:
            return f"ticket {number}: the log cannot be replayed: {error}"
        if replayed != stored:
            return f"ticket {number}: its state is not what the replay of its log gives"
        return None
