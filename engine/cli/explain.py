"""`engine explain`: why a ticket went the way it did, and what happens next."""

import shutil
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from engine.cli.session import FORMAT, Session, options

if TYPE_CHECKING:
    from rich.tree import Tree

    from engine.cli.words import Words
    from engine.core.arithmetic import Arithmetic, Step
    from engine.store import TimerRow
    from engine.whatif.explain import Explained, Looked, Why

_MARKS = {"true": ("✓", "green"), "false": ("✗", "red"), "missing": ("?", "yellow"), "not_reached": ("○", "dim")}
_MOST_STEPS = 12
"""Lines that the arithmetic of one deadline may take, unless all is asked for."""
_MOST_ITEMS = 4
"""Items of a list that are shown, unless all is asked for."""


@click.command()
@options(FORMAT)
@click.option("--decision", type=click.IntRange(min=1), metavar="N", help="Only the N-th decision.")
@click.option("--full", is_flag=True, help="Whole trees: also what did not decide, what was not reached, and every step of a deadline.")
@click.argument("number", metavar="TICKET")
def command(session: Session, decision: int | None, full: bool, number: str) -> None:
    """Say why TICKET went the way it did: each decision with its time, what came, the rule and its file and line, and what it looked at;
    how each deadline was reckoned; and what happens next.

    ✓ a condition held, ✗ it did not, ? there was no value to ask, ○ not reached. What customers wrote and who they are is not shown.
    """
    from engine.cli.output import say_json
    from engine.errors import UsageError
    from engine.whatif.explain import explain, kept_policies, upcoming

    with session.desk() as desk:
        with desk.store.read() as reader:
            policy_of = kept_policies(reader, desk.policy)
            decisions = explain(reader, number, policy_of, most=0 if full or session.json else _MOST_STEPS)
            timers = upcoming(reader, number)
        words = desk.words
    if decision is not None and decision > len(decisions):
        raise UsageError(f"the decisions about ticket {number} are 1 to {len(decisions)}; there is no decision {decision}")
    chosen = [(place, one) for place, one in enumerate(decisions, 1) if decision in (None, place)]
    if session.json:
        say_json({"ticket": number, "decisions": [_plain(*one) for one in chosen], "next": [_timer(timer, words) for timer in timers]})
        return
    for place, one in chosen:
        _print(_Page(words, full).decision(place, one))
    if decision is None:
        _print(_Page(words, full).upcoming(timers))


def _plain(place: int, one: "Explained") -> dict[str, object]:
    return {
        "decision": place,
        "at": one.at,
        "signal": one.signal,
        "came": one.came,
        "why": one.why,
        "events": [{"event": event.name, "what": event} for event in one.events],
        "clocks": [{"clock": id, "arithmetic": arithmetic} for id, arithmetic in one.clocks],
        "refused": one.refused,
        "policy": one.policy,
    }


def _timer(timer: "TimerRow", words: "Words") -> dict[str, object]:
    return {"at": timer.due, "timer": timer.key, "what": _expected(timer.key, words), "dead": timer.dead, "error": timer.error}


def _expected(key: str, words: "Words") -> str:
    """What a timer will do, in words."""
    first, *rest = key.split("/")
    if first == "deadline" and len(rest) > 1:
        name, values = f"timer.{rest[1]}", (words.deadline(rest[0]), *rest[2:], "", "")
    else:
        name, values = ".".join(["timer", first, *rest[:1]]), ()
    said = words.name(name, *values)
    return key if said == name else said


def _print(tree: "Tree") -> None:
    """Print a tree as wide as the terminal, 80 columns where there is none."""
    from rich.console import Console

    console = Console(width=shutil.get_terminal_size().columns, highlight=False, markup=False, force_terminal=sys.stdout.isatty())
    with console.capture() as capture:
        console.print(tree)
    click.echo("\n".join(line.rstrip() for line in capture.get().split("\n")), nl=False)


