"""The guides of a conversation: the words to read aloud with what is known filled in, what to ask, and the call that comes of it."""

import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from engine.analysis.words import Words
from engine.core import clocks
from engine.core.compiled import Policy
from engine.core.context import build
from engine.core.draft import Draft
from engine.core.model import CUSTOMER
from engine.core.scripts import Guide
from engine.core.signals import AgentActed
from engine.errors import EngineError, NotFound
from engine.runtime.engine import Engine
from engine.runtime.gather import Gatherer

INTAKE, PROMISE, CALMING = "phone_intake", "verbal_promise", "calming"

ASKS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "identity": (("name", "客户姓名", "Customer's name"),),
    "contact": (("phone", "联系电话", "Phone number"),),
    "problem": (("text", "问题描述", "What is the matter"),),
    "background": (("background", "背景(何时开始、影响范围)", "Background (since when, who is affected)"),),
    "wish": (("wish", "客户诉求", "What the customer wants"),),
    "expected_by": (("expected_by", "期望完成时间", "By when they expect it"),),
    "kind": (("kind", "类型", "Kind"),),
    "impact": (("impact", "影响程度", "Impact"),),
}
"""What a step of a guide is for, as (field, Chinese, English)."""


def find(policy: Policy, name: str) -> Guide:
    """Return the guide of that name. Raises NotFound."""
    if name not in policy.guides:
        raise NotFound(f"scripts.yaml has no guide {name!r}; there are {', '.join(policy.guides) or 'none'}")
    return policy.guides[name]


def spoken(
    policy: Policy, words: Words, actor: str, now: datetime, script: str, extra: Mapping[str, object], language: str | None = None
) -> str:
    """Return a script's words for the agent, "" where there are none. Raises EngineError for what is not known before there is a ticket."""
    language = language or words.language
    found = policy.scripts.get(script)
    body = found.body("phone", language, policy.company.languages[0]) if found else None
    if body is None:
        return ""
    context: dict[str, object] = {
        "now": now,
        "language": language,
        "timezone": policy.company.timezone,
        "company": {"name": policy.text(policy.company.name, language), "hotline": policy.company.hotline},
        "agent": {"id": actor, "name": words.party(actor) if actor else "…"},
    }
    return body.text.render({**context, **extra}).strip()


def about(engine: Engine, number: str, actor: str) -> dict[str, object]:
    """Return what scripts may say to the customer of a ticket. Raises NotFound."""
    now = engine.clock.now()
    with engine.store.write() as tx:
        ticket = tx.ticket(number)
        if ticket is None:
            raise NotFound(f"there is no ticket {number}")
        facts = Gatherer(tx, engine.world, now).facts(ticket, AgentActed(number, "note", actor), None)
    return build(Draft(ticket, facts, engine.world.policy, now, clocks.react), CUSTOMER, ticket.language, {})


def steps(
    guide: Guide, policy: Policy, words: Words, actor: str, now: datetime, extra: Mapping[str, object], language: str | None = None
) -> Iterator[dict[str, str | bool | None]]:
    """Yield the steps of a guide: what each is called, and its words; None where something is asked, or `extra` lacks what they say."""
    column = 1 if words.language == "zh" else 2
    for step in guide.steps:
        if step.script is None:
            label = ", ".join(asked[column] for asked in ASKS.get(step.ask or "", ())) or step.ask
            yield {"label": label, "text": None, "if_needed": step.if_needed}
            continue
        try:
            text: str | None = spoken(policy, words, actor, now, step.script, extra, language)
        except EngineError:  # it speaks of a ticket, which is not there yet
            text = None
        yield {"label": words.script(step.script), "text": text, "if_needed": step.if_needed}


def document(call: Mapping[str, Any], actor: str, at: str) -> dict[str, Any]:
    """Return the call as the phone_log channel documents it; what was not said is left out."""
    text = "\n".join(filter(None, [call["text"], call.get("background")]))
    words = {key: call.get(key) for key in ("name", "kind", "wish", "expected_by", "impact", "language")}
    return {
        "id": f"by-hand-{secrets.token_hex(12)}",
        "from": call["phone"],
        "at": at,
        "agent": actor,
        "direction": call["direction"],
        "answered": call["answered"],
        "talk_seconds": call["talk_seconds"] if call["answered"] else 0,
        "text": text,
    } | {key: value for key, value in words.items() if value}
