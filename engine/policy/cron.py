"""Which cron expressions are understood, and why another one is refused."""

import re
from datetime import datetime

from engine.policy.calendars import zone
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.scalars import Odd

_FIELDS = 5
_STEPS = re.compile(r"\*/\d+")
_DRAWN = re.compile(r"\b[hr]\b", re.IGNORECASE)
"""H and R let croniter draw a time at random: then a job would be due whenever it is looked at."""
_ANY_DAY = datetime(2026, 1, 1)  # noqa: DTZ001  # a wall clock, from which an expression that never holds is tried


def refusal(expression: str) -> Odd | None:
    """Say why a cron expression of five fields (or `@daily` and the like) is refused; None: it is understood."""
    from croniter import CroniterError, croniter  # 20 ms that only those pay who have jobs

    fields = expression.split()
    if len(fields) not in (1, _FIELDS) or _DRAWN.search(expression) or not croniter.is_valid(expression):
        hint = 'minute, hour, day of the month, month, weekday: "0 3 * * *" is every day at 3, "0 9 * * mon" Mondays at 9'
        return Odd("CL341", said("`{expression}` is no cron expression", expression=expression), hint)
    if len(fields) == _FIELDS and _STEPS.fullmatch(fields[2]) and _STEPS.fullmatch(fields[4]):
        message = said("`{expression}` asks for steps of both the day of the month and the weekday", expression=expression)
        return Odd("CL340", message, "programs disagree whether both must hold or either: write `*` in one of the two fields")
    try:
        croniter(expression, _ANY_DAY).get_next(datetime)
    except CroniterError:
        return Odd("CL341", said("`{expression}` never comes", expression=expression), "no month has that day: choose another day")
    return None


def check_cron(node: Node, problems: Problems) -> None:
    """Report a cron expression that is refused."""
    if (odd := refusal(node.text)) is not None:
        problems.add(odd.code, node, odd.message, odd.hint)


def slots(node: Node, document: Document, problems: Problems) -> dict[str, str]:
    """Return what a cron expression and what stands beside it say: `cron`, `timezone` (else the company's) and `catch_up`."""
    if not document.proven:
        check_cron(node["cron"], problems)
    if "timezone" in node.map:
        zone(node["timezone"], problems)
    company = document.single("company")
    timezone = node.string("timezone", company.string("timezone") if company else "UTC")
    return {"cron": node.string("cron"), "timezone": timezone, "catch_up": node.string("catch_up", "once")}
