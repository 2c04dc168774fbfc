"""`engine explain`: why a ticket went the way it did, and what happens next."""

import shutil
import sys
from datetime import datetime
from typing import Any, BinaryIO, TypeAlias, cast

import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from engine.analysis.texts import instant, picked
from engine.cli.app import FINDINGS
from engine.cli.output import clean, say_json
from engine.cli.session import FORMAT, Session, by_locale, options
from engine.cli.test import policies_in, sound_policies
from engine.cli.words import Words
from engine.core.arithmetic import Arithmetic
from engine.core.tracing import show
from engine.errors import UsageError
from engine.policy import format_json, format_text
from engine.policy.cases import load_case
from engine.policy.reader import MAX_BYTES
from engine.runtime.clock import SystemClock
from engine.store import TimerRow
from engine.whatif.explain import Explained, Looked, Why, decisive, explain, kept_policies, upcoming, would

_MARKS = {"true": ("✓", "green"), "false": ("✗", "red"), "missing": ("?", "yellow"), "not_reached": ("○", "dim")}
_MOST_STEPS = 12
"""Lines that the arithmetic of one deadline may take, unless all is asked for."""
_MOST_ITEMS = 4
"""Items of a list that are shown, unless all is asked for."""


@click.command()
@options(FORMAT)
@click.option("--decision", type=click.IntRange(min=1), metavar="N", help="Only the N-th decision.")
@click.option("--full", is_flag=True, help="Whole trees: also what did not decide, what was not reached, and every step of a deadline.")
@click.option(
    "--ticket", "file", type=click.File("rb"), metavar="FILE", help="Explain the case in FILE instead, which nobody ever sent in."
)
@click.option("--at", metavar="WHEN", help="With --ticket: when it comes in. Default: its `start`, else now.")
@click.argument("number", metavar="[TICKET]", required=False)
def command(session: Session, decision: int | None, full: bool, file: BinaryIO | None, at: str | None, number: str | None) -> int:
    """Say why TICKET went the way it did: each decision with its time, what came, the rule and its file and line, and what it looked at;
    how each deadline was reckoned; and what happens next.

    With --ticket FILE it says what the policies in the directory would make of a case: YAML or JSON with a `ticket` or a `call`, and
    `customer` and `start` if wanted, as in tests. Nothing is kept, and no database is needed. Exit code 1: the case is not sound.

    ✓ a condition held, ✗ it did not, ? there was no value to ask, ○ not reached. What customers wrote and who they are is not shown, except
    in the messages to which a FILE would lead.
    """
    if (number is None) == (file is None) or (at is not None and file is None):
        raise UsageError("explain what? Give the number of a TICKET, or --ticket FILE (and --at WHEN, if you like)")
    most = 0 if full or session.json else _MOST_STEPS
    found = _kept(session, number, most) if number is not None else _tried(session, cast("BinaryIO", file), at, most)
    if found is None:
        return FINDINGS
    outcome, decisions, timers, words = found
    if decision is not None and decision > len(decisions):
        raise UsageError(f"{len(decisions)} decisions were taken about this ticket; there is no decision {decision}")
    chosen = [(place, one) for place, one in enumerate(decisions, 1) if decision in (None, place)]
    if session.json:
        told = {"decisions": [_plain(*one) for one in chosen], "next": [_timer(timer, words) for timer in timers]}
        say_json({"ticket": outcome.pop("number"), **({"outcome": outcome} if outcome else {}), **told})
        return 0
    page = _Page(words, full)
    for place, one in chosen:
        _print(page.decision(place, one))
    if outcome.get("sent"):
        _print(page.messages(outcome["sent"]))
    if decision is None:
        _print(page.upcoming(timers))
    return 0


Found: TypeAlias = tuple[dict[str, Any], list[Explained], list[TimerRow], Words]
"""What came of it by key (of a ticket that is kept only its number), the decisions, what happens next, and the words to say it in."""


def _kept(session: Session, number: str, most: int) -> Found:
    """What is to be told of a ticket in the store. Raises NotFound."""
    with session.desk() as desk, desk.store.read() as reader:
        return (
            {"number": number},
            explain(reader, number, kept_policies(reader, desk.policy), most=most),
            upcoming(reader, number),
            desk.words,
        )


def _tried(session: Session, file: BinaryIO, at: str | None, most: int) -> Found | None:
    """What is to be told of the case in a file; None where it or the policies are not sound, which is said."""
    directory, channels = policies_in(session.root)
    policy, team, wrong = sound_policies(directory)
    if policy is not None and team is not None:
        when = _moment(at, policy.company.timezone) if at else None
        loaded = load_case(file.name, file.read(MAX_BYTES + 1), policy, team, channels, SystemClock().now(), when)
        if loaded.cases:
            return *would(loaded.cases[0], policy, team, channels, most=most), session.words(policy, team)
        wrong = [*loaded.diagnostics]
    language = session.language or by_locale() or "en"
    if session.json:
        click.echo(format_json(wrong, language))
    else:
        click.echo(format_text(wrong, colour=sys.stderr.isatty(), language=language), err=True)
    return None


