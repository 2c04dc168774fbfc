"""The compiled part of a policy that gives authority: who may grant what, and who approves what goes beyond that."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from engine.core.compiled import Rule
from engine.core.conditions import Source
from engine.core.index import Rules
from engine.core.scripts import Text


class Grant(Rule, frozen=True):
    """What an agent may grant of their own authority: compensation of a ticket up to an amount in all, and exceptions by name.

    Whom it is about is part of its condition, which asks `agent.roles`.
    """

    compensation_up_to: Decimal = Decimal(0)
    exceptions: frozenset[str] = frozenset()


class Authority(Struct, frozen=True):
    """Who may grant what, in which currency, and who is asked beyond that: `approvers` are roles, queues and agents, in order.

    `substitute` says when the next of them is asked in place of one: absent, no_response. `exceptions` are the labels of the named ones.
    """

    currency: str
    exceptions: Mapping[str, Text]
    grants: Rules[Grant]
    approvers: tuple[str, ...]
    substitute: frozenset[str]
    source: Source