class _Page:
    """Draws decisions in one language, compactly or in full."""

    def __init__(self, words: "Words", full: bool) -> None:
        self._words, self._full = words, full

    def decision(self, place: int, one: "Explained") -> "Tree":
        """Draw one decision: what came, why, what happened, how the deadlines were reckoned."""
        came = ", ".join(f"{name} {value}" for name, value in one.came.items() if value and isinstance(value, str | int))
        title = f"{place}. {self._words.clock(one.at, seconds=True)}  {one.signal.replace('_', ' ')}{f': {came}' if came else ''}"
        tree = _branch(None, f"{title}   [{one.policy[:12]}]", "bold")
        if one.refused is not None:
            _branch(tree, f"✗ {one.refused}", "red")
        for why in one.why:
            self._why(tree, why)
        for event in one.events:
            _branch(tree, f"· {self._words.event(event)}", "yellow" if event.name == "message_suppressed" else "dim")
        for id, arithmetic in one.clocks:
            self._clock(tree, id, arithmetic)
        return tree

    def upcoming(self, timers: "list[TimerRow]") -> "Tree":
        """Draw what happens by itself from now on."""
        tree = _branch(None, self._words.name("next"), "bold")
        for timer in timers:
            dead = f"  ✗ {self._words.name('dead')}: {timer.error or ''}" if timer.dead else ""
            at = self._words.clock(timer.due, seconds=True)
            _branch(tree, f"{at}  {_expected(timer.key, self._words)}{dead}", "red" if dead else "")
        if not timers:
            _branch(tree, self._words.name("nothing_next"), "dim")
        return tree

    def _why(self, tree: "Tree", why: "Why") -> None:
        values = "".join(f"  {name} = {value}" for name, value in why.values.items())
        branch = _branch(tree, f"→ {why.decided}   {why.rule}{f'  ({why.where})' if why.where else ''}{values}", "cyan")
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

    def _looked(self, tree: "Tree", looked: "Looked") -> None:
        from engine.whatif.explain import decisive

        self._node(tree, looked if self._full else decisive(looked))

    def _node(self, tree: "Tree", looked: "Looked") -> None:
        mark, style = _MARKS[looked.result]
        what = " ".join(filter(None, (looked.field, looked.operator, self._short(looked.expected))))
        branch = _branch(tree, f"{mark} {what}{self._met(looked)}  ({looked.file}:{looked.line})", style)
        for part in looked.parts:
            self._node(branch, part)

    def _met(self, looked: "Looked") -> str:
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

    def _clock(self, tree: "Tree", id: str, found: "Arithmetic") -> None:
        clock = self._words.clock
        due = clock(found.due, seconds=True) or self._words.name("unknown")
        start = clock(found.start, seconds=True)
        title = f"⏱ {self._words.deadline(id)}: {start} + {length(found.budget)} ({found.calendar}) = {due}"
        branch = _branch(tree, title, "magenta")
        for step in found.steps:
            _branch(branch, step_line(self._words, step), "" if step.counted else "dim")


def step_line(words: "Words", step: "Step") -> str:
    """One line of the arithmetic: from, to, how much it counted, why."""
    start, end = words.clock(step.start, seconds=True), words.clock(step.end, seconds=True)
    until = (end[11:] if end[:10] == start[:10] else end) or "…"
    more = f"  ({words.name('steps', str(step.steps))})" if step.steps > 1 else ""
    shift = f"  {words.name('shift', length(step.shift))}" if step.shift else ""
    return f"{start} – {until}  +{length(step.counted)}  {words.name(f'step.{step.why}')}{more}{shift}"


def _branch(tree: "Tree | None", text: str, style: str = "") -> "Tree":
    """Hang a line on a tree, or begin one."""
    from rich.text import Text
    from rich.tree import Tree

    from engine.cli.output import clean

    label = Text(clean(text), style=style)
    return Tree(label, guide_style="dim") if tree is None else tree.add(label)


def length(span: timedelta) -> str:
    """A duration as policies write it: `1d 4h`, `30m`, `0s`."""
    seconds = abs(span) // timedelta(seconds=1)
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return ("-" if span < timedelta(0) else "") + (" ".join(f"{count}{unit}" for count, unit in parts if count) or "0s")
