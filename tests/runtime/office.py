"""An office whose customers leave something of themselves everywhere, to be looked for after they were erased."""

import gzip
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.channels import Attachment, CallOutcome, CallRecord, Delivery, Direction, Inbound, Receipt, ReceiptStatus
from engine.core.signals import AgentActed, CustomerChanged, StepDraft
from engine.errors import Refused
from engine.runtime import inbox
from engine.runtime.answers import next_look
from engine.runtime.clock import VirtualClock
from engine.runtime.customers import import_customers
from engine.runtime.engine import Engine, open_engine
from engine.runtime.feedback import Said, enter
from engine.runtime.project import load_project
from engine.store import TrialRow, open_store
from engine.store.copying import copy
from tests.core.worlds import DAY, HOUR, MINUTE, POLICIES, WEDNESDAY

SETTINGS = """\
version: 1
policies: {policies}
database: {database}
channels: {{email: {{}}, sms: {{}}, phone_log: {{}}}}
outbound: live
handling: {{attempts: 1}}
delivery: {{attempts: 1}}
"""


SQLITE = "sqlite:///var/engine.db"


class Person:
    """A customer with canaries: words that stand nowhere else. `words` are all of them, as they may be found."""

    def __init__(self, seed: str) -> None:
        draw = random.Random(seed)
        self.tag = f"{draw.getrandbits(32):08x}"
        self.name = f"欧阳{chr(draw.randrange(0x4E00, 0x9F00))}{chr(draw.randrange(0x4E00, 0x9F00))}{self.tag[:3]}"
        self.mail = f"kanari.{self.tag}@home-{self.tag}.test"
        self.national = f"139{draw.randrange(10**8):08d}"
        self.landline = f"6{draw.randrange(10**7):07d}"
        self.said = 0

    def text(self, what: str) -> str:
        """A text that nobody else writes."""
        self.said += 1
        return f"{what},金丝雀{self.tag}号第{self.said}句"

    @property
    def words(self) -> list[str]:
        return [self.tag, self.name, self.mail, self.national, self.landline]


class Office:
    """The engine of one project, and what people do with it."""

    def __init__(self, root: Path, database: str = SQLITE, now: datetime = WEDNESDAY) -> None:
        root.mkdir(parents=True, exist_ok=True)
        (root / "engine.yaml").write_text(SETTINGS.format(policies=POLICIES, database=database), "utf-8")
        self.root, self.clock = root, VirtualClock(now)
        self._count = 0
        self.engine = self.open()

    def open(self) -> Engine:
        return open_engine(load_project(self.root), self.clock, random.Random(7), reload=True, key=b"k" * 32)

    def again(self) -> Engine:
        """Stop, and start again."""
        self.engine.close()
        self.engine = self.open()
        return self.engine

    def take(self, channel: str, **item: Any) -> None:
        self._count += 1
        came = Inbound(**{"source_id": f"<{self._count}@{item['sender']}>", "received_at": self.clock.now(), **item})
        self.accept(channel, came, f"From: {item['sender']}\n\n{item.get('text', '')}".encode())

    def accept(self, channel: str, item: Inbound | Receipt, raw: bytes = b"raw") -> None:
        inbox.accept(self.engine.desk, channel, [Delivery(item, lambda: None, raw)], self.clock.now())
        self.engine.work_inbox()

    def call(self, sender: str, outcome: str, **item: Any) -> None:
        now = self.clock.now()
        record = CallRecord(Direction("inbound"), CallOutcome(outcome), now - 5 * MINUTE, None, now, wait_seconds=9, talk_seconds=50)
        self.take("phone_log", sender=sender, call=record, **item)

    def act(self, ticket: str, action: str, text: str = "", actor: str = "zhao", **more: Any) -> str | None:
        return self.engine.handle(AgentActed(ticket, action, actor, text, **more)).first.refused

    def pass_(self, span: timedelta) -> None:
        """Let time pass in which nobody does anything."""
        self.clock.set(self.clock.now() + span)

    def wait(self, span: timedelta) -> None:
        """Let time pass; every timer fires when it is due, and answers that wait are looked at."""
        until = self.clock.now() + span
        while (due := self._next()) is not None and due <= until:
            self.clock.set(due)
            while self.engine.work_timers() + self.engine.work_answers():
                pass
        self.clock.set(until)

    def _next(self) -> datetime | None:
        with self.engine.store.read() as reader:
            return min((at for at in (reader.next_timer(), next_look(reader)) if at is not None), default=None)

    def send(self) -> None:
        for channel in ("email", "sms"):
            while self.engine.work_outbox(channel):
                pass

    def customer(self, person: Person) -> str:
        with self.engine.store.read() as reader:
            found = reader.find_customer("email", person.mail)
        assert found is not None
        return found.id

    def tickets(self, person: Person) -> list[str]:
        with self.engine.store.read() as reader:
            return reader.tickets_about(self.customer(person))


