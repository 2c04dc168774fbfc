"""What an agent is led through on the phone, as `engine phone log` shows it."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import click
from click.testing import CliRunner

from engine.analysis.guides import document
from engine.channels import Channel, ChannelContext
from engine.channels.manager import ChannelTypes
from engine.cli import guide, phone
from engine.cli.session import Desk, Session
from engine.cli.status import survey
from engine.core.signals import AgentActed, MessageArrived, TimerFired
from engine.errors import EngineError
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine
from engine.runtime.followups import reveal
from engine.runtime.gather import Origin, World
from engine.runtime.project import load_project
from engine.runtime.tokens import Tokens
from engine.store import open_store
from tests.policy_figures.house import CHANNELS, MAIL, MORNING, SENDERS, Drawn, told
from tests.policy_figures.lab import Lab, probe

NAME = "phone_log"


class Prepared(Session, frozen=True):
    """A session whose engine is open already."""

    opened: Engine | None = None

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        assert self.opened is not None
        yield self.opened

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        with self.engine() as engine:
            policy, team = engine.world.policy, engine.world.team
            words = self.words(policy, team)
            yield Desk(engine.project, engine.store, policy, team, words, engine.clock.now())


@contextmanager
def opened(lab: Lab) -> Iterator[Engine]:
    """An engine on a store of its own, with the channel that calls are entered on."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "engine.yaml").write_text("version: 1\nchannels: {phone_log: {transport: folder}}\n", encoding="utf-8")
        clock = VirtualClock(MORNING)
        context = ChannelContext(NAME, root, root, root, lab.policy.company.timezone, clock.now)
        channel: Channel = plugins().build(NAME, NAME, {"transport": "folder"}, context)
        store = open_store("sqlite://:memory:")
        world = World(lab.policy, lab.team, CHANNELS, SENDERS, Drawn(0.5))
        tokens = Tokens(b"key", lab.team.agents)
        yield Engine(load_project(root), store, world, clock, tokens, {}, {NAME: channel}, {})
        store.close()


@cache
def plugins() -> ChannelTypes:
    return ChannelTypes.discover()


def shown(engine: Engine, verb: click.Command, labels: str, answer: str, **given: object) -> list[str]:
    """What a verb shows on the screen while its every question gets the same answer."""
    session = Prepared(engine.project.root, labels, wanted_actor="zhao", opened=engine)
    work = verb.callback.__wrapped__  # type: ignore[union-attr]  # the options' decorator keeps the verb it wraps
    entered = click.Command("verb", callback=lambda: work(session, **given))
    result = CliRunner().invoke(entered, input=f"{answer}\n" * 30)
    return [*result.output.splitlines(), str(result.exception)]


def logged(engine: Engine, labels: str, answer: str, **given: object) -> list[str]:
    """What stands on the screen while a call is entered."""
    words = ("phone", "name", "kind", "text", "background", "wish", "expected_by", "impact", "language")
    settings = {"direction": "inbound", "answered": True, "talk_seconds": 0, "channel": None, "upset": False}
    return shown(engine, phone.log, labels, answer, **dict.fromkeys(words) | settings | given)


@probe(r"scripts\.yaml:guides\.phone_intake|scripts\.yaml:scripts\.(\w+)\.(label|zh|en|audience)|company\.yaml")
def a_call_entered_by_hand(lab: Lab) -> Iterator[str]:
    with opened(lab) as engine:
        for labels, words in (("zh", "打印机坏了"), ("en", "the printer is broken")):
            yield from logged(engine, labels, "1", upset=True, language=labels)
            yield from logged(engine, labels, "n", kind="inquiry", impact="none", language=labels)
            yield from logged(engine, labels, "y", kind="inquiry", impact="none", language=labels)
            yield from logged(engine, labels, "", text=words, phone="13900000001", upset=True, language=labels)


@probe(r"scripts\.yaml:(guides|scripts\.\w+\.(label|zh|en|audience))|company\.yaml")
def guides_to_read(lab: Lab) -> Iterator[str]:
    with opened(lab) as engine:
        for labels in ("zh", "en"):
            yield from shown(engine, guide.command, labels, "", name=None)
            for name in lab.policy.guides:
                yield from shown(engine, guide.command, labels, "", name=name)


@probe(r"team\.yaml:agents\.\w+\.roles|survey\.yaml")
def follow_ups_looked_at(lab: Lab) -> Iterator[str]:
    """Who may see whom a follow-up is about."""
    with opened(lab) as engine:
        number = engine.handle(MessageArrived(None, "email", "你好"), Origin("email", MAIL, "陈先生")).ticket or ""
        for signal in (
            AgentActed(number, "resolve", "zhao", "九点到六点"),
            MessageArrived(number, "email", "Y", trusted=True),
            TimerFired(number, "survey/send", MORNING),
            MessageArrived(number, "email", "2 5 5", trusted=True),
        ):
            raised = engine.handle(signal).handled
        for agent in lab.team.agents:
            try:
                view = reveal(engine, raised[-1].number or "", agent)
                yield f"{agent}: {view.ticket} {view.contact}"
            except EngineError as error:
                yield f"{agent}: {error}"


@probe(r"calendars/")
def holidays_in_the_status(lab: Lab) -> Iterator[str]:
    with opened(lab) as engine, Prepared(engine.project.root, "en", opened=engine).desk() as desk:
        yield from map(str, survey(desk)["holidays"])


@probe(r"team\.yaml:.*\.(phone|name)")
def calls_that_name_the_agent(lab: Lab) -> Iterator[str]:
    """Whose calls they are taken for, when the exchange names agents by number or by name."""
    with opened(lab) as engine:
        log: list[str] = []
        engine.listeners.append(lambda one: log.extend(told(one.at, one.decision)))
        for said in lab.words(r"team\.yaml:agents\.\w+\.(phone|name)"):
            call = {"phone": "13900000001", "text": "你好", "direction": "inbound", "answered": True, "talk_seconds": 5}
            raw = json.dumps(document(call, said, MORNING.isoformat())).encode()
            engine.ingest(NAME, raw, "call.json")
            engine.work_inbox()
    yield from log
