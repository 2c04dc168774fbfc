"""Policies are edited while tickets flow in, three edits of ten broken: each decision is made by one whole policy that was in force."""

import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.channels import write_atomically
from engine.core.events import DeadlineStarted
from engine.store import Reader, StoredDecision, TicketQuery
from tests.acceptance import inputs
from tests.acceptance.desk import Daemon, Desk
from tests.support.counts import scaled
from tests.support.waiting import PATIENCE, wait_until

FULL, LEAST = 1_000, 40
BROKEN = 0.3
WAITING = 3
"""Mails that lie in the folder at once: the flow follows the daemon's pace, and never runs dry."""

LABEL = "{zh: 三级(一般), en: general}"
BUDGETS = "{response: 2h, next_response: 4h, plan: 24h, progress: 24h}"
BREAKS: list[Callable[[str, str], str]] = [
    lambda sla, mark: sla.replace("{response: 10m,", f"{{response: soon-{mark},"),
    lambda sla, mark: sla.replace("{field: ticket.kind, in: [complaint,", f"{{field: ticket.kind, in: [kind-{mark},"),
    lambda sla, mark: sla.replace("warn_script: deadline_warning", f"warn_script: script_{mark}", 1),
    lambda sla, mark: sla.replace("warn_to: [assignee]", f"warn_to: [agent-{mark}]", 1),  # sound by itself, but there is no such person
    lambda sla, mark: f"{sla}\nbroken_{mark}: [}}\n",
    lambda sla, mark: f"{sla}\n{mark}: 1\n{mark}: 2\n",
    lambda sla, mark: sla.replace("conditions:", f"conditions:\n  c: *alias_{mark}", 1),
]
"""Ways to break the tiers' file; the mark shows in what is said about it."""


@dataclass
class Log:
    """What the daemon logs, read on from where it was left."""

    path: Path
    daemon: Daemon
    read: int = 0
    rest: list[dict[str, Any]] = field(default_factory=list)

    def until(self, message: str, about: str = "") -> dict[str, Any]:
        """Wait for a line with this message in which `about` stands; no line before it may tell of a fault."""

        def found() -> dict[str, Any] | None:
            assert self.daemon.process.poll() is None, self.path.read_text(encoding="utf-8")[-5_000:]
            self._read_on()
            while self.rest:
                line = self.rest.pop(0)
                assert line["message"] not in ("fault", "cannot work", "not handled", "alarm"), line
                if line["message"] == message and about in str(line):
                    return line
            return None

        line: dict[str, Any] = wait_until(found, f"{message!r} in the log", PATIENCE)
        return line

    def _read_on(self) -> None:
        with self.path.open("rb") as stream:
            stream.seek(self.read)
            complete, newline, _ = stream.read().rpartition(b"\n")
        self.read += len(complete) + len(newline)
        self.rest += [json.loads(line) for line in complete.splitlines()]


@dataclass
class Flow:
    """Mails that never stop coming, in a thread."""

    desk: Desk
    over: threading.Event = field(default_factory=threading.Event)
    dropped: int = 0

    def __enter__(self) -> "Flow":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        folder = self.desk.root / "var" / "in" / "email"
        while not self.over.wait(0.05):
            if len(list(folder.iterdir())) < WAITING:
                self.dropped += 1
                self.desk.drop("email", f"{self.dropped}.eml", inputs.mail(self.dropped, "请问几点开门"))


class Editor:
    """Somebody who edits `sla.yaml`, in an editor that replaces files or in one that writes them in two steps."""

    def __init__(self, desk: Desk, chance: random.Random) -> None:
        self._path = desk.root / "policies" / "sla.yaml"
        self._first = self._path.read_text(encoding="utf-8")
        self._chance = chance
        self._newest = self._first
        self.versions: dict[str, int] = {self._first: 0}

    def sound(self, number: int) -> str:
        """Save version `number`, which shows in a text and in two budgets."""
        text = self._first.replace(LABEL, f"{{zh: 版本{number}号, en: version {number}}}")
        text = text.replace(BUDGETS, f"{{response: {600 + number}m, plan: {3600 + number}m, progress: 24h}}")
        self.versions[text], self._newest = number, text
        self._save(text)
        return text

    def broken(self, number: int) -> str:
        """Save what cannot be used; return the mark that must show in what is said about it."""
        mark = f"x{number}x"
        text = self._chance.choice(BREAKS)(self._newest, mark)
        assert mark in text
        self._save(text)
        return mark

    def _save(self, text: str) -> None:
        if self._chance.random() < 0.5:
            write_atomically(self._path, text.encode())
            return
        half = text.index("tiers:") + 40  # no tier is whole yet, so that this is never a policy
        with self._path.open("w", encoding="utf-8") as stream:
            stream.write(text[:half])
            stream.flush()
            stream.write(text[half:])


