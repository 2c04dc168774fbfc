"""Loads team.yaml and holds it against the policy. The team is data: it changes daily and is no part of a policy's digest."""

from datetime import date
from pathlib import Path

from msgspec import Struct

from engine.core.quiet import Hours
from engine.core.team import Agent, Team
from engine.policy import rota
from engine.policy.build import skills
from engine.policy.compilation import Compilation, read_document
from engine.policy.diagnostics import Diagnostic, Problems, has_errors, suggestion
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.references import assignees, recipients
from engine.policy.said import said
from engine.policy.sources import read_text
from engine.policy.units import day, quiet_hours
from engine.policy.unused import report, unused_here
from engine.policy.values import Values
from engine.policy.vocabulary import NO_QUIET


class TeamLoad(Struct, frozen=True):
    """What came of loading a team file: the team (None if and only if a diagnostic is an error) and all diagnostics.

    `text` is the file's text, "" when it could not be read; `document` keeps the places for `check_team`.
    """

    team: Team | None
    diagnostics: tuple[Diagnostic, ...]
    text: str = ""
    document: Document | None = None


def load_team(path: Path) -> TeamLoad:
    """Load a team file. Raises nothing: every fault is a diagnostic."""
    problems = Problems()
    if not path.exists():
        problems.file("CL118", path.name, "there is no team file here", "`engine init DIR` writes one")
        return TeamLoad(None, problems.all())
    text = read_text(path.parent, path.name, problems)
    if text is None:
        return TeamLoad(None, problems.all())
    document = read_document({path.name: text}, frozenset(), problems, kind="team")
    agents = {name: _agent(name, node, problems) for name, node in document.entries("agents").items()}
    shifts = {name: node.string("calendar") for name, node in document.entries("shifts").items()}
    _check_users(document, problems)
    manager = document.single("manager")
    problems.unknown("CL601", manager, "agent", document.ids("agents"))
    for node in document.find("agents.*.shift"):
        problems.unknown("CL603", node, "shift", document.ids("shifts"))
    diagnostics = problems.all()
    team = None if has_errors(diagnostics) or manager is None else Team(agents, manager.text, shifts)
    return TeamLoad(team, diagnostics, text, document)


def check_team(load: TeamLoad, compilation: Compilation) -> tuple[Diagnostic, ...]:
    """Return what does not fit between a team and a policy that are sound by themselves; nothing while one of them is not."""
    team, policy, document, written = load.team, compilation.policy, load.document, compilation.document
    if team is None or policy is None or document is None or written is None:
        return ()
    problems = Problems()
    for file, text in compilation.files.items():
        problems.know_text(file, text)
    for node in document.entries("agents").values():
        problems.know_text(node.span.file, load.text)
        for queue in node["queues"].items:
            problems.unknown("CL602", queue, "queue", policy.queues)
    for node in document.entries("shifts").values():
        problems.unknown("CL604", node["calendar"], "calendar", policy.calendars)
    _check_queues(team, written, problems)
    _check_skills(team, written, problems)
    if not has_errors(problems.all()):
        rota.check(team, policy, problems)
    for recipient in recipients(written):
        if recipient.text not in team.agents:
            hint = "recipients are assignee, queue.lead, manager, customer, a queue, or an agent of team.yaml"
            problems.add("CL308", recipient, said("there is no queue and no agent `{recipient}`", recipient=recipient.text), hint)
    for assignee in assignees(written):
        problems.unknown("CL601", assignee, "agent", team.agents)
    return problems.all()


def _check_queues(team: Team, policy: Document, problems: Problems) -> None:
    staffed = {queue for agent in team.agents.values() for queue in agent.queues}
    unused = [one for one in unused_here(policy) if one.name.text not in staffed | set(team.shifts.values())]
    report(unused, problems)
    for id, node in policy.entries("queues").items():
        lead = node["lead"]
        if lead.text not in team.agents:
            message = said("the lead `{lead}` of the queue `{queue}` is not in the team", lead=lead.text, queue=id)
            problems.add("CL601", lead, message, suggestion(lead.text, team.agents))
        for backup in (node["backup"].items or (node["backup"],)) if "backup" in node.map else ():
            if backup.text not in team.agents:
                message = said("the backup `{backup}` of the queue `{queue}` is not in the team", backup=backup.text, queue=id)
                problems.add("CL601", backup, message, suggestion(backup.text, team.agents))
        if id not in staffed | {one.name.text for one in unused}:
            message = said("nobody in the team works in the queue `{queue}`", queue=id)
            problems.add("CL607", policy.name("queues", id), message, "add the queue to an agent in team.yaml")


def _check_skills(team: Team, policy: Document, problems: Problems) -> None:
    for node in policy.entries("routes").values():
        queue, asked = node.string("queue"), node.get("skills")
        for skill, level in skills(asked).items():
            if not any(agent.skills.get(skill, 0) >= level for agent in team.agents.values() if queue in agent.queues):
                place = next((item for item in asked.items if item.text == skill), asked.map.get(skill)) if asked is not None else None
                message = said(
                    "nobody in the queue `{queue}` has the skill `{skill}` at level {level}", queue=queue, skill=skill, level=level
                )
                problems.add("CL608", place or node, message, "add the skill to an agent in team.yaml")


def _agent(name: str, node: Node, problems: Problems) -> Agent:
    phone, quiet = _number(node.string("phone")) or None, _quiet(node.string("quiet"))
    return Values((), problems).make(Agent, node, id=name, phone=phone, absent=_absences(node.get("absent"), problems), quiet=quiet)


def _number(written: str) -> str:
    """Return a phone number as calls and messages name it: without what only helps the eye."""
    return "".join(mark for mark in written if mark not in " ()-")


def _quiet(written: str) -> Hours | tuple[()] | None:
    return () if written == NO_QUIET else quiet_hours(written) if written else None


def _absences(node: Node | None, problems: Problems) -> tuple[tuple[date, date], ...]:
    found: list[tuple[date, date]] = []
    for item in node.items if node else []:
        first, _, last = item.text.partition("/")
        try:
            begin, end = day(first), day(last)
        except ValueError:
            problems.add("CL606", item, said("there is no such day: `{item}`", item=item.text), "write year-month-day/year-month-day")
            continue
        if end < begin:
            problems.add("CL606", item, said("the absence `{item}` runs backwards", item=item.text), "write the first day first")
        found.append((begin, end))
    return tuple(found)


def _check_users(document: Document, problems: Problems) -> None:
    seen: dict[str, str] = {}
    for name, node in document.entries("agents").items():
        for user in node.each("users"):
            if user.text in seen:
                hint = "an account on the machine belongs to one person"
                problems.add(
                    "CL605", user, said("the user name `{user}` stands for {value} already", user=user.text, value=seen[user.text]), hint
                )
            seen.setdefault(user.text, name)
