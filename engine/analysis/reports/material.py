"""What the reports of one period are made from: its KPIs and those of the periods before, and the words for them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from engine.analysis.board import ticket_at
from engine.analysis.kpi import Figure, measure, splittable
from engine.analysis.kpi.measure import of_customers
from engine.analysis.kpi.statistics import Interval, difference
from engine.analysis.kpi.watch import amount, part
from engine.analysis.labels import label
from engine.analysis.reports.missed import Missed, missed
from engine.analysis.reports.period import Period
from engine.analysis.texts import printable
from engine.core.compiled import Policy
from engine.core.kpis import KPIS, Term
from engine.core.model import Ticket
from engine.core.scripts import Text
from engine.core.team import Team
from engine.documents import Cell
from engine.policy import phrases
from engine.store.contract import Reader
from engine.store.rows import FactSpan, StoredEvent, TicketQuery

HISTORY = 12
"""How many periods before are shown beside the one reported on."""
_ALL = 2**31 - 1
_SPLIT_ONLY = ("mix", "time_in_state", "scorecard")
TONES: Mapping[str, str] = {"met": "good", "below_target": "warning", "flagged": "bad", "few": "quiet", "suppressed": "quiet", "": ""}


@dataclass(frozen=True)
class Material:
    """Everything is counted up to `until`: the end of the period, or now, if that is earlier."""

    reader: Reader
    policy: Policy
    team: Team
    period: Period
    until: datetime
    language: str

    def say(self, key: str, **values: object) -> str:
        """Return the words of the catalogue for a key, with values put in."""
        return label(f"doc.{key}", self.language).format(**values)

    def kpi(self, name: str) -> str:
        """Return the name of a KPI as a heading."""
        words = label(f"kpi.{name}", self.language)
        return words[0].upper() + words[1:]

    def count(self, key: str, number: int) -> str:
        """Return so many of something in words: `1 survey`, `12 surveys`."""
        return self.say(f"count.{key}{'.one' if number == 1 else ''}", n=number)

    def text(self, texts: Text) -> str:
        """Return what the policy says in the report's language."""
        return printable(self.policy.text(texts, self.language))

    def person(self, agent: str | None) -> str:
        """Return an agent's name."""
        known = self.team.agents.get(agent or "")
        return printable(known.name if known else agent or "–")

    def part(self, dimension: str, value: str) -> str:
        """Return the value of a dimension in people's words."""
        if dimension == "agent":
            return self.person(value)
        return printable(part(self.policy, dimension, value, self.language)) if value else "–"

    def day(self, at: datetime | None) -> str:
        """Return the day of an instant in the company's zone."""
        return "–" if at is None else f"{at.astimezone(self.period.since.tzinfo):%Y-%m-%d}"

    def amount(self, kpi: str, value: float | None) -> str:
        """Return a value in the unit of its KPI, in words."""
        if value is not None and KPIS[kpi].unit == "duration":
            return phrases.duration(timedelta(seconds=value), self.language)
        return amount(kpi, value)

    def cell(self, figure: Figure | None) -> Cell:
        """Return the value of a figure, with the tone of its standing."""
        if figure is None or figure.value is None:
            return Cell(self.say("suppressed") if figure and figure.standing == "suppressed" else "–", tone="quiet")
        return Cell(self.amount(figure.kpi, figure.value), figure.value, KPIS[figure.kpi].unit, TONES[figure.standing])

    def interval(self, figure: Figure | None) -> str:
        """Return the 95 % interval of a figure, – where it has none."""
        ends = figure.interval if figure else None
        return "\u00a0–\u00a0".join(self.amount(figure.kpi, end) for end in ends) if figure and ends else "–"

    def change(self, now: Figure | None, before: Figure | None) -> Cell:
        """Return how a figure moved; it has a tone where that is more than chance: where the 95 % interval of the difference says so."""
        if now is None or before is None or now.value is None or before.value is None:
            return Cell("–", tone="quiet")
        kpi, moved = KPIS[now.kpi], now.value - before.value
        ends = difference((before.value, before.interval), (now.value, now.interval)) if before.interval and now.interval else None
        tone = _tone(kpi.better, moved, ends)
        match kpi.unit:
            case "share" | "change":
                said = self.say("points", n=f"{100 * moved:+.1f}")
            case "duration":
                said = self.amount(now.kpi, abs(moved))
            case unit:
                said = f"{moved:+.{0 if unit == 'count' else 1}f}"
        return Cell(f"{'▲' if moved > 0 else '▼' if moved < 0 else '▬'} {said}", moved, kpi.unit, tone)

    def measured(self, names: Sequence[str], by: Sequence[str] = (), since: datetime | None = None) -> list[Figure]:
        """Return the figures of KPIs by dimensions, of this period or from `since` on."""
        return measure(self.reader, self.policy, names, by, since or self.period.since, self.until)

    @cached_property
    def known(self) -> list[str]:
        """The KPIs that say something unsplit of such periods, and of which the policy says how they are counted."""
        kpis = self.policy.reports.kpis
        return [name for name in splittable([self.period.unit]) if name not in _SPLIT_ONLY and (not KPIS[name].settings or name in kpis)]

    @cached_property
    def history(self) -> dict[str, dict[str, Figure]]:
        """The figures of each KPI by period, from `HISTORY` periods before on."""
        found: dict[str, dict[str, Figure]] = {name: {} for name in self.known}
        for figure in self.measured(self.known, [self.period.unit], self.period.before(HISTORY).since):
            found[figure.kpi][figure.group[0]] = figure
        return found

    def now(self, kpi: str) -> Figure | None:
        """Return the figure of the period, None where there is none."""
        return self.history.get(kpi, {}).get(self.period.name)

    def then(self, kpi: str) -> Figure | None:
        """Return the figure of the period before."""
        return self.history.get(kpi, {}).get(self.period.before().name)

    def holds(self, at: datetime | None) -> bool:
        """Whether an instant is in the period."""
        return at is not None and self.period.since <= at < self.until

    def logs(self, kind: str) -> Iterator[tuple[Ticket, list[StoredEvent]]]:
        """Yield the tickets of a kind, as `told` does."""
        return self.told(one.number for one in self.reader.tickets(TicketQuery(kind=kind, limit=_ALL)) if one.opened_at < self.until)

    def told(self, numbers: Iterable[str]) -> Iterator[tuple[Ticket, list[StoredEvent]]]:
        """Yield tickets as they stood at the end, by number, each with its log up to then."""
        for number in sorted(numbers):
            log = [kept for kept in self.reader.events(number) if kept.at < self.until]
            if (ticket := ticket_at(log, self.until)) is not None:
                yield ticket, log

    @cached_property
    def missed(self) -> list[Missed]:
        """The promises that were broken in the period or overdue at its end, first those that still were."""
        span = FactSpan(self.period.since, self.until, timedelta(0), self.until)
        broken = self.reader.sum_facts([Term("deadline", ("breached",))], span, ["ticket"])
        found = [
            one
            for ticket, log in self.told({*self.reader.opened_until(self.until), *(str(one.group[0]) for one in broken if one.numbers[0])})
            for one in missed(ticket, log, self.until)
            if one.kind not in of_customers(self.policy) and (one.ended is None or self.holds(one.due))
        ]
        return sorted(found, key=lambda one: (one.ended is not None, one.due, one.ticket.number))

    def body(self, *ids: str | None) -> str:
        """Return contents as printable lines; what was erased is left out."""
        wanted = [id for id in ids if id is not None]
        bodies = self.reader.contents(wanted)
        return printable("\n".join(bodies[id] for id in wanted if bodies.get(id)))


def _tone(better: str, moved: float, ends: Interval | None) -> str:
    if ends is None or ends[0] <= 0 <= ends[1] or not better:
        return "quiet"
    return "good" if (moved > 0) == (better == "high") else "bad"
