"""`engine status`: how the work stands."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import click
from msgspec.structs import asdict

from engine.cli.output import say, say_json, span, table
from engine.cli.session import FORMAT, Desk, Session, options
from engine.cli.words import Words
from engine.core.compiled import Policy
from engine.core.fields import OPEN_STATES
from engine.policy import compile_policy
from engine.runtime.clock import JUMPED
from engine.runtime.cron import next_slot
from engine.runtime.project import Job
from engine.runtime.schedule import upcoming
from engine.store import TicketQuery

_ALL = 1_000_000
_SHOWN = 5
"""How many of the timers that fire next are named."""

_AHEAD = timedelta(days=36525)


@click.command()
@options(FORMAT)
def command(session: Session) -> None:
    """Show how the work stands: what waits, what is due next, open and overdue tickets, what was set aside, the policy in force."""
    with session.desk() as desk:
        data = survey(desk)
        words, policy = desk.words, desk.policy
    if session.json:
        say_json(data)
    else:
        _print(data, words, policy)


def survey(desk: Desk) -> dict[str, Any]:
    """Return the figures of this moment."""
    with desk.store.read() as reader:
        tickets = reader.tickets(TicketQuery(states=OPEN_STATES, limit=_ALL))
        inbox, outbox = reader.inbox_counts(), reader.message_counts()
        following = {"timer": reader.next_timer(), "message": reader.next_message(), "inbox": reader.next_inbox()}
        dead = {"inbox": inbox.get("dead", 0), "outbox": outbox.get("dead", 0), "timers": len(reader.dead_timers(_ALL))}
        active = reader.active_policy()
        ahead = reader.due_timers(desk.now + _AHEAD, _SHOWN)
        carriers = [row for row in reader.channel_states() if row.failures]
        waiting, jumped = reader.waiting_messages(desk.now), reader.meta(JUMPED)
    overdue = [ticket.number for ticket in tickets if any(c.running and c.due and c.due <= desk.now for c in ticket.deadlines.values())]
    written = compile_policy(desk.project.policies)
    return {
        "now": desk.now,
        "policy": {"active": active, "directory": "broken" if written.policy is None else written.policy.digest},
        "outbound": desk.project.outbound,
        "open": dict(Counter(ticket.tier or ticket.kind for ticket in tickets)),
        "unassigned": sum(ticket.assignee is None for ticket in tickets),
        "overdue": overdue,
        "inbox": inbox,
        "outbox": outbox,
        "next": following,
        "timers": [{"at": row.next_attempt_at or row.due, "ticket": row.ticket, "timer": row.key} for row in ahead],
        "jobs": [{"at": at, "job": job.name} for at, job in _jobs(desk)],
        "dead": dead,
        "rules": upcoming(desk.policy, desk.now),
        "holidays": _holidays(desk.policy),
        "carriers": [{"circuit": "open" if row.opened_at else "closed", **asdict(row)} for row in carriers],
        "rates": [
            {"channel": one.name, "limit": one.rate.limit, "per": one.rate.per, "waiting": waiting.get(one.name, 0)}
            for one in desk.project.channels
            if one.rate
        ],
        "alarms": [
            *_alarms(active, written.policy, dead, outbox, desk.project.hold),
            *_full(inbox, desk.project.waiting_limit),
            *_jump(jumped, desk.now),
        ],
    }


def _jobs(desk: Desk) -> list[tuple[datetime, Job]]:
    """When each job of engine.yaml runs next, the first one first."""
    timezone = desk.policy.company.timezone
    return sorted(((next_slot(job, desk.now, timezone), job) for job in desk.project.jobs), key=lambda row: row[0])


def _holidays(policy: Policy) -> list[dict[str, Any]]:
    """By which arrangements the calendars count, and which of them are not announced yet."""
    return [
        {"calendar": name, "year": year, "provisional": one.provisional, "source": one.source}
        for name, calendar in policy.calendars.items()
        for year, one in sorted(calendar.holidays.items())
    ]


def _alarms(active: str | None, written: Policy | None, dead: dict[str, int], outbox: dict[str, int], hold: bool) -> list[str]:
    """What an operator should look at."""
    alarms = []
    if written is None:
        alarms.append("the policies in the directory have errors: `engine validate` shows them; the last good ones stay in force")
    elif written.digest != active:
        how = "`engine policy diff` shows what differs, `engine policy activate --from-directory` puts them in force"
        alarms.append(f"the policies in the directory are not the ones in force: {how}")
    if any(dead.values()):
        alarms.append("something was set aside: `engine dead list` shows it")
    if outbox.get("held") and not hold:
        alarms.append("messages are held though outbound is not `hold`: `engine outbox release` sends them")
    return alarms


def _jump(jumped: str | None, now: datetime) -> list[str]:
    """Say for a day that the wall clock jumped."""
    if jumped is None:
        return []
    at, seconds = jumped.split()
    if abs(now - datetime.fromisoformat(at)) > timedelta(days=1):
        return []
    return [f"the wall clock jumped by {seconds} s at {at}: deadlines are counted by the new time, so look whether it is right"]


def _full(inbox: dict[str, int], limit: int) -> list[str]:
    """Whether so much waits that nothing more is taken in."""
    waiting = inbox.get("pending", 0)
    told = f"{waiting} items wait to be handled (intake.waiting_limit is {limit}): the channels take nothing more in"
    return [told] if waiting >= limit else []


def _print(data: dict[str, Any], words: Words, policy: Policy) -> None:
    tiers = {tier.id for tier in policy.tiers}
    rows = [(words.tier(key) if key in tiers else words.name(key), str(count)) for key, count in data["open"].items()]
    table(
        [words.name("tier"), words.name("count")],
        [
            *rows,
            (words.name("overdue"), (str(len(data["overdue"])), "red" if data["overdue"] else "")),
            (words.name("nobody"), str(data["unassigned"])),
        ],
    )
    for part in ("inbox", "outbox"):
        counts = ", ".join(f"{words.name(state)} {count}" for state, count in sorted(data[part].items()))
        say(f"{words.name(part)}: {counts or '0'}")
    following = ", ".join(f"{words.name(what)} {words.clock(at, seconds=True)}" for what, at in data["next"].items() if at)
    say(f"{words.name('next')}: {following or '-'}")
    for one in data["timers"]:
        say(f"  {words.clock(one['at'], seconds=True)}  {one['ticket']}  {words.timer(one['timer'])}")
    for at, name in sorted([*((one["at"], one["job"]) for one in data["jobs"]), *((at, rule) for rule, at in data["rules"].items())]):
        say(f"  {words.clock(at, seconds=True)}  {name} (cron)")
    say(f"{words.name('policy')}: {(data['policy']['active'] or '')[:12]}   outbound: {data['outbound']}")
    for one in data["holidays"]:
        if one["provisional"]:
            say(words.name("holidays.provisional", str(one["year"]), one["calendar"], one["source"]), "yellow")
    for one in data["carriers"]:
        side, until = words.name(f"side.{one['side']}"), words.clock(one["retry_at"], seconds=True)
        name = "circuit.open" if one["opened_at"] else "circuit.failing"
        say(
            words.name(name, one["channel"], side, until, str(one["failures"]), one["error"] or ""), "red" if one["opened_at"] else "yellow"
        )
    for one in data["rates"]:
        say(words.name("rate.waiting", one["channel"], str(one["limit"]), span(one["per"]), str(one["waiting"])))
    for alarm in data["alarms"]:
        say(f"! {alarm}", "bold red")
