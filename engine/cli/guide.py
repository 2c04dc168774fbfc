"""`engine phone guide`: the steps of a conversation, with the words to read aloud and what to ask."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import click

from engine.cli.output import say, say_json, table
from engine.cli.session import ACTOR, FORMAT, Session, options
from engine.cli.words import Words
from engine.core.compiled import Policy
from engine.core.scripts import Guide
from engine.errors import EngineError, NotFound

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


@click.command("guide")
@options(ACTOR, FORMAT)
@click.argument("name", required=False)
def command(session: Session, name: str | None) -> None:
    """Show the guide NAME step by step: the words to read aloud, and what to ask. Without NAME the guides are listed.

    Guides and their words stand in scripts.yaml. `engine phone log` leads through the guide for taking a call by itself.
    """
    with session.desk() as desk:
        policy, words, now = desk.policy, desk.words, desk.now
        actor = session.actor(desk.team) if session.wanted_actor else session.known_actor(desk.team) or ""
    if name is None:
        listed = {id: policy.text(guide.label, words.language) or id for id, guide in policy.guides.items()}
        if session.json:
            say_json([{"id": id, "label": label} for id, label in listed.items()])
        else:
            table([words.name("id"), words.name("name")], list(listed.items()))
        return
    steps = list(_steps(find(policy, name), policy, words, actor, now))
    if session.json:
        say_json(steps)
        return
    needed = " (必要时)" if words.language == "zh" else " (if needed)"
    for number, step in enumerate(steps, 1):
        say(f"{number}. {step['label']}{needed if step['if_needed'] else ''}", "bold")
        if step["text"]:
            say(f"   「{step['text']}」", "cyan")


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


def _steps(guide: Guide, policy: Policy, words: Words, actor: str, now: datetime) -> Iterator[dict[str, str | bool | None]]:
    column = 1 if words.language == "zh" else 2
    for step in guide.steps:
        if step.script is None:
            label = ", ".join(asked[column] for asked in ASKS.get(step.ask or "", ())) or step.ask
            yield {"label": label, "text": None, "if_needed": step.if_needed}
            continue
        try:
            text: str | None = spoken(policy, words, actor, now, step.script, {"customer": {"name": ""}})
        except EngineError:  # it speaks of a ticket, which is not there yet: `engine phone log` says it when it is
            text = None
        yield {"label": words.script(step.script), "text": text, "if_needed": step.if_needed}
