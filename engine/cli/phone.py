"""`engine phone log`: a call registered by hand, guided by the scripts of the policy."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from engine.analysis.guides import ASKS, CALMING, INTAKE, PROMISE, about, document, find, spoken
from engine.cli import guide
from engine.cli.app import FINDINGS
from engine.cli.ingest import take_in, told
from engine.cli.output import say, say_json
from engine.cli.session import ACTOR, FORMAT, Session, options, read_text
from engine.core.fields import IMPACTS, NEEDS
from engine.core.scripts import GuideStep
from engine.errors import EngineError, NotFound, UsageError
from engine.runtime.engine import Engine

_CHOICES: Mapping[str, tuple[str, ...]] = {"kind": NEEDS, "impact": IMPACTS}
_NEEDED = ("phone", "text")


@click.group()
def group() -> None:
    """Register a phone call by hand."""


group.add_command(guide.command)


@group.command("log")
@options(ACTOR, FORMAT)
@click.option("--phone", help="The customer's number.")
@click.option("--name", help="The customer's name.")
@click.option("--kind", type=click.Choice(NEEDS), help="Kind of need. Default: by the rules of intake.yaml, from the text.")
@click.option("--text", help="What the matter is; `-` reads it from standard input. With it nothing is asked.")
@click.option("--background", help="Since when, who is affected, what was tried.")
@click.option("--wish", help="What the customer wants.")
@click.option("--expected-by", help="By when they expect it, in their words.")
@click.option("--impact", type=click.Choice(IMPACTS), help="How bad it is.")
@click.option("--language", help="The customer's language, such as zh or en. Default: by the text.")
@click.option("--direction", type=click.Choice(["inbound", "outbound"]), default="inbound", show_default=True, help="Who called whom.")
@click.option("--answered/--not-answered", default=True, show_default=True, help="Whether somebody spoke with them.")
@click.option("--talk-seconds", type=click.IntRange(0, 86_400), default=0, help="How long you talked.")
@click.option("--upset", is_flag=True, help="The customer is upset: show the calming script before the facts.")
@click.option("--channel", help="The channel of type phone_log to enter it on, where there are several.")
def log(session: Session, upset: bool, channel: str | None, **given: Any) -> int:
    """Register a call while you are on the phone: the scripts to read aloud, and the questions, one by one.

    With --text nothing is asked. The call goes through the same door as every other; at the end stands the promise to read aloud.
    """
    with session.engine() as engine:
        actor = session.actor(engine.world.team)
        name = _channel(engine, channel)
        lines = _Lines(engine, session, actor, quiet=session.json)
        call = {**given, "text": read_text(given["text"])} if given["text"] else lines.ask(given, upset)
        if given["text"] and upset:
            lines.read_aloud(CALMING)
        if not call["phone"]:
            raise UsageError("whose call was it? Give --phone")
        raw = json.dumps(document(call, actor, engine.clock.now().isoformat()), ensure_ascii=False).encode()
        led = take_in(engine, name, raw, "call.json")[0]
        promise = lines.promise(led.ticket) if led.result == "ticket" and led.ticket else ""
        tier = _tier(engine, session, led.ticket)
        if not session.json:
            say("  ".join(filter(None, [told(led), tier[1]])), "bold")
            if promise:
                say(f"「{promise}」", "cyan")
            lines.close()
    if session.json:
        say_json({"result": led.result, "ticket": led.ticket, "tier": tier[0], "promise": promise, "reason": led.reason})
    return 0 if led.result in ("ticket", "nothing", "waiting") else FINDINGS


def _channel(engine: Engine, wanted: str | None) -> str:
    """The channel that calls are entered on."""
    names = [one.name for one in engine.project.channels if one.type == "phone_log"]
    if wanted is not None and wanted not in names:
        raise NotFound(f"there is no channel {wanted!r} of type phone_log in engine.yaml; there are {', '.join(names) or 'none'}")
    if not names:
        raise NotFound("engine.yaml has no channel of type phone_log; add `phone_log: {transport: folder}` to its channels")
    return wanted or names[0]


def _tier(engine: Engine, session: Session, number: str | None) -> tuple[str | None, str]:
    with engine.store.read() as reader:
        ticket = reader.ticket(number) if number else None
    return (ticket.tier, session.words(engine.world.policy, engine.world.team).tier(ticket.tier)) if ticket else (None, "")


class _Lines:
    """What the agent reads aloud and is asked, in the language of the labels."""

    def __init__(self, engine: Engine, session: Session, actor: str, quiet: bool) -> None:
        self._engine = engine
        self._actor = actor
        self._quiet = quiet
        self._words = session.words(engine.world.policy, engine.world.team)
        self._customer = ""
        self._closing: tuple[GuideStep, ...] = ()

    def ask(self, given: Mapping[str, Any], upset: bool) -> dict[str, Any]:
        """Lead through the guide up to the promise, and return the answers; what an option gave is not asked."""
        answers = dict(given)
        steps = find(self._engine.world.policy, INTAKE).steps
        promise = next((place for place, step in enumerate(steps) if step.script == PROMISE), len(steps))
        self._closing = steps[promise + 1 :]
        for step in steps[:promise]:
            if step.script is not None and (not step.if_needed or upset or self._confirm(step.script)):
                self.read_aloud(step.script)
            for field, *labels in ASKS.get(step.ask or step.script or "", ()):
                if not answers.get(field):
                    answers[field] = self._question(field, labels[0 if self._words.language == "zh" else 1])
                self._customer = answers.get("name") or ""
        return answers | {"text": answers["text"] or ""}

    def close(self) -> None:
        """Show what is said after the promise."""
        for step in self._closing:
            if step.script is not None:
                self.read_aloud(step.script)

    def read_aloud(self, script: str) -> None:
        """Show a script to be read aloud."""
        text = self._render(script, {"customer": {"name": self._customer}})
        if text and not self._quiet:
            say(f"「{text}」", "cyan")

    def promise(self, number: str) -> str:
        """Return the promise for this ticket, to be read aloud."""
        known = about(self._engine, number, self._actor)
        return self._render(PROMISE, known, str(known["language"]))

    def _render(self, script: str, extra: Mapping[str, object], language: str | None = None) -> str:
        """Return a script's words; where one of them cannot be known before there is a ticket, say so instead."""
        now = self._engine.clock.now()
        try:
            return spoken(self._engine.world.policy, self._words, self._actor, now, script, extra, language)
        except EngineError as error:
            return f"({self._words.script(script)}: {error})"

    def _confirm(self, script: str) -> bool:
        return click.confirm(f"{self._words.script(script)}?", default=False)

    def _question(self, field: str, label: str) -> str | None:
        choices = _CHOICES.get(field)
        if choices is None:
            return prompt(label, needed=field in _NEEDED)
        for number, choice in enumerate(choices, 1):
            click.echo(f"  {number} {self._words.name(choice)}")
        return choose(choices, lambda: prompt(f"{label} 1-{len(choices)}", needed=False))


def prompt(label: str, *, needed: bool) -> str:
    """Ask for a line; an empty one is taken unless it is needed."""
    while not (said := str(click.prompt(label, default="", show_default=False)).strip()) and needed:
        click.echo("…")
    return said


def choose(choices: tuple[str, ...], ask: Callable[[], str]) -> str | None:
    """Return the choice that was named by number or word, None for an empty answer."""
    for said in _until_empty(ask):
        if said in choices:
            return said
        if said.isdecimal() and 1 <= int(said) <= len(choices):
            return choices[int(said) - 1]
        click.echo(", ".join(f"{number} {choice}" for number, choice in enumerate(choices, 1)))
    return None


def _until_empty(ask: Callable[[], str]) -> Iterator[str]:
    while said := ask():
        yield said
