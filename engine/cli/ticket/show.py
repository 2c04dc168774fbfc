"""`engine ticket show`: one ticket on one page."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import click

from engine.analysis.labels import label
from engine.analysis.ticket_page import Seen, details, page
from engine.cli.output import bar, clean, say, say_json
from engine.cli.session import ACTOR, FORMAT, Session, options
from engine.cli.ticket.acting import NUMBER
from engine.cli.words import Words
from engine.core.authority import granted_so_far
from engine.core.compiled import Policy
from engine.core.fields import NEEDS
from engine.core.improvements import Outcome
from engine.runtime.authority import own_grant
from engine.runtime.followups import FollowUpView, Severed, reveal

_HEAD = ("channel", "contact", "opened", "subject", "text", "impact", "wish", "expected_by", "parent", "incident", "result", "survey")
_CLOCK_STYLES = {"met": "green", "late": "red", "overdue": "bold red", "paused": "yellow", "running": ""}


@click.command()
@options(ACTOR, FORMAT)
@NUMBER
def command(session: Session, number: str) -> None:
    """Show ticket NUMBER: who and what it is about, its clocks, its plan and tasks, and all that happened.

    Whom a follow-up of a bad score is about is shown to an agent with the role follow_up only, and each look is kept on record.
    """
    with session.desk() as desk, desk.store.read() as reader:
        data = page(Seen(desk.policy, desk.words, desk.now), reader, number)
        words = desk.words
        viewer = session.known_actor(desk.team) if data["kind"] == "follow_up" else None
        known = session.known_actor(desk.team) if data["kind"] in NEEDS and desk.policy.authority else None
    if viewer is not None:
        data |= _confidential(session, number, viewer)
    if known is not None:
        data |= {"authority": _authority(session, number, known)}
    if session.json:
        say_json(data)
    else:
        _print(data, words)


def _confidential(session: Session, number: str, viewer: str) -> dict[str, Any]:
    """Return the page of a follow-up and whom it is about; once it is over, only the page. Raises Refused without the role."""
    with session.engine() as engine:
        try:
            view: FollowUpView | None = reveal(engine, number, viewer)
        except Severed:
            view = None
        words = session.words(engine.world.policy, engine.world.team)
        with engine.store.read() as reader:
            ticket = reader.ticket(number)
            assert ticket is not None  # noqa: S101  # it was revealed a moment ago, and tickets are never deleted
            shown = details(Seen(engine.world.policy, words, engine.clock.now()), reader, ticket)
        return shown | {"follow_up": _plain(view, engine.world.policy, words) if view else None}


def _authority(session: Session, number: str, viewer: str) -> dict[str, Any] | None:
    """Return what who looks may grant on a ticket by themselves, and how much of that is left."""
    with session.engine() as engine, engine.store.read() as reader:
        ticket = reader.ticket(number)
        assert ticket is not None  # noqa: S101  # it was shown a moment ago, and tickets are never deleted
        grant, authority = own_grant(reader, engine.world, ticket, viewer, engine.clock.now()), engine.world.policy.authority
    if grant is None or authority is None:
        return None
    left = max(grant.compensation_up_to - granted_so_far(ticket, authority.currency), Decimal(0))
    return {
        "agent": viewer,
        "grant": grant.id,
        "compensation_up_to": str(grant.compensation_up_to),
        "left": str(left),
        "currency": authority.currency,
        "exceptions": sorted(grant.exceptions),
    }


def _plain(view: FollowUpView, policy: Policy, words: Words) -> dict[str, Any]:
    answer = view.answer
    survey = next((one for one in policy.surveys if answer and one.id == answer.survey), None)
    asked = {question.scale.id: policy.text(question.ask, words.language) for question in survey.questions} if survey else {}
    return {
        "ticket": view.ticket,
        "customer": view.customer,
        "contact": {"name": view.contact.name, "addresses": dict(view.contact.addresses)},
        "scores": {asked.get(id, id): answer.scores[id] for id in (*asked, *answer.scores) if id in answer.scores} if answer else {},
        "suggestion": answer.suggestion if answer else "",
    }


def _print(data: Mapping[str, Any], words: Words) -> None:
    title = [data["number"], words.name(data["kind"]), words.tier(data.get("tier")), words.name(data["state"])]
    place = [words.queue(data.get("queue")), words.party(data["assignee"]) if "assignee" in data else ""]
    say("  ".join(filter(None, [*title, *place])), "bold")
    if data["kind"] == "follow_up":
        _print_follow_up(data, words)
    if "tier" not in data:
        return
    shown = {**data, "opened": words.clock(data["opened_at"]), "contact": _contact(data["contact"])}
    shown |= {key: words.name(data[key]) for key in ("impact", "survey") if data[key]}
    for key in _HEAD:
        if shown.get(key):
            _pair(words.name(key), shown[key])
    if (own := data.get("authority")) is not None:
        left = words.name("authority_left", f"{own['compensation_up_to']} {own['currency']}", f"{own['left']} {own['currency']}")
        _pair(words.name("authority"), "; ".join([left, *map(words.concession, own["exceptions"])]))
    if data["knowledge"]:
        _pair(words.name("knowledge"), "\n".join(f"{one['title']} ({one['id']})" for one in data["knowledge"]))
    _print_clocks(data["clocks"], words)
    _print_plan(data["plan"], words)
    _print_concessions(data["concessions"], words)
    _print_tasks(data["tasks"], words)
    _print_learned(data, words)
    _print_timeline(data["timeline"], words)


def _print_follow_up(data: Mapping[str, Any], words: Words) -> None:
    view = data.get("follow_up")
    if view is None:
        say(words.name("severed" if "follow_up" in data else "confidential"), "yellow")
        return
    _pair(words.name("about"), view["ticket"])
    _pair(words.name("contact"), _contact(view["contact"]))
    for asked, score in view["scores"].items():
        _pair(asked, str(score))
    if view["suggestion"]:
        _pair(words.name("suggestion_text"), view["suggestion"])


def _print_clocks(clocks: list[dict[str, Any]], words: Words) -> None:
    if clocks:
        words.table(
            clocks,
            ("clock", lambda clock: words.deadline(clock["id"])),
            ("state", lambda clock: (words.name(clock["state"]), _CLOCK_STYLES[clock["state"]])),
            "due",
            ("used", lambda clock: "" if clock["used"] is None else f"{bar(clock['used'])} {clock['used']:.0%}"),
            title=f"\n{words.name('clocks')}",
        )


def _print_plan(plan: dict[str, Any] | None, words: Words) -> None:
    if plan is None:
        return
    say(f"\n{words.name('plan')} ({words.party(plan['by'])}, {words.clock(plan['recorded_at'])})", "bold")
    say(plan["text"] or "")
    if plan["steps"]:
        done = ("state", lambda step: f"✓ {words.clock(step['done_at'])}" if step["done_at"] else "")
        words.table(plan["steps"], "step=id", "what=text", "who", "due", done)


def _print_concessions(concessions: list[dict[str, Any]], words: Words) -> None:

    def approver(one: Mapping[str, Any]) -> str:
        return words.name("waits_for", one["approval"]) if one["waits"] else words.party(one["approved_by"]) if one["approval"] else ""

    if concessions:
        what = ("what", lambda one: words.concession(one["concession"], one["amount"], one["currency"]))
        words.table(concessions, what, "asked_by=by", ("approver", approver), "step", "text", title=f"\n{words.name('concessions')}")


def _print_tasks(tasks: list[dict[str, Any]], words: Words) -> None:
    if tasks:
        state = ("state", lambda task: words.name(task.get("state", "")))
        words.table(tasks, "number", state, "assignee", "due", "what=text", title=f"\n{words.name('tasks')}")


def _print_learned(data: Mapping[str, Any], words: Words) -> None:
    outcome: Outcome | None = data["outcome"]
    if outcome is not None:
        satisfied = "" if outcome.satisfied is None else label(f"satisfied.{'yes' if outcome.satisfied else 'no'}", words.language)
        cause = label(f"cause.{outcome.cause}", words.language) if outcome.cause else ""
        pairs = [("cause", cause), *(("why", why) for why in outcome.whys), ("remedy", outcome.remedy), ("words", outcome.words)]
        for key, told in [*pairs, ("satisfied", satisfied)]:
            if told:
                _pair(words.name(key), told)
    if data["measures"]:
        measures = (f"{one['number']} {words.name(one['verdict'] or '')}".strip() for one in data["measures"])
        _pair(words.name("measures"), ", ".join(measures))


def _print_timeline(timeline: list[dict[str, Any]], words: Words) -> None:
    say(f"\n{words.name('timeline')}", "bold")
    for entry in timeline:
        say(f"{words.clock(entry['at'], seconds=True)}  {entry['what']}")
        for line in clean(entry["text"] or "").splitlines():
            say(f"    │ {line}", "dim")


def _pair(name: str, text: str) -> None:
    first, *rest = clean(str(text)).strip().splitlines() or [""]
    say(f"  {name}: {first}")
    for line in rest:
        say(f"    {line}")


def _contact(contact: Mapping[str, Any]) -> str:
    addresses = list(dict.fromkeys(contact["addresses"].values()))
    return "  ".join(filter(None, [contact["name"], *addresses]))