@dataclass(frozen=True)
class Made:
    """One decision as it was kept, with the version by which it was made and those that show in what it led to."""

    decision: StoredDecision
    version: int
    shows: frozenset[int]


def decisions(reader: Reader, versions: dict[str, int]) -> Iterator[Made]:
    """Every decision about a ticket; fails where its policy was not kept, or is none that somebody saved whole."""
    numbers = {row.digest: versions[(reader.policy_files(row.digest) or {})["sla.yaml"]] for row in reader.policies()}
    for ticket in reader.tickets(TicketQuery(limit=1_000_000)):
        events = reader.events(ticket.number)
        texts = reader.contents(row.content_id for row in reader.messages(ticket=ticket.number, limit=100) if row.party == "customer")
        for decision in reader.decisions(ticket.number):
            started = [one.event for one in events if one.decision_id == decision.id and isinstance(one.event, DeadlineStarted)]
            bases = {"response": 600, "plan": 3600}
            shows = {_minutes(event.budget) - bases[event.id] for event in started if event.id in bases}
            if decision.first_seq == 1:
                shows |= {int(number) for text in texts.values() for number in re.findall(r"版本(\d+)号", text)}
            yield Made(decision, numbers[decision.policy_digest], frozenset(shows))


def _minutes(budget: timedelta | None) -> int:
    assert budget is not None
    return budget // timedelta(minutes=1)


@pytest.fixture
def edited(desk: Desk) -> Desk:
    desk.configure(operations={"alarm_to": "ops@example.test"})
    # Tickets that nobody may hold are offered anew every five minutes: that work would grow without end and hide what is tested here.
    desk.edit("routing.yaml", (r"capacity: 20\b", "capacity: 100000"))
    return desk


def test_each_decision_is_made_by_one_whole_policy_that_was_in_force(edited: Desk, seed: int) -> None:
    desk, chance = edited, random.Random(seed)
    editor, marks = Editor(desk, chance), []
    editor.sound(0)
    edits = scaled(FULL, least=LEAST)
    broken = set(chance.sample(range(1, edits), round(edits * BROKEN)))
    with desk.running() as daemon, Flow(desk) as flow:
        log = Log(daemon.log, daemon)
        log.until("decision")
        for number in range(1, edits + 1):
            if number in broken:
                mark = editor.broken(number)
                log.until("policies refused: the ones in force stay", mark)
                marks.append(mark)
            else:
                editor.sound(number)
                now = log.until("policies reloaded")["policy"]
                log.until("decision", now)
        flow.over.set()
        wait_until(lambda: not list((desk.root / "var" / "in" / "email").iterdir()), "the folder to be empty", PATIENCE)
        wait_until(lambda: not desk.look(lambda reader: reader.inbox("pending", 1)), "the inbox to be worked", PATIENCE)
        active = desk.look(lambda reader: reader.policy_files(reader.active_policy() or "") or {})["sla.yaml"]
    assert editor.versions[active] == max(editor.versions.values())
    desk.sound()
    with desk.reader() as reader:
        made = sorted(decisions(reader, editor.versions), key=lambda one: one.decision.id)
        came = {row.digest: row.at for row in reader.activations()}
        alarms = [row for row in reader.messages(limit=100_000) if row.party == "operations"]
        told = " ".join(reader.contents(row.content_id for row in alarms).values())
        opened = len(reader.tickets(TicketQuery(limit=1_000_000)))
    assert opened == flow.dropped
    assert [one for one in made if one.shows - {one.version}] == []
    assert sum(len(one.shows) == 1 for one in made) >= opened
    assert {one.version for one in made} == set(editor.versions.values())
    assert [one.version for one in made] == sorted(one.version for one in made)
    assert [one for one in made if one.decision.at < came[one.decision.policy_digest]] == []
    assert [mark for mark in marks if mark not in told] == []
    assert {row.address for row in alarms} == {"ops@example.test"}
