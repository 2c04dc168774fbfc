"""Nothing is lost and nothing happens twice, whatever becomes of the process; and nothing goes out that the settings hold back."""

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from engine.store import InboxRow, OutboxRow, Reader, TicketQuery
from tests.acceptance import inputs
from tests.acceptance.desk import Daemon, Desk
from tests.real.sms_servers import SmsCentre
from tests.support.counts import scaled
from tests.support.ports import LOOPBACK
from tests.support.waiting import wait_until

CHANNELS = ("email", "sms", "phone_log")
HOUSE = "10690001"


def inbox(desk: Desk) -> list[InboxRow]:
    rows: list[InboxRow] = desk.look(lambda reader: reader.inbox(None, 100_000))
    return rows


def outbox(desk: Desk) -> list[OutboxRow]:
    rows: list[OutboxRow] = desk.look(lambda reader: reader.messages(limit=100_000))
    return rows


def tickets(desk: Desk) -> list[Any]:
    found: list[Any] = desk.look(lambda reader: reader.tickets(TicketQuery(limit=100_000)))
    return sorted(found, key=lambda ticket: ticket.number)


def waiting(desk: Desk) -> list[Path]:
    """The files that were dropped and not yet taken."""
    return [path for channel in CHANNELS for path in (desk.root / "var" / "in" / channel).iterdir()]


def settled(desk: Desk, count: int) -> bool:
    """Whether `count` inputs came in and were handled, and everything that may go out has left."""

    def rest(reader: Reader) -> bool:
        left = reader.message_counts().keys() - {"sent", "delivered", "held"}
        came = reader.inbox_counts()
        return not left and came.get("done", 0) >= count and not [row for row in reader.inbox("pending", 1000) if not is_late(row)]

    return not waiting(desk) and bool(desk.look(rest))


def is_receipt(row: InboxRow) -> bool:
    return bool(json.loads(row.item_json)["kind"] == "receipt")


def is_late(row: InboxRow) -> bool:
    """Whether it is a receipt for a copy whose sending a killed process could not write down."""
    return is_receipt(row) and "no message is known" in (row.error or "")


def wait_until_settled(desk: Desk, count: int) -> None:
    def what() -> str:
        came = Counter((row.channel, row.state, row.error) for row in inbox(desk))
        return f"{count} inputs settled: {len(waiting(desk))} files, {came}, {Counter(row.state for row in outbox(desk))}"

    wait_until(lambda: settled(desk, count), what, patience=120)


# --- (a) on the disk before it is acknowledged ------------------------------------------------------------------------------------------

TRACED = "trace=pwrite64,fdatasync,fsync,rename,renameat,renameat2,unlink,unlinkat"
CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")


def traced(logs: Iterator[Path]) -> Iterator[list[tuple[str, str]]]:
    """The successful calls of each thread in order, as (name, arguments)."""
    for log in logs:
        found = [CALL.match(line) for line in log.read_text(errors="replace").splitlines()]
        yield [(call["name"], call["arguments"]) for call in found if call and int(call["result"]) >= 0]


def positions(calls: list[tuple[str, str]], names: tuple[str, ...], part: str) -> list[int]:
    return [place for place, (name, arguments) in enumerate(calls) if name in names and part in arguments]


@pytest.mark.real("strace")
def test_a_dropped_file_goes_only_when_what_it_held_is_on_the_disk(desk: Desk, tmp_path: Path) -> None:
    dropped = {
        "email": ("good.eml", inputs.mail(1)),
        "sms": ("good.json", inputs.text_message(2)),
        "phone_log": ("good-call.json", inputs.call(3)),
    }
    with desk.running("strace", "-f", "-ff", "--seccomp-bpf", "-y", "-s", "200", "-o", str(tmp_path / "trace"), "-e", TRACED):
        for channel, (name, content) in dropped.items():
            desk.drop(channel, name, content)
        desk.drop("email", "bad.eml", b"Subject: nobody wrote this\r\n\r\nhello\r\n")
        wait_until_settled(desk, len(dropped))
    threads = list(traced(tmp_path.glob("trace.*")))
    for name, _ in dropped.values():
        [(calls, gone)] = [(calls, place) for calls in threads for place in positions(calls, ("unlink", "unlinkat"), f'/{name}"')]
        written = [place for place in positions(calls, ("pwrite64",), "engine.db-wal") if place < gone]
        synced = [place for place in positions(calls, ("fdatasync", "fsync"), "engine.db-wal") if place < gone]
        assert written, f"{name}: acknowledged by a thread that had written nothing"
        assert synced[-1:] > written[-1:], f"{name}: removed before its commit was on the disk"
    check_set_aside(threads)


