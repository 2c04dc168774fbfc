"""Milliseconds of processor time to explain one decision: `python benchmarks/explain.py [--seconds 1] [--rules 20]`.

A list of rules with nested conditions is asked by a ticket that none of them fits, which is the dearest case: every rule is traced, and
the nearest misses are sought. Then a deadline of ten working days with two pauses is reckoned step by step.
"""

import sys
from pathlib import Path

# Run as a script, this folder would come first on the path, where calendar.py hides the standard library's.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from time import process_time

import click

from engine.core.arithmetic import reckon
from engine.core.calendar import Calendar, CalendarSpec, HolidayYear, Window
from engine.core.conditions import All, Any, Condition, Match, Not, Source, Value
from engine.core.tracing import asked

OFFICE = Calendar(
    CalendarSpec(
        name="office",
        timezone="Asia/Shanghai",
        weekly=dict.fromkeys(range(5), (Window(540, 720), Window(810, 1080))),
        holidays={2026: HolidayYear(frozenset(date(2026, 10, day) for day in range(1, 8)), frozenset(), provisional=False)},
    )
)
START = datetime(2026, 9, 28, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the list that is asked."""

    id: str
    when: Condition | None


class Values:
    """What the rules see of a ticket that fits none of them."""

    def value(self, field: str) -> Value:
        """Return the field's value."""
        return "inquiry" if field == "ticket.kind" else None

    def keywords(self, field: str) -> frozenset[str] | None:
        """Return the keywords of the text."""
        return frozenset({"发票"})


def rules(count: int) -> list[Rule]:
    """Return so many rules of six matchers each, and the default."""
    place = Source("rules.yaml", 1, "rules[0].when")
    words = tuple(f"word{number}" for number in range(10))
    either = Any((Match("customer.segment", "is", "vip", place), Match("ticket.text", "mentions", words, place, personal=True)), place)
    kinds: list[Condition] = [
        Match("ticket.kind", "is", "complaint", place),
        Not(Match("ticket.kind", "in", ("inquiry", "praise"), place), place),
    ]
    part = All((either, *kinds, either), place)
    return [*(Rule(f"rule-{number}", part) for number in range(count)), Rule("rest", None)]


def milliseconds(work: Callable[[], object], seconds: float) -> float:
    """Return the processor time of one run of `work`, which is run for so long, after one run that fills the caches."""
    work()
    done, begun = 0, process_time()
    while (spent := process_time() - begun) < seconds or not done:
        work()
        done += 1
    return spent / done * 1000


@click.command(help=__doc__)
@click.option("--seconds", default=1.0, show_default=True, help="How long each one is measured.")
@click.option("--rules", "count", default=20, show_default=True, help="Rules in the list.")
def main(seconds: float, count: int) -> None:
    """Measure both and print a line each."""
    several, values = rules(count), Values()
    pauses = [(START + HOUR, START + 3 * HOUR), (START + 26 * HOUR, START + 30 * HOUR)]
    click.echo(f"trees and nearest misses of {count} rules  {milliseconds(lambda: asked(several, count, values), seconds):8.3f} ms")
    click.echo(f"a deadline of ten days, step by step   {milliseconds(lambda: reckon(OFFICE, START, 75 * HOUR, pauses), seconds):8.3f} ms")


if __name__ == "__main__":
    main()