def _moment(text: str, timezone: str) -> datetime:
    """Read an instant with its offset, or a date as people write it in the company's zone. Raises UsageError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    return at if at is not None and at.tzinfo is not None else instant(text, timezone)


def _plain(place: int, one: Explained) -> dict[str, object]:
    return {
        "decision": place,
        **picked(one, "at signal came why refused policy"),
        "events": [{"event": event.name, "what": event} for event in one.events],
        "clocks": [{"clock": id, "arithmetic": arithmetic} for id, arithmetic in one.clocks],
    }


def _timer(timer: TimerRow, words: Words) -> dict[str, object]:
    return {"at": timer.due, "timer": timer.key, "what": words.timer(timer.key), "dead": timer.dead, "error": timer.error}


def _print(tree: Tree) -> None:
    """Print a tree as wide as the terminal, 80 columns where there is none."""
    console = Console(width=shutil.get_terminal_size().columns, highlight=False, markup=False, force_terminal=sys.stdout.isatty())
    with console.capture() as capture:
        console.print(tree)
    click.echo("\n".join(line.rstrip() for line in capture.get().split("\n")), nl=False)


class _Page:
    """Draws decisions in one language, compactly or in full."""

    def __init__(self, words: Words, full: bool) -> None:
        self._words, self._full = words, full

    def decision(self, place: int, one: Explained) -> Tree:
        """Draw one decision: what came, why, what happened, how the deadlines were reckoned."""
        came = ", ".join(f"{name} {value}" for name, value in one.came.items() if value and isinstance(value, str | int))
        signal = self._words.spoken(one.signal.replace("_", " "))
        title = f"{place}. {self._words.clock(one.at, seconds=True)}  {signal}{f': {came}' if came else ''}"
        tree = _branch(None, f"{title}   [{one.policy[:12]}]", "bold")
        if one.refused is not None:
            _branch(tree, f"✗ {self._words.spoken(one.refused)}", "red")
        for why in one.why:
            self._why(tree, why)
        for event in one.events:
            _branch(tree, f"· {self._words.event(event)}", "yellow" if event.name == "message_suppressed" else "dim")
        for id, arithmetic in one.clocks:
            self._clock(tree, id, arithmetic)
        return tree

    def messages(self, sent: list[dict[str, str]]) -> Tree:
        """Draw the messages with their texts."""
        tree = _branch(None, self._words.name("messages"), "bold")
        for one in sent:
            script, to = self._words.script(one["script"]), self._words.party(one["to"])
            _branch(_branch(tree, f"{script} → {to} ({one['channel']})", "cyan"), one["text"].strip())
        return tree

    def upcoming(self, timers: list[TimerRow]) -> Tree:
        """Draw what happens by itself from now on."""
        tree = _branch(None, self._words.name("next"), "bold")
        for timer in timers:
            dead = f"  ✗ {self._words.name('dead')}: {timer.error or ''}" if timer.dead else ""
            at = self._words.clock(timer.due, seconds=True)
            _branch(tree, f"{at}  {self._words.timer(timer.key)}{dead}", "red" if dead else "")
        if not timers:
            _branch(tree, self._words.name("nothing_next"), "dim")
        return tree

    def _why(self, tree: Tree, why: Why) -> None:
        values = "".join(f"  {name} = {value}" for name, value in why.values.items())
        branch = _branch(tree, f"→ {self._words.spoken(why.decided)}   {why.rule}{f'  ({why.where})' if why.where else ''}{values}", "cyan")
        near = dict(why.nearest)
        shown = [(rule, looked) for rule, looked in why.asked if self._full or looked.result == "true"]
        failed = [f"{rule} ({looked.file}:{looked.line})" for rule, looked in why.asked if (rule, looked) not in shown and rule not in near]
        if failed:
            more = f", … +{len(failed) - _MOST_ITEMS}" if len(failed) > _MOST_ITEMS else ""
            _branch(branch, f"✗ {', '.join(failed[:_MOST_ITEMS])}{more}", "red")
        for rule, looked in shown:
            self._looked(_branch(branch, f"{rule}:"), looked)
        for rule, leaves in why.nearest:
            below = _branch(branch, self._words.name("nearest", rule, str(len(leaves))))
            for leaf in leaves:
                self._looked(below, leaf)
        if why.behind:
            more = ", …" if why.behind > len(why.first_behind) else ""
            _branch(branch, f"○ {self._words.name('behind', str(why.behind))}: {', '.join(why.first_behind)}{more}", "dim")

    def _looked(self, tree: Tree, looked: Looked) -> None:
        self._node(tree, looked if self._full else decisive(looked))

    def _node(self, tree: Tree, looked: Looked) -> None:
        mark, style = _MARKS[looked.result]
        what = " ".join(filter(None, (looked.field, looked.operator, self._short(looked.expected))))
        branch = _branch(
            tree, f"{mark} {what}{self._met(looked)}  ({looked.file}:{looked.line}{f' {looked.path}' if self._full else ''})", style
        )
        for part in looked.parts:
            self._node(branch, part)

    def _met(self, looked: Looked) -> str:
        if not looked.field or looked.result == "not_reached":
            return ""
        if looked.result == "missing":
            return f" → {self._words.name('missing')}"
        if looked.actual is None:
            return ""
        return f" → {self._words.name('met_none') if looked.actual == '[]' else self._short(looked.actual)}"

    def _short(self, text: str) -> str:
        items = text[1:-1].split(", ") if text.startswith("[") and not self._full else []
        return f"[{', '.join(items[:_MOST_ITEMS])}, … +{len(items) - _MOST_ITEMS}]" if len(items) > _MOST_ITEMS else text

    def _clock(self, tree: Tree, id: str, found: Arithmetic) -> None:
        clock = self._words.clock
        due = clock(found.due, seconds=True) or self._words.name("unknown")
        start = clock(found.start, seconds=True)
        title = f"⏱ {self._words.deadline(id)}: {start} + {show(found.budget)} ({found.calendar}) = {due}"
        branch = _branch(tree, title, "magenta")
        for step in found.steps:
            _branch(branch, self._words.step(step), "" if step.counted else "dim")


def _branch(tree: Tree | None, text: str, style: str = "") -> Tree:
    """Hang a line on a tree, or begin one."""
    label = Text(clean(text), style=style)
    return Tree(label, guide_style="dim") if tree is None else tree.add(label)
