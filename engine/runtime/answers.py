"""Survey answers wait, encrypted, until some have come together; then they are put into storage in one transaction, shuffled and under
new ids. So neither order nor time nor an id leads from an answer in storage to the ticket whose log says that one came.

A follow-up that a low score asks for is opened in that transaction too, or alone when it can wait no longer.
"""

from collections import Counter
from datetime import datetime

from msgspec.structs import replace

from engine.core.commands import KeepAnswer
from engine.runtime.gather import World
from engine.runtime.handle import Outcome, handle
from engine.store.contract import Reader, Store, Transaction
from engine.store.rows import AnswerRow, WaitingRow


def settle(store: Store, world: World, now: datetime, hold: bool) -> list[Outcome]:
    """Put into storage what has waited for enough others, or must not wait longer; return what that led to."""
    with store.read() as reader:
        if not _due(reader, world, now):
            return []
    with store.write() as tx:
        outcomes = settle_in(tx, world, now, hold)
    store.scrub()
    return outcomes


def settle_in(tx: Transaction, world: World, now: datetime, hold: bool) -> list[Outcome]:
    """Do in a transaction what `settle` does in one of its own."""
    outcomes: list[Outcome] = []
    due = _due(tx, world, now)
    world.chance.shuffle(due)
    for row, enough in due:
        answer = world.seal.open(row)
        if answer.follow_up is None and not enough:
            tx.looked_at(row.id)
        else:
            outcomes += _store(tx, world, row, answer, now, hold)
    return outcomes


def next_look(reader: Reader) -> datetime | None:
    """Return when an answer that waits is to be looked at, None if none is."""
    return min((row.look_at for row in reader.waiting_answers() if row.look_at is not None), default=None)


def _due(reader: Reader, world: World, now: datetime) -> list[tuple[WaitingRow, bool]]:
    """Return those of surveys of which enough wait, and those whose hour has come; and whether enough wait.

    Where the policy has no such survey any more, nobody is waited for.
    """
    waiting = reader.waiting_answers()
    count = Counter(row.survey for row in waiting)
    together = {survey.id: survey.together for survey in world.policy.surveys}
    judged = [(row, count[row.survey] >= together.get(row.survey, 1)) for row in waiting]
    return [(row, enough) for row, enough in judged if enough or (row.look_at is not None and row.look_at <= now)]


def _store(tx: Transaction, world: World, row: WaitingRow, answer: KeepAnswer, now: datetime, hold: bool) -> list[Outcome]:
    if not tx.forget_waiting(row.id):
        return []
    id = f"{world.chance.getrandbits(128):032x}"
    tx.keep_answer(AnswerRow(id, answer.survey, answer.month, answer.scores, answer.suggestion, answer.choices))
    return [] if answer.follow_up is None else [handle(tx, world, replace(answer.follow_up, answer=id), now, hold=hold)]