def live(office: Office, person: Person, *, done: bool = True) -> None:
    """Let a person leave something everywhere: what they sent, what was written about them, what went wrong. `done`: and it is over."""
    engine, send = office.engine, office.send
    line = f"name,segment,language,phone,email\n{person.name},vip,zh,(+86) {person.national},{person.mail}\n"
    import_customers(engine, line)
    picture = Attachment(f"{person.text('照片')}.jpg", "image/jpeg", f"picture of {person.tag}".encode())
    office.take("email", sender=person.mail, sender_name=person.name, subject=person.text("投诉"), text=person.text("软件异常,无法登录"),
                attachments=(picture,), fields={"wish": person.text("希望"), "kind": "complaint"})  # fmt: skip
    customer = office.customer(person)
    [number] = office.tickets(person)
    office.act(number, "claim")
    office.act(number, "contact", person.text("已联系"))
    office.act(number, "note", person.text("备注"))
    soon = office.clock.now() + DAY
    office.act(number, "plan", person.text("方案"), steps=(StepDraft(person.text("第一步"), "zhao", soon),))
    assert office.act(number, "plan", person.text("方案"), steps=(StepDraft(person.text("太晚"), "zhao", soon - 2 * DAY),))
    office.act(number, "task", person.text("请核实"), target="after_sales")
    office.act(number, "compensate", person.text("补偿"), amount=5)
    send()
    office.take("sms", sender=f"0086 {person.national[:3]} {person.national[3:]}", text=person.text("补充"))
    office.call(person.national, "answered")
    office.call(person.national, "abandoned")
    office.take("chat", sender=person.mail, text=person.text("没有这个渠道"), attachments=(picture,))
    with engine.store.read() as reader:
        first = next(row for row in reader.messages(ticket=number) if row.party == "customer" and row.state == "sent")
    office.accept(
        "email", Receipt(f"r-{person.tag}", ReceiptStatus.FAILED, office.clock.now(), first.id, detail=f"550 <{person.mail}> unknown")
    )
    office.accept(
        "email", Receipt(f"s-{person.tag}", ReceiptStatus.FAILED, office.clock.now(), first.id, detail=f"550 <{person.mail}> unknown")
    )
    enter(engine, [Said("2026-03-04", "review", person.text("差评"), "2", "1-5", person.mail)], "zhao")
    with engine.store.write() as tx:
        tx.set_opt_out("sms", f"+86{person.national}", office.clock.now())
        tx.keep_trial(TrialRow(office.clock.now(), "outbox", first.id, "failed", f"550 <{person.mail}> busy"))
        timer = tx.timers(number)[0]
        tx.fail_timer(timer, f"fault about {person.name}", timer.due)
    other = f"moved-{person.said}-{person.national[-2:]}@home.test"
    office.take("email", sender=other, text=person.text("搬过来的工单"))
    with engine.store.read() as reader:
        moved = reader.find_customer("email", other)
        assert moved is not None
        [ticket] = reader.open_tickets_of(moved.id)
    engine.handle(CustomerChanged(ticket.number, customer))
    for folder, name in (("bad/email", "letter"), ("out/email", "sent")):
        path = engine.project.var / folder / f"{name}-{person.said}.eml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"To: {person.mail}\n\n{person.text('信')}", "utf-8")
    if done:
        finish(office, person)


def finish(office: Office, person: Person) -> None:
    """Let all that is open about a person come to an end; the survey's answer is a bad one, about which follow-ups are opened."""
    for number in office.tickets(person):
        office.act(number, "resolve", person.text("结果"))
        office.act(number, "confirm", person.text("客户认可"))
        office.wait(14 * HOUR)
        office.send()
        office.act(number, "answer", f"1 2 1 {person.text('建议')}")
    office.wait(3 * DAY)
    office.send()


def visit(office: Office, person: Person) -> None:
    """Let a person come and go without much ado."""
    office.take("email", sender=person.mail, sender_name=person.name, text=person.text("发票怎么开"))
    [number] = office.tickets(person)
    office.act(number, "resolve", person.text("结果"))
    office.act(number, "confirm", person.text("客户认可"))


LATER = WEDNESDAY + 10 * DAY
"""When all that has happened in `lived` is over."""


def lived(root: Path) -> Path:
    """Make an office in which `Person("one")` has left everything behind, between two others."""
    office = Office(root)
    visit(office, Person("before"))
    live(office, Person("one"))
    visit(office, Person("after"))
    office.send()
    office.engine.close()
    return root


def moved(template: Path, root: Path, database: str = SQLITE) -> Office:
    """The same office in another place, on another database."""
    shutil.copytree(template, root)
    if database != SQLITE:
        source, target = open_store(SQLITE, root), open_store(database)
        with source.read() as reader, target.write() as tx:
            copy(reader, tx)
        source.close()
        target.close()
        for path in (root / "var").glob("engine.db*"):
            path.unlink()
    return Office(root, database, LATER)


def everything(office: Office) -> Iterator[tuple[str, bytes]]:
    """All that is stored, by where: each table, and each file of the project but for the policies; what is packed, unpacked too."""
    with office.engine.store.read() as reader:
        for table in reader.tables():
            for rows in reader.rows(table):
                yield f"table {table}", "\n".join(map(str, rows)).encode("utf-8", "surrogatepass")
    for path in sorted(office.root.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            yield str(path.relative_to(office.root)), content
            if path.suffix == ".gz":
                yield f"{path.relative_to(office.root)} unpacked", gzip.decompress(content)


def found(office: Office, person: Person) -> list[str]:
    """Where a canary of the person stands, in any of the forms in which it may."""
    forms = {form for word in person.words for form in (word.encode(), word.encode("unicode_escape"), word.encode("utf-16-le"))}
    return sorted({where for where, content in everything(office) if any(form in content for form in forms)})


@contextmanager
def refused() -> Iterator[list[str]]:
    """Catch why something was refused."""
    said: list[str] = []
    try:
        yield said
    except Refused as why:
        said.append(str(why))
