"""What a script may name on each occasion, and sample values to try every script with before a customer sees it.

The variables that exist always: now, language, timezone, company {name, hotline}, ticket {number, kind, state, channel, language,
subject, text, wish, expected_by, parent, opened_at}, customer {name}, link (to the customer's
page; empty where there are none), agent {id, name}, queue {id, label}, tier {id, label}, plan
{text, steps}, result {text}, knowledge (the best answer that the knowledge base has, empty for none), deadlines {kind: {label, due,
overdue, remaining}}. Which kinds of deadline there are depends on the tier.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from engine.policy.said import said
from engine.policy.vocabulary import NOTICES

OCCASION_VARIABLES: Mapping[str, tuple[str, ...]] = {
    **{occasion: variables for occasion, (_, variables) in NOTICES.items()},
    "missed_call": (),
    "survey_invitation": ("survey",),
    "survey_reminder": ("survey",),
    "survey_thanks": ("survey",),
    "reminder": ("deadline",),
    "warning": ("deadline",),
    "breach": ("deadline",),
    "rule": (),
    "handover": ("promises",),
    "incident": ("incident",),
    "alert": ("alert",),
    "guide": (),
}
"""Occasion → the variables it has beside those that exist always. `warning` and `breach` are those of escalations, `reminder` that of
a deadline's `remind`, `rule` that of rules of the house's own, `handover` that of the end of a shift, `incident` that of what the customers
of an incident are told, `alert` that of who hears of an alert, `guide` a conversation that an agent is led through."""

PROMISES = frozenset({"promise", "promise_changed"})
"""The occasions on which the deadlines that begin with the ticket exist for certain."""

_NOW = datetime(2026, 3, 4, 2, 30, tzinfo=UTC)


class Setting(Struct, frozen=True):
    """What of the policy the samples are made of: company name and time zone, labels by language."""

    company: Mapping[str, str]
    timezone: str
    hotline: str
    tiers: Sequence[tuple[str, Mapping[str, str], Sequence[str]]]
    """(id, label, kinds of deadline that begin with the ticket) of each tier."""

    deadlines: Mapping[str, Mapping[str, str]]
    """Label of each kind of deadline."""


def samples(occasion: str | None, language: str, setting: Setting) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield (what it shows, context) for every situation a script must stand; `None` has the variables of every occasion."""
    extras = OCCASION_VARIABLES[occasion] if occasion else sorted({name for names in OCCASION_VARIABLES.values() for name in names})
    for tier, label, kinds in setting.tiers:
        for full in (True, False):
            context = _base(language, setting, full)
            context["tier"] = {"id": tier, "label": _pick(label, language)}
            certain = occasion is None or occasion in PROMISES or full
            context["deadlines"] = {kind: _deadline(_pick(setting.deadlines[kind], language)) for kind in kinds if certain}
            context |= {name: _extra(name, full) for name in extras}
            if occasion == "digest":  # it is about several tickets
                context = {name: context[name] for name in ("now", "language", "timezone", "company", "agent", "digest")}
            yield said("tier {tier}" if full else "tier {tier}, little known", tier=tier), context


def _base(language: str, setting: Setting, full: bool) -> dict[str, object]:
    word = _said(full)
    steps = [{"id": "1", "text": word("更换主板"), "who": "qian", "due": _NOW + timedelta(days=1), "done": False}]
    return {
        "now": _NOW,
        "language": language,
        "timezone": setting.timezone,
        "company": {"name": _pick(setting.company, language), "hotline": setting.hotline},
        "ticket": {
            "number": "202603040001",
            "kind": "complaint",
            "state": "new",
            "channel": "email",
            "language": language,
            "subject": word("无法登录"),
            "text": word("系统无法登录,请尽快处理。"),
            "wish": word("今天恢复使用"),
            "expected_by": word("今天下班前"),
            "parent": word("202603030007"),
            "opened_at": _NOW - timedelta(minutes=5),
        },
        "customer": {"name": word("陈先生")},
        "link": word("https://service.example.com/r/202603040001.mfrggzdfmztwq2lknnwg23tpob"),
        "agent": {"id": word("qian"), "name": word("钱伟")},
        "queue": {"id": "tech_support", "label": word("技术支持")},
        "plan": {"text": word("更换主板"), "steps": steps if full else []},
        "result": {"text": word("已更换主板,测试正常。")},
        "knowledge": word("重置密码\n\n请在登录页点击“忘记密码”。"),
    }


def _extra(name: str, full: bool) -> object:
    word = _said(full)
    questions = [
        {"number": 1, "ask": "响应速度", "labels": ["非常慢", "非常快"] if full else [], "low": 1, "high": 5, "text": False},
        {"number": 2, "ask": "其他建议", "labels": [], "low": 0, "high": 0, "text": True},
        {"number": 3, "ask": "您最看重", "labels": [], "low": 0, "high": 0, "text": False},
    ]
    options = [{"letter": "A", "text": "价格"}, {"letter": "B", "text": "质量"}] if full else []
    questions = [{**question, "options": options if question["number"] == 3 else [], "many": full} for question in questions]
    tickets = ["202603040001", "202603040002"]
    extras: dict[str, object] = {
        "digest": {"count": len(tickets), "tickets": tickets},
        "message": {"text": word("还是打不开")},
        "promises": [{"label": "首次响应", "due": _NOW + timedelta(hours=1)}],
        "task": {"text": word("请核对账单"), "due": _NOW + timedelta(hours=4), "parent": "202603030007"},
        "progress": {"text": word("备件已到货")},
        "deadline": _deadline("首次响应"),
        "survey": {"intro": "请评价", "questions": questions},
        "approval": {
            "ticket": "202603030007",
            "exception": "" if full else "超期退货",
            "amount": "300.00 CNY" if full else "",
            "by": "钱伟",
            "reason": "延误三天",
            "answer": word("同意"),
            "answered_by": "周静",
        },
        "done": {"text": "contact"},
        "incident": {
            "number": "202603030009",
            "title": word("服务中断"),
            "opened_at": _NOW - timedelta(hours=1),
            "text": word("正在更换故障的设备"),
            "next_at": _NOW + timedelta(hours=1),
        },
        "alert": {"text": "SLA 达成率(类别 投诉):72.0 %,n = 25,目标 95.0 %"},
        "refusal": {"text": "contact: 已联系"},
    }
    return extras[name]


def _deadline(label: str) -> dict[str, object]:
    return {"label": label, "due": _NOW + timedelta(hours=3), "overdue": timedelta(minutes=11), "remaining": timedelta(hours=3)}


def _said(full: bool) -> Callable[[str], str]:
    """Return what gives a word back, or nothing where little is known."""
    return (lambda word: word) if full else (lambda word: "")


def _pick(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or next(iter(texts.values()), "")
