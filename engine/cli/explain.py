"""`engine explain`: why a ticket went the way it did."""

from typing import TYPE_CHECKING

import click

from engine.cli.session import FORMAT, Session, options

if TYPE_CHECKING:
    from engine.cli.words import Words
    from engine.whatif.explain import Explained, Looked, Why

_MARKS = {True: ("✓", "green"), False: ("✗", ""), None: ("?", "yellow")}


@click.command()
@options(FORMAT)
@click.argument("number", metavar="TICKET")
def command(session: Session, number: str) -> None:
    """Say why TICKET went the way it did: each decision with its time, what came, the rule and its file and line, and what it looked at.

    ✓ a condition held, ✗ it did not, ? there was no value to ask. What customers wrote and who they are is not shown.
    """
    from engine.cli.output import say_json
    from engine.whatif.explain import explain

    with session.desk() as desk:
        with desk.store.read() as reader:
            decisions = explain(reader, number)
        words = desk.words
    if session.json:
        say_json([_plain(one) for one in decisions])
        return
    for one in decisions:
        _print(one, words)


def _plain(one: "Explained") -> dict[str, object]:
    return {
        "at": one.at,
        "signal": one.signal,
        "came": one.came,
        "why": one.why,
        "events": [{"event": event.name, "what": event} for event in one.events],
        "refused": one.refused,
        "policy": one.policy,
    }


def _print(one: "Explained", words: "Words") -> None:
    from engine.cli.output import say

    came = ", ".join(f"{name} {value}" for name, value in one.came.items() if isinstance(value, str | int | bool))
    say(f"{words.clock(one.at, seconds=True)}  {one.signal.replace('_', ' ')}{f': {came}' if came else ''}   [{one.policy[:12]}]", "bold")
    if one.refused is not None:
        say(f"  ✗ {one.refused}", "red")
    for why in one.why:
        _print_why(why)
    for event in one.events:
        say(f"  · {words.event(event)}", "dim")


def _print_why(why: "Why") -> None:
    from engine.cli.output import say

    values = "".join(f"  {name} = {value}" for name, value in why.values.items())
    place = f"  ({why.where})" if why.where else ""
    say(f"  → {why.decided}   {why.rule}{place}{values}", "cyan")
    for rule, looked in why.asked:
        say(f"      {rule}:")
        _print_looked(looked, 8)


def _print_looked(looked: "Looked", indent: int) -> None:
    from engine.cli.output import say

    mark, style = _MARKS[looked.result]
    met = f"  = {looked.actual}" if looked.actual is not None else ""
    say(f"{' ' * indent}{mark} {looked.what}{met}  ({looked.where})", style)
    for part in looked.parts:
        _print_looked(part, indent + 2)