def check_set_aside(threads: list[list[tuple[str, str]]]) -> None:
    """What was not understood is whole, named and its directory on the disk before the original goes."""
    [(calls, gone)] = [(calls, place) for calls in threads for place in positions(calls, ("unlink", "unlinkat"), '/bad.eml"')]
    for suffix in ("bad.eml", "bad.eml.reason.txt"):
        content = positions(calls, ("fsync",), f"{suffix}.part")
        named = positions(calls, ("rename", "renameat", "renameat2"), f"{suffix}.part")
        entered = [place for place in positions(calls, ("fsync",), "var/bad/email>") if place > named[0]]
        assert content[0] < named[0] < entered[0] < gone, (suffix, calls)


# --- (b) killed at any moment -----------------------------------------------------------------------------------------------------------


class Flow:
    """Input that goes on whatever becomes of the engine: a mail, a text message and a logged call at a time."""

    def __init__(self, desk: Desk, centre: SmsCentre, pause: float) -> None:
        self.count = 0
        self._desk = desk
        self._centre = centre
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flow")
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            number = self.count = self.count + 1
            self._desk.drop("email", f"{number:05}.eml", inputs.mail(number))
            self._desk.drop("phone_log", f"{number:05}.json", inputs.call(number))
            self._centre.inject(inputs.phone(number).removeprefix("+"), HOUSE, f"发票{number}开错了")

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def centre() -> Iterator[SmsCentre]:
    with SmsCentre() as running:
        yield running


def use_centre(desk: Desk, centre: SmsCentre) -> None:
    smpp = {"host": LOOPBACK, "port": centre.port, "system_id": "house", "password": "secret"}
    sms = {"transport": "smpp", "sender": HOUSE, "smpp": smpp}
    desk.configure(outbound="live", channels={"email": {}, "sms": sms, "phone_log": {}})


def test_a_daemon_killed_again_and_again_loses_nothing_and_does_nothing_twice(desk: Desk, centre: SmsCentre, seed: int) -> None:
    draw, kills = random.Random(seed), scaled(40, least=3)
    use_centre(desk, centre)
    flow = Flow(desk, centre, pause=0.2)
    try:
        for _ in range(kills):
            daemon = desk.start()
            threading.Event().wait(draw.uniform(0, 1.5))  # the moment is what is tried out; nothing is waited for
            daemon.kill()
            desk.sound()
    finally:
        flow.end()
    with desk.running() as daemon:
        wait_until_settled(desk, 3 * flow.count)
        check_log(daemon)
    assert sum(is_late(row) for row in inbox(desk)) <= kills
    check_one_ticket_each(desk, flow.count)
    check_sent_once(desk, centre, kills)
    desk.sound()


def check_log(daemon: Daemon, expected: frozenset[str] = frozenset()) -> None:
    assert "Traceback" not in daemon.text
    louder = {line["message"] for line in daemon.lines if line["level"] != "info"}
    assert louder <= expected, daemon.text


def check_one_ticket_each(desk: Desk, count: int) -> None:
    rows = inbox(desk)
    assert Counter(row.channel for row in rows if not is_receipt(row)) == dict.fromkeys(CHANNELS, count)
    opened = [row.ticket for row in rows if not is_receipt(row)]
    assert None not in opened
    assert len(set(opened)) == 3 * count, "two inputs share a ticket"
    every = tickets(desk)
    assert {ticket.number for ticket in every if not ticket.is_incident} == set(opened), "a ticket came of nothing"
    days = {ticket.number[:8] for ticket in every}
    for day in days:
        numbers = [int(ticket.number[8:]) for ticket in every if ticket.number.startswith(day)]
        assert numbers == list(range(1, len(numbers) + 1)), "a number was left out or given twice"


def check_sent_once(desk: Desk, centre: SmsCentre, kills: int) -> None:
    rows = outbox(desk)
    promises = Counter(row.ticket for row in rows if row.script == "promise")
    assert promises == Counter(ticket.number for ticket in tickets(desk) if not ticket.is_incident), "every customer was promised once"
    mails = list((desk.root / "var" / "out" / "email").glob("*.eml"))
    assert len(mails) == sum(row.channel == "email" for row in rows)
    texts = Counter(centre.messages())
    assert len(texts) == sum(row.channel == "sms" for row in rows)
    assert sum(texts.values()) - len(texts) <= kills, "more copies than kills"


# --- (c) one daemon a database ----------------------------------------------------------------------------------------------------------


