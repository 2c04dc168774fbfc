"""Customers and confidential answers."""

import sys
from datetime import date, datetime
from typing import Any

from engine.errors import NotFound, Refused
from engine.store.codec import decode_plain, encode
from engine.store.feedback import FeedbackRow
from engine.store.personal import AuditRow
from engine.store.rows import AgentRow, AnswerRow, CustomerRow, LinkRow, WaitingRow
from engine.store.sql.session import Room, instant, instant_or_none, micros, micros_or_none

_COLUMNS = "id, name, segment, language, created_at, last_survey_at"

_ONE = f"SELECT {_COLUMNS} FROM customer WHERE id = ?"

_FIND = f"SELECT {_COLUMNS} FROM customer WHERE id = (SELECT customer FROM customer_address WHERE kind = ? AND address = ?)"

_LIST = f"SELECT {_COLUMNS} FROM customer WHERE id > ? ORDER BY id LIMIT ?"

_ADD = f"INSERT INTO customer ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"

_FORGET_ADDRESSES = "DELETE FROM customer_address WHERE customer = ?"

_FORGET = "DELETE FROM customer WHERE id = ?"

_UPDATE = "UPDATE customer SET name = ?, segment = ?, language = ? WHERE id = ?"

_SURVEYED = "UPDATE customer SET last_survey_at = ? WHERE id = ?"

_LAST_SURVEY = "SELECT last_survey_at FROM customer WHERE id = ?"

_ADDRESSES = "SELECT kind, address FROM customer_address WHERE customer = ? ORDER BY kind, address"

_ADD_ADDRESS = "INSERT INTO customer_address (kind, address, customer) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

_OWNER = "SELECT customer FROM customer_address WHERE kind = ? AND address = ?"

_OPTED_OUT = "SELECT 1 FROM opt_out WHERE channel = ? AND address = ?"

_OPT_OUT = "INSERT INTO opt_out (channel, address, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

_OPT_IN = "DELETE FROM opt_out WHERE channel = ? AND address = ?"

_ANSWERS = """
SELECT id, survey, month, scores_json, suggestion, choices_json FROM survey_answer
WHERE survey = coalesce(?, survey) AND month = coalesce(?, month) ORDER BY id
"""

_ANSWER = "SELECT id, survey, month, scores_json, suggestion, choices_json FROM survey_answer WHERE id = ?"

_KEEP_ANSWER = "INSERT INTO survey_answer (id, survey, month, scores_json, suggestion, choices_json) VALUES (?, ?, ?, ?, ?, ?)"

_WAITING = "SELECT id, survey, look_at, sealed FROM waiting_answer ORDER BY id"

_KEEP_WAITING = "INSERT INTO waiting_answer (id, survey, look_at, sealed) VALUES (?, ?, ?, ?)"

_LOOKED_AT = "UPDATE waiting_answer SET look_at = NULL WHERE id = ?"

_FORGET_WAITING = "DELETE FROM waiting_answer WHERE id = ?"

_LINK = "SELECT follow_up, answer, ticket, customer, contact FROM follow_up_link WHERE follow_up = ?"

_SEAL = "INSERT INTO follow_up_link (follow_up, answer, ticket, customer, contact) VALUES (?, ?, ?, ?, ?)"

_SEVER = "DELETE FROM follow_up_link WHERE follow_up = ?"

_AGENTS = """
SELECT id, max(turn), max(away_since), max(away_until), max(away_by)
FROM (
    SELECT id, 0 AS turn, away_since, away_until, away_by FROM agent UNION ALL SELECT agent, turn, NULL, NULL, NULL FROM agent_turn
) AS known GROUP BY id ORDER BY id
"""

_TAKE_TURN = """
INSERT INTO agent_turn (agent, turn) SELECT CAST(? AS TEXT), coalesce(max(turn), 0) + 1 FROM agent_turn WHERE TRUE RETURNING turn
"""

# Those that somebody else is taking away are left to them.
_PAST_TURNS = """
DELETE FROM agent_turn WHERE id IN (SELECT id FROM agent_turn WHERE agent = ? AND turn < ? /*pg FOR UPDATE SKIP LOCKED*/)
"""

_SET_AWAY = """
INSERT INTO agent (id, away_since, away_until, away_by) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET away_since = excluded.away_since, away_until = excluded.away_until, away_by = excluded.away_by
"""

