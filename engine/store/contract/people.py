"""Customers with their addresses, and the confidential answers to surveys."""

import sys
from datetime import date, datetime
from typing import Protocol

from engine.store.feedback import FeedbackRow
from engine.store.personal import AuditRow
from engine.store.rows import AgentRow, AnswerRow, CustomerRow, LinkRow, WaitingRow


class PeopleReader(Protocol):
    """Asks about customers and answers. Addresses are normalised by the caller."""

    def customer(self, id: str) -> CustomerRow | None:
        """Return the customer, None if there is none."""

    def find_customer(self, kind: str, address: str) -> CustomerRow | None:
        """Return whose address of this kind it is."""

    def customers(self, limit: int, after: str = "") -> list[CustomerRow]:
        """Return customers in the order of their ids, from the one behind `after` on."""

    def addresses(self, customer: str) -> list[tuple[str, str]]:
        """Return the customer's addresses as (kind, address), sorted."""

    def opted_out(self, channel: str, address: str) -> bool:
        """Whether the address wants nothing automatic over the channel."""

    def last_survey_at(self, customer: str) -> datetime | None:
        """Return when a survey last went to the customer."""

    def answers(self, *, survey: str | None = None, month: str | None = None) -> list[AnswerRow]:
        """Return the answers that fit, by their random ids."""

    def answer(self, id: str) -> AnswerRow | None:
        """Return the answer of that id, None if there is none."""

    def waiting_answers(self) -> list[WaitingRow]:
        """Return the answers that wait for others, by their random ids."""

    def link(self, follow_up: str) -> LinkRow | None:
        """Return whom the follow-up is about, None if that was severed or never kept."""

    def agents(self) -> dict[str, AgentRow]:
        """Return what is kept of agents, by id; of whom nothing is kept is left out."""

    def feedback(self, since: date, until: date) -> list[FeedbackRow]:
        """Return what customers said from the day `since` to the day `until`, both included, by day and id."""

    def audits(
        self,
        who: str | None = None,
        about: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = sys.maxsize,
    ) -> list[AuditRow]:
        """Return who did what about whom or what from `since` on and before `until`, in order; of all that is so, the last `limit`."""


class PeopleWriter(Protocol):
    """Changes customers and answers."""

    def new_customer_id(self) -> str:
        """Return an id that was never given before. It says nothing about the person."""

    def add_customer(self, row: CustomerRow) -> None:
        """Add a customer. Raises StoreFailed if the id is taken."""

    def remove_customer(self, id: str) -> None:
        """Take a customer of whom there is nothing but their addresses out again."""

    def update_customer(self, row: CustomerRow) -> None:
        """Change name, segment and language. Raises NotFound."""

    def add_address(self, customer: str, kind: str, address: str) -> None:
        """Say that the address is this customer's; saying it again changes nothing. Raises Refused if it is another's."""

    def set_opt_out(self, channel: str, address: str, at: datetime | None) -> None:
        """Send nothing automatic to the address over the channel since `at`; None: do again."""

    def survey_sent_to(self, customer: str, at: datetime) -> None:
        """Remember when a survey last went to the customer. Raises NotFound."""

    def keep_waiting(self, row: WaitingRow) -> None:
        """Keep a sealed answer until others have come. Raises StoreFailed if the id is taken."""

    def looked_at(self, id: str) -> None:
        """The answer needs nobody's attention: it only waits for others."""

    def keep_answer(self, row: AnswerRow) -> None:
        """Keep an answer, by a random id, apart from ticket and customer. Raises StoreFailed if the id is taken."""

    def forget_waiting(self, id: str) -> bool:
        """An answer waits no longer. False: somebody else has taken it."""

    def seal_link(self, follow_up: str, answer: str, ticket: str, customer: str | None, contact: str | None) -> None:
        """Keep whom a follow-up is about. Raises StoreFailed if that is kept already."""

    def sever_link(self, follow_up: str) -> bool:
        """Forget whom the follow-up was about. False if nothing was kept."""

    def keep_feedback(self, row: FeedbackRow) -> bool:
        """Keep what a customer said. False: it is kept already. Raises StoreFailed for a customer that there is not."""

    def take_turn(self, agent: str) -> int:
        """Remember that the agent was given a ticket, after everybody else; return the `turn` they have by that."""

    def set_away(self, agent: str, since: datetime | None, until: datetime | None, by: str) -> None:
        """Say from when on and until when (None: until they say) the agent is away; `since` None: they are there again."""

    def audit(self, at: datetime, who: str, what: str, about: str, reason: str | None = None) -> None:
        """Keep what somebody did with something confidential or personal, and why."""
