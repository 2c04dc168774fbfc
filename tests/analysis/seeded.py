"""Eight months of a service centre, of which March 2026 is reported on: facts and answers by chance, the house's work through the door."""

import random
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any
from zoneinfo import ZoneInfo

from engine.analysis.kpi import catch_up
from engine.core.improvements import Aim, Evidence, Improvement, Measured, Outcome
from engine.core.signals import TicketRequested
from engine.store import AnswerRow, FactRow
from tests.analysis.conftest import ZONE, Centre
from tests.analysis.counted import put

FIRST, LAST = datetime(2025, 8, 1, tzinfo=ZoneInfo(ZONE)), datetime(2026, 4, 1, tzinfo=ZoneInfo(ZONE))
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SECRET = "13912345678"
"""A telephone number that somebody wrote into an outcome."""


def facts(chance: random.Random):
    """What happened to tickets: better each month, worse for urgent ones."""
    for day in range((LAST - FIRST).days):
        for _ in range(chance.randrange(3, 6)):
            at = FIRST + day * DAY + timedelta(hours=chance.uniform(8, 18))
            tier = chance.choice(["urgent", "important", "important", "general", "general"])
            about: dict[str, Any] = {
                "kind": chance.choice(["inquiry", "complaint", "after_sales"]),
                "tier": tier,
                "queue": chance.choice(["front_desk", "tech_support", "after_sales"]),
                "agent": chance.choice(["wang", "qian", "sun"]),
                "channel": chance.choice(["email", "phone_log", "sms"]),
                "segment": chance.choice([None, "vip"]),
            }
            kept = 0.78 + 0.12 * day / 243 + {"urgent": -0.06, "important": 0.0, "general": 0.07}[tier]
            yield FactRow("opened", at, **about)
            for clock in ("response", "plan", "progress"):
                yield FactRow("deadline", at + HOUR, **about, subject=clock, outcome="met" if chance.random() < kept else "breached")
            yield FactRow("response", at + 5 * MINUTE, **about, value=timedelta(minutes=chance.lognormvariate(2.1, 0.8)))
            solved: dict[str, Any] = {
                "value": timedelta(hours=chance.lognormvariate(1.8, 0.7)),
                "business": timedelta(hours=chance.lognormvariate(1.2, 0.6)),
            }
            yield FactRow("resolved", at + 6 * HOUR, **about, outcome=chance.choice(["first_contact", "first_contact", "later"]), **solved)
            yield FactRow("closed", at + 9 * HOUR, **about, outcome=chance.choices(["confirmed", "objected", "unsolved"], (90, 7, 3))[0])
            yield FactRow("survey", at + DAY, **about, outcome="sent")
            if chance.random() < 0.3:
                yield FactRow("survey", at + DAY, **about, outcome="answered")


def answer(centre: Centre, chance: random.Random, few: bool) -> None:
    """Customers answer the surveys; in March only two of each where `few` is wanted."""
    ids = count()
    with centre.store.write() as tx:
        for number, month in enumerate(("2025-12", "2026-01", "2026-02", "2026-03")):
            for _ in range(2 if few and month == "2026-03" else 36):
                weights = (2, 5, 14 - 2 * number, 40, 35 + 4 * number)
                scores = {name: chance.choices((1, 2, 3, 4, 5), weights)[0] for name in ("speed", "attitude", "effect")}
                tx.keep_answer(AnswerRow(f"a{next(ids):04}", "after-closure", month, scores, "希望节假日也有人值班"))
                asked = (*scores, "value", "price", "brand", "ease")
                items = {name: chance.choices((1, 2, 3, 4, 5), weights)[0] for name in asked}
                items["overall"] = round(0.5 * items["ease"] + 0.3 * items["value"] + 0.2 * chance.choice((1, 3, 5)))
                items["recommend"] = chance.choices(range(11), (1, 1, 1, 1, 1, 2, 3, 8, 10, 16, 14))[0]
                tx.keep_answer(AnswerRow(f"r{next(ids):04}", "relationship", month, items, f"价格太贵,电话 {SECRET}"))


def follow_up(centre: Centre, cause: str, why: str, remedy: str, satisfied: bool | None) -> str:
    number = centre.handle(TicketRequested("follow_up", "supervisors", "低分回访", "email", "zh")).ticket
    assert number is not None
    centre.later(hours=2)
    centre.act(number, "outcome", actor="li", outcome=Outcome(cause, (why,), remedy, "还行", satisfied))
    return number


def measure(centre: Centre, text: str, category: str, kpi: str, after: tuple[float, float, float] | None, days: int) -> str:
    """A measure of improvement, judged where there are figures `after` (value, low, high)."""
    begin, end = centre.now - 28 * DAY, centre.now
    aim = Aim(kpi, (begin, end), (end, end + days * DAY))
    wanted = Improvement(category, (), aim)
    request = TicketRequested(
        "improvement", "supervisors", text, "email", "zh", due=end + days * DAY, assignee="zhou", actor="zhou", improvement=wanted
    )
    number = centre.handle(request).ticket
    assert number is not None
    if after is not None:
        centre.later(days=days)
        value, low, high = after
        found = Evidence(aim, Measured(120, 0.81, 0.73, 0.87), Measured(140, value, low, high), (value - 0.81 - 0.04, value - 0.81 + 0.04))
        centre.act(number, "verify", actor="zhou", evidence=found)
    return number


def seed(centre: Centre, *, most: int | None = None, few: bool = False) -> None:
    """Fill the centre, with `most` facts at most, and `few` answers where that is wanted; it is the evening of 31 March 2026 then."""
    chance = random.Random(11)
    catch_up(centre.store, centre.policy)  # or the first report would derive these tickets' facts anew
    put(centre.store, islice(facts(chance), most))
    answer(centre, chance, few)
    measure(centre, "首次响应话术写入手册,并每周抽查", "handbook", "sla_attainment", (0.91, 0.86, 0.95), 14)
    measure(centre, "派单单必须写明产品型号", "process", "fcr", (0.82, 0.75, 0.88), 2)
    measure(centre, "夜班增加一人", "process", "response_on_time", None, 40)
    for cause, why, remedy, satisfied in (
        ("process", "没有告知维修进度", f"向客户致歉并每日回报进度,电话 {SECRET}", True),
        ("people", "答复语气生硬", "安排沟通培训", True),
        ("process", "派单单未写明型号,上门两次", "补写型号并加派师傅", False),
        ("technology", "系统短信未送达", "改用电话通知", None),
    ):
        follow_up(centre, cause, why, remedy, satisfied)
    outage = centre.handle(TicketRequested("incident", "tech_support", "支付接口中断", "email", "zh", actor="qian")).ticket
    assert outage is not None
    centre.at(LAST - 3 * HOUR)