_FEEDBACK_COLUMNS = "id, day, source, body, score, scale_low, scale_high, customer, entered_at, entered_by"

_FEEDBACK = f"SELECT {_FEEDBACK_COLUMNS} FROM feedback WHERE day BETWEEN ? AND ? ORDER BY day, id"

_KEEP_FEEDBACK = f"INSERT INTO feedback ({_FEEDBACK_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"

_AUDIT = "INSERT INTO audit (at, who, what, about, reason) VALUES (?, ?, ?, ?, ?)"

_AUDITS = """
SELECT at, who, what, about, reason FROM (
    SELECT id, at, who, what, about, reason FROM audit
    WHERE who = coalesce(?, who) AND about = coalesce(?, about) AND at >= coalesce(?, at) AND at < coalesce(?, at + 1)
    ORDER BY id DESC LIMIT ?
) AS last ORDER BY id
"""


class PeopleReads(Room):
    """Keeps the contract's `PeopleReader`."""

    def customer(self, id: str) -> CustomerRow | None:
        """The customer."""
        return _customer_or_none(self._session.one(_ONE, id))

    def find_customer(self, kind: str, address: str) -> CustomerRow | None:
        """Whose address it is."""
        return _customer_or_none(self._session.one(_FIND, kind, address))

    def customers(self, limit: int, after: str = "") -> list[CustomerRow]:
        """Customers in the order of their ids."""
        return [_customer(row) for row in self._session.all(_LIST, after, limit)]

    def addresses(self, customer: str) -> list[tuple[str, str]]:
        """The customer's addresses."""
        return self._session.all(_ADDRESSES, customer)

    def opted_out(self, channel: str, address: str) -> bool:
        """Whether the address wants nothing automatic."""
        return self._session.one(_OPTED_OUT, channel, address) is not None

    def last_survey_at(self, customer: str) -> datetime | None:
        """When a survey last went to the customer."""
        return instant_or_none(self._session.value(_LAST_SURVEY, customer))

    def answers(self, *, survey: str | None = None, month: str | None = None) -> list[AnswerRow]:
        """Answers that fit."""
        return [_answer(*row) for row in self._session.all(_ANSWERS, survey, month)]

    def answer(self, id: str) -> AnswerRow | None:
        """The answer."""
        row = self._session.one(_ANSWER, id)
        return None if row is None else _answer(*row)

    def waiting_answers(self) -> list[WaitingRow]:
        """Answers that wait for others."""
        return [WaitingRow(id, survey, instant_or_none(at), bytes(sealed)) for id, survey, at, sealed in self._session.all(_WAITING)]

    def link(self, follow_up: str) -> LinkRow | None:
        """Whom the follow-up is about."""
        row = self._session.one(_LINK, follow_up)
        return None if row is None else LinkRow(*row)

    def agents(self) -> dict[str, AgentRow]:
        """What is kept of agents."""
        rows = self._session.all(_AGENTS)
        return {id: AgentRow(id, turn, instant_or_none(since), instant_or_none(until), by) for id, turn, since, until, by in rows}

    def feedback(self, since: date, until: date) -> list[FeedbackRow]:
        """What customers said."""
        return [_said(row) for row in self._session.all(_FEEDBACK, since.isoformat(), until.isoformat())]

    def audits(
        self,
        who: str | None = None,
        about: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = sys.maxsize,
    ) -> list[AuditRow]:
        """Who looked at what."""
        return [
            AuditRow(instant(at), *rest)
            for at, *rest in self._session.all(_AUDITS, who, about, *map(micros_or_none, (since, until)), limit)
        ]