def test_a_second_daemon_refuses_and_names_the_first(desk: Desk) -> None:
    with desk.running() as daemon:
        said = desk.engine("run", code=1)
        assert f"process {daemon.pid}" in said
        assert "stop it first" in said
        assert daemon.process.poll() is None


# --- (d) bad input ----------------------------------------------------------------------------------------------------------------------

BAD: dict[str, tuple[str, bytes, str, Callable[[bytes], bytes]]] = {
    "email": (
        "nobody.eml",
        "Subject: 打印机\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n打印机故障\r\n".encode(),
        "no sender",
        lambda raw: b"From: c1@customer.example\r\n" + raw,
    ),
    "sms": ("half.json", inputs.text_message(1)[:-1], "JSON", lambda raw: raw + b"}"),
    "phone_log": ("call.json", inputs.call(1, at="gestern"), "instant", lambda raw: raw.replace(b"gestern", inputs.MOMENT.encode())),
}


def test_bad_input_lies_aside_with_its_reason_and_goes_in_once_mended(desk: Desk) -> None:
    with desk.running() as daemon:
        dropped = [desk.drop(channel, name, raw) for channel, (name, raw, _, _) in BAD.items()]
        wait_until(lambda: not any(path.exists() for path in dropped), "the bad files to go")
        for channel, (name, raw, reason, mend) in BAD.items():
            [kept] = (desk.root / "var" / "bad" / channel).glob(f"*{name}")
            assert kept.read_bytes() == raw
            assert reason in kept.with_name(f"{kept.name}.reason.txt").read_text(encoding="utf-8")
            [again] = desk.data("ingest", channel, str(kept), code=1)
            assert (again["result"], reason in again["reason"]) == ("not_understood", True)
            assert {ticket.channel for ticket in tickets(desk)}.isdisjoint({channel}), "nothing came of it so far"

            kept.write_bytes(mend(raw))
            [led] = desk.data("ingest", channel, str(kept))
            assert led["result"] == "ticket", led
            assert [ticket.number for ticket in tickets(desk) if ticket.channel == channel] == [led["ticket"]]
            [once_more] = desk.data("ingest", channel, str(kept))
            assert (once_more["result"], once_more["ticket"]) == ("duplicate", led["ticket"])
        check_log(daemon, frozenset({"not understood"}))
    desk.sound()


# --- (e) hold and redirect --------------------------------------------------------------------------------------------------------------


def drop_one_of_each(desk: Desk, first: int) -> None:
    desk.drop("email", f"{first}.eml", inputs.mail(first))
    desk.drop("sms", f"{first}.json", inputs.text_message(first))
    desk.drop("phone_log", f"{first}.json", inputs.call(first))


def sent_to(desk: Desk) -> dict[str, set[str]]:
    """The addresses that were written to, by channel."""
    out = desk.root / "var" / "out"
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in (out / "email").glob("*.eml")]
    texts = [json.loads(path.read_text(encoding="utf-8")) for path in (out / "sms").glob("*.json")]
    everybody = {"email": {str(mail["To"]) for mail in mails}, "sms": {str(text["to"]) for text in texts}}
    return {channel: addresses for channel, addresses in everybody.items() if addresses}


def test_hold_lets_nothing_out_until_somebody_releases_it(desk: Desk) -> None:
    with desk.running():
        drop_one_of_each(desk, 1)
        wait_until_settled(desk, 3)
    assert {row.state for row in outbox(desk)} == {"held"}
    assert sent_to(desk) == {}
    desk.configure(outbound="live")
    with desk.running():
        drop_one_of_each(desk, 2)
        wait_until_settled(desk, 6)
        held = {row.id for row in outbox(desk) if row.state == "held"}
        assert len(held) == len(outbox(desk)) / 2, "going live sends nothing of the past by itself"
        desk.engine("outbox", "release")
        wait_until(lambda: not [row for row in outbox(desk) if row.state != "sent"], "everything to leave")
    assert {"c1@customer.example", "c2@customer.example"} <= sent_to(desk)["email"]


@pytest.mark.parametrize(("channel", "address"), [("email", "trial@house.example"), ("sms", "+8613900000000")])
def test_a_redirect_gets_all_of_its_kind_and_nobody_else_gets_anything(desk: Desk, channel: str, address: str) -> None:
    desk.configure(outbound={"redirect": address})
    with desk.running():
        drop_one_of_each(desk, 1)
        wait_until_settled(desk, 3)
    assert {recipient.removeprefix("+") for recipient in sent_to(desk)[channel]} == {address.removeprefix("+")}
    assert sent_to(desk).keys() == {channel}
    states = {(row.channel, row.state) for row in outbox(desk)}
    assert states == {(name, "sent" if name == channel else "held") for name in ("email", "sms")}
