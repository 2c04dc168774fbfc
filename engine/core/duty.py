"""Whom a notice goes to: what the names of recipients stand for, and who answers when none of those is there."""

from collections.abc import Callable, Iterable

from engine.core.compiled import Queue
from engine.core.model import CUSTOMER

ROLES = ("assignee", "queue.lead", "manager", CUSTOMER)
"""Whom an escalation may notify, beside queues and agents by their ids."""


def stands_for(name: str, queue: Queue | None, assignee: str | None, manager: str, members: Callable[[str], Iterable[str]]) -> list[str]:
    """Return the parties that a recipient's name stands for about a ticket in `queue`; `members` tells the agents of a queue, none for
    what is no queue.
    """
    match name:
        case "assignee":
            found: Iterable[str | None] = [assignee]
        case "queue.lead":
            found = [queue.lead if queue else None]
        case "manager":
            found = [manager]
        case _:
            found = list(members(name)) or [name]
    return [party for party in found if party]


def answering(queue: Queue | None, manager: str, here: Callable[[str], bool]) -> str:
    """Return who answers for a queue: its lead if they are there, else the first backup who is, else the manager."""
    line = (queue.lead, *queue.backup) if queue else ()
    return next((agent for agent in line if here(agent)), manager)