class PeopleWrites(PeopleReads):
    """Keeps the contract's `PeopleWriter`."""

    def new_customer_id(self) -> str:
        """An id that was never given before."""
        return f"C{self._session.unused('customer'):06d}"

    def add_customer(self, row: CustomerRow) -> None:
        """Add a customer."""
        when = (micros(row.created_at), micros_or_none(row.last_survey_at))
        self._session.run(_ADD, row.id, row.name, row.segment, row.language, *when)

    def remove_customer(self, id: str) -> None:
        """Nobody knows them."""
        self._session.run(_FORGET_ADDRESSES, id)
        self._session.run(_FORGET, id)

    def update_customer(self, row: CustomerRow) -> None:
        """Change a customer."""
        _found(row.id, self._session.run(_UPDATE, row.name, row.segment, row.language, row.id))

    def add_address(self, customer: str, kind: str, address: str) -> None:
        """Say that the address is this customer's."""
        if self._session.run(_ADD_ADDRESS, kind, address, customer):
            return
        owner = self._session.value(_OWNER, kind, address)
        if owner != customer:
            raise Refused(f"That {kind} address already belongs to customer {owner}; it cannot be {customer}'s too.")

    def set_opt_out(self, channel: str, address: str, at: datetime | None) -> None:
        """Send nothing automatic to the address, or do again."""
        if at is None:
            self._session.run(_OPT_IN, channel, address)
        else:
            self._session.run(_OPT_OUT, channel, address, micros(at))

    def survey_sent_to(self, customer: str, at: datetime) -> None:
        """Remember when a survey went to the customer."""
        _found(customer, self._session.run(_SURVEYED, micros(at), customer))

    def keep_waiting(self, row: WaitingRow) -> None:
        """Keep a sealed answer until others have come."""
        self._session.run(_KEEP_WAITING, row.id, row.survey, micros_or_none(row.look_at), row.sealed)

    def looked_at(self, id: str) -> None:
        """It only waits for others."""
        self._session.run(_LOOKED_AT, id)

    def keep_answer(self, row: AnswerRow) -> None:
        """Keep an answer apart."""
        self._session.run(_KEEP_ANSWER, row.id, row.survey, row.month, encode(row.scores), row.suggestion, encode(row.choices))

    def forget_waiting(self, id: str) -> bool:
        """It waits no longer."""
        return self._session.run(_FORGET_WAITING, id) == 1

    def seal_link(self, follow_up: str, answer: str, ticket: str, customer: str | None, contact: str | None) -> None:
        """Keep whom a follow-up is about."""
        self._session.run(_SEAL, follow_up, answer, ticket, customer, contact)

    def sever_link(self, follow_up: str) -> bool:
        """Forget whom a follow-up was about."""
        return self._session.run(_SEVER, follow_up) == 1

    def keep_feedback(self, row: FeedbackRow) -> bool:
        """Keep what a customer said."""
        given = (row.id, row.day.isoformat(), row.source, row.text, row.score, *(row.scale or (None, None)))
        return self._session.run(_KEEP_FEEDBACK, *given, row.customer, micros(row.entered_at), row.by) == 1

    def take_turn(self, agent: str) -> int:
        """The agent was given a ticket."""
        turn: int = self._session.value(_TAKE_TURN, agent)
        self._session.run(_PAST_TURNS, agent, turn)
        return turn

    def set_away(self, agent: str, since: datetime | None, until: datetime | None, by: str) -> None:
        """The agent is away, or there again."""
        self._session.memory.clear()  # what was remembered of the agents
        self._session.run(_SET_AWAY, agent, micros_or_none(since), micros_or_none(until), by)

    def audit(self, at: datetime, who: str, what: str, about: str, reason: str | None = None) -> None:
        """Keep what somebody did."""
        self._session.run(_AUDIT, micros(at), who, what, about, reason)


def _found(id: str, changed: int) -> None:
    if not changed:
        raise NotFound(f"There is no customer {id}.")


def _customer_or_none(row: tuple[Any, ...] | None) -> CustomerRow | None:
    return None if row is None else _customer(row)


def _customer(row: tuple[Any, ...]) -> CustomerRow:
    id, name, segment, language, created_at, last_survey_at = row
    return CustomerRow(id, name, segment, language, instant(created_at), instant_or_none(last_survey_at))


def _said(row: tuple[Any, ...]) -> FeedbackRow:
    id, day, source, body, score, low, high, customer, at, by = row
    return FeedbackRow(id, date.fromisoformat(day), source, body, score, None if low is None else (low, high), customer, instant(at), by)


def _answer(id: str, survey: str, month: str, scores: str, suggestion: str, choices: str) -> AnswerRow:
    return AnswerRow(id, survey, month, decode_plain(scores), suggestion, _chosen(choices))


def _chosen(text: str) -> dict[str, tuple[str, ...]]:
    return {question: tuple(options) for question, options in decode_plain(text).items()}
