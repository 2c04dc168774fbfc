"""A store with facts that are written out, and what the KPIs make of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from engine.analysis.kpi import Figure, measure
from engine.core.compiled import Policy
from engine.core.kpis import KpiPolicy, Reports
from engine.store import FactRow, Store
from tests.store.samples import open_ticket

START = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)  # midnight in Shanghai
END = START + timedelta(days=30)


def put(store: Store, facts: Iterable[FactRow | tuple[str, FactRow]]) -> None:
    """Keep facts; those of another ticket than the first stand with its name."""
    by_ticket: dict[str, list[FactRow]] = defaultdict(list)
    for one in facts:
        name, fact = one if isinstance(one, tuple) else ("", one)
        by_ticket[name].append(fact)
    with store.write() as tx:
        for those in by_ticket.values():
            ticket = open_ticket(tx, kind="inquiry")
            assert tx.keep_facts(ticket.number, ticket.seq, those)


def counting(policy: Policy, **kpis: KpiPolicy) -> Policy:
    """The policy with nothing said but of these KPIs."""
    return replace(policy, reports=Reports(kpis))


def figures(
    store: Store, policy: Policy, kpi: str, by: Sequence[str] = (), since: datetime = START, until: datetime = END
) -> Mapping[tuple[str, ...], Figure]:
    with store.read() as reader:
        return {one.group: one for one in measure(reader, policy, [kpi], by, since, until)}


def figure(store: Store, policy: Policy, kpi: str) -> Figure:
    """The only figure of a KPI."""
    (found,) = figures(store, policy, kpi).values()
    return found
