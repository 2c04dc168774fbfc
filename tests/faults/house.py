"""A house with promises of seconds, fed while faults befall its `engine run`, and the account of what became of all that came in."""

import itertools
import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from engine.core.lifecycle import evolve
from engine.store import Reader, Store, TicketQuery, open_store
from tests.acceptance import inputs
from tests.acceptance.desk import Desk
from tests.acceptance.mail import letter
from tests.faults.failpoints import VARIABLE
from tests.faults.processes import Forked
from tests.real.webhook_receivers import Receiver
from tests.support.waiting import wait_until

POLICIES = Path(__file__).with_name("policies")
CHANNELS = ("email", "phone_log", "sms")
SETTLED = {"done", "sent"}
EACH = Counter(promise=1, assignment=1)
"""What is said about every ticket, by its script; besides come warnings, breaches, and what rules tell the CRM."""
DELIVERY = {"attempts": 50, "backoff": "1s", "longest": "2s", "deadline": "2s"}
ALL = 1_000_000


class House(Desk):
    """One project of the fault house. What goes out ends in its folders, and at the CRM."""

    def __init__(self, command: Path, root: Path, crm: Receiver, database: str = "") -> None:
        super().__init__(command, root)
        shutil.rmtree(root / "policies")
        shutil.copytree(POLICIES, root / "policies")
        endpoint = {"url": crm.url(f"/{root.name}"), "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
        channels: dict[str, Any] = {"email": {}, "sms": {}, "phone_log": {}, "webhook": {"endpoints": {"crm": endpoint}}}
        self.configure(outbound="live", channels=channels, delivery=DELIVERY, jobs={})
        self.crm = crm
        self._logs = itertools.count(1)
        if database:
            self.keep_on(database)

    def fork(self, failpoint: str = "") -> Forked:
        """Start `engine run`; it may die at any moment."""
        log = self.root / f"fault-{next(self._logs)}.log"
        return Forked(self.root, log, {VARIABLE: failpoint} if failpoint else {})

    @property
    def file(self) -> Path:
        """Where the SQLite database lies."""
        return Path(self.database.removeprefix("sqlite:///")) if self.database.startswith("sqlite:////") else self.root / "var/engine.db"

    @contextmanager
    def remains(self) -> Iterator[Reader]:
        """What a dead process left in the database. SQLite's is read from a copy, so that the next process recovers it by itself."""
        with TemporaryDirectory() as directory:
            url, copy = self.database, Path(directory, "engine.db")
            if url.startswith("sqlite:"):
                url = f"sqlite:///{copy}"
                for suffix in ("", "-wal"):
                    with suppress(FileNotFoundError):
                        shutil.copyfile(f"{self.file}{suffix}", f"{copy}{suffix}")
            store: Store = open_store(url, self.root)
            try:
                with store.read() as reader:
                    yield reader
            finally:
                store.close()


class Feed:
    """Mails, calls and text messages that never stop coming, one after the other and to one house after the other, while fewer than
    `waiting` lie there, so that the flow follows the pace of whoever takes in.
    """

    def __init__(self, *houses: House, pause: float = 0.05, waiting: int = 3) -> None:
        self.houses = houses
        self.count = 0
        self._pause, self._waiting = pause, waiting
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Let no more come."""
        self._over.set()
        self._thread.join()

    def drop(self) -> None:
        """Let one come in."""
        number = self.count + 1
        house, channel = self.houses[number % len(self.houses)], channel_of(number)
        if channel == "email":
            mail = letter(f"c{number}@customer.example", "support@example.test", f"Question {number}", "Where is it?")
            mail.replace_header("Message-ID", source(number))
            house.drop(channel, f"{number:06}.eml", mail.as_bytes(policy=policy.SMTP))
        else:
            house.drop(channel, f"{number:06}.json", inputs.call(number) if channel == "phone_log" else inputs.text_message(number))
        self.count = number

    def lying(self) -> set[int]:
        """What has not been taken yet."""
        found = (path for house in self.houses for channel in CHANNELS for path in (house.root / "var/in" / channel).iterdir())
        return {int(path.stem) for path in found if not path.name.startswith(".")}

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            if len(self.lying()) < self._waiting:
                self.drop()


def channel_of(number: int) -> str:
    """Where an input comes in."""
    return CHANNELS[number % len(CHANNELS)]


def source(number: int) -> str:
    """What its channel calls an input."""
    return {"email": f"<{number}@customer.example>", "phone_log": f"p{number}", "sms": f"s{number}"}[channel_of(number)]


def check_kept(reader: Reader, feed: Feed, count: int, *, whole: bool = True) -> None:
    """What was acknowledged of the first `count` is in the database, once, and the database is sound. Nobody takes in meanwhile."""
    gone = set(range(1, count + 1)) - feed.lying()
    rows = Counter((row.channel, row.source_id) for row in reader.inbox(None, ALL))
    lost = [number for number in gone if rows[channel_of(number), source(number)] != 1]
    assert lost == [], f"acknowledged and not kept once: {lost}"
    assert not whole or reader.integrity(evolve) == []


def settled(reader: Reader, count: int) -> bool:
    """Whether all that came in was handled, all promises have been missed, and all that was to be said was."""
    counts = Counter(reader.inbox_counts()) + Counter(reader.message_counts())
    return counts.keys() <= SETTLED and counts["done"] == count and reader.next_timer() is None


def drain(feed: Feed, patience: float = 120.0, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Wait until everything that was fed has had its consequences, as long as there is less and less to do. Somebody works meanwhile, and
    is looked after at every look.
    """
    house = feed.houses[0]
    store = open_store(house.database, house.root)

    def look() -> bool:
        meanwhile()
        with store.read() as reader:
            return not feed.lying() and settled(reader, feed.count)

    def left() -> int:
        with store.read() as reader:
            counts = Counter(reader.inbox_counts()) + Counter(reader.message_counts())
        return len(feed.lying()) + sum(count for state, count in counts.items() if state not in SETTLED)

    def what() -> str:
        with store.read() as reader:
            errors = {row.error for row in reader.messages(state="queued")} | {row.error for row in reader.inbox("pending", 99)}
            waits = f"{reader.inbox_counts()} {reader.message_counts()} next timer {reader.next_timer()} {errors}"
        return f"{feed.count} inputs to settle: {len(feed.lying())} files, {waits}"

    try:
        wait_until(look, what, patience, left=left)
    finally:
        store.close()


def check_account(feed: Feed, crashes: int, *, alone: bool = True) -> dict[str, int]:
    """Everything that came in led to one ticket, all was said once, no clock rang twice or early; return the figures.

    Each crash may have cost a carrier without idempotency keys one more copy. Where nobody worked `alone`, numbers may be left out.
    """
    house = feed.houses[0]
    with house.reader() as reader:
        assert reader.integrity(evolve, datetime.now(UTC)) == []
        rows = reader.inbox(None, ALL)
        expected = Counter((channel_of(number), source(number)) for number in range(1, feed.count + 1))
        assert Counter((row.channel, row.source_id) for row in rows) == expected
        opened = [row.ticket for row in rows]
        tickets = reader.tickets(TicketQuery(limit=ALL))
        assert sorted(filter(None, opened)) == sorted(ticket.number for ticket in tickets)
        assert len({ticket.number for ticket in tickets}) == len(tickets)
        if alone:
            check_numbers([ticket.number for ticket in tickets])
        for ticket in tickets:
            check_ticket(reader, ticket.number)
        decisions = sum(len(reader.decisions(ticket.number)) for ticket in tickets)
        messages = [row.digest or row.id for row in reader.messages(limit=ALL)]
    extra = [check_copies(carrier, copies, crashes) for carrier, copies in carried(feed.houses, messages).items()]
    return {"inputs": len(rows), "decisions": decisions, "messages": len(messages), "copies_too_many": sum(extra)}


def check_numbers(numbers: list[str]) -> None:
    """No number of a day is left out or given twice."""
    for _, of_day in itertools.groupby(sorted(numbers), lambda number: number[:8]):
        given = [int(number[8:]) for number in of_day]
        assert given == list(range(1, len(given) + 1))


def check_ticket(reader: Reader, number: str) -> None:
    """One ticket had each of its consequences once, and none before its time."""
    log: list[tuple[Any, datetime]] = [(entry.event, entry.at) for entry in reader.events(number)]
    happened = Counter((event.name, getattr(event, "id", "")) for event, _ in log if event.name.startswith("deadline_"))
    assert set(happened.values()) == {1}, (number, happened)
    started = {event.id: event.due for event, _ in log if event.name == "deadline_started"}
    ended = {id for name, id in happened if name in ("deadline_stopped", "deadline_breached")}
    assert started.keys() == {"response", "plan"} == ended, number
    assert all(at >= started[event.id] for event, at in log if event.name == "deadline_breached"), number
    notices = Counter(name.removeprefix("deadline_") for name, _ in happened)
    rules = Counter(event.rule for event, _ in log if event.name == "rule_applied")
    assert rules["tell-the-crm"] == max(rules.values()) == 1, number
    said = EACH + Counter(warning=notices["warned"], breach=notices["breached"], crm=rules.total())
    assert Counter(row.script for row in reader.messages(ticket=number, limit=ALL)) == said, number


def carried(houses: tuple[House, ...], messages: list[str]) -> dict[str, Counter[str]]:
    """How often each carrier was given each message; a folder takes a message of one name once."""
    mails = [message_from_bytes(path.read_bytes()) for house in houses for path in (house.root / "var/out/email").glob("*.eml")]
    texts = [json.loads(path.read_text(encoding="utf-8"))["id"] for house in houses for path in (house.root / "var/out/sms").glob("*.json")]
    hooks = {f"/{house.root.name}" for house in houses}
    posted = [posted.headers["Idempotency-Key"] for posted in houses[0].crm.posted if posted.path in hooks]
    found = {"folders": Counter([*texts, *(mail["X-Closedloop-Message"] for mail in mails)]), "crm": Counter(posted)}
    assert set().union(*found.values()) == set(messages), "what was decided to be said is what was said"
    return found


def check_copies(carrier: str, copies: Counter[str], crashes: int) -> int:
    """Return how many copies there were too many: at most one a crash, and none where the carrier knows repeats."""
    extra = copies.total() - len(copies)
    assert extra <= crashes, f"{carrier}: {extra} copies too many after {crashes} crashes: {copies.most_common(5)}"
    return extra
