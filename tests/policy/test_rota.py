"""An hour of a normal week with nobody to escalate to is an error, and nothing else is."""

import pytest
from msgspec.structs import replace

from engine.core.compiled import Policy
from engine.core.team import Team
from engine.policy import rota
from engine.policy.diagnostics import Problems
from tests.policy.support import shipped_policy, shipped_team

DAY_ONLY = dict.fromkeys(("zhao", "wang", "qian", "wu", "sun", "chen", "lin", "li", "zhou"), "day")


def people(**shifts: str) -> Team:
    """The shipped team, everybody on the day shift but for those that are named."""
    team = shipped_team().team
    assert team is not None
    agents = {id: replace(agent, shift={**DAY_ONLY, **shifts}[id]) for id, agent in team.agents.items()}
    return replace(team, agents=agents)


def in_office_hours(policy: Policy) -> Policy:
    """A policy that promises nothing outside the office's hours: no clock counts there, and no date is given by a person."""
    tiers = tuple(replace(tier, calendar="cn_office") for tier in policy.tiers)
    kinds = {name: replace(kind, due=None, calendar=None) for name, kind in policy.deadlines.items()}
    return replace(policy, tiers=tiers, deadlines=kinds)


def found(policy: Policy, team: Team) -> list[str]:
    problems = Problems()
    rota.check(team, policy, problems)
    return [item.message for item in problems.all()]


def only(policy: Policy, number: int, **changes: object) -> Policy:
    """The policy with one of its escalations, changed."""
    return replace(policy, escalations=(replace(policy.escalations[number], **changes),))


def test_the_manager_who_is_always_there_covers_every_hour() -> None:
    assert found(shipped_policy(), people(zhou="any")) == []


def test_without_them_each_escalation_says_its_first_gap() -> None:
    messages = found(shipped_policy(), people())
    assert len(messages) == 5
    assert messages[0].endswith("in the queue `front_desk` from Monday 00:00 to Monday 09:00")
    assert not any("`progress`" in message for message in messages)  # it is counted in office hours


def test_a_company_that_counts_in_office_hours_needs_nobody_at_night() -> None:
    assert found(in_office_hours(shipped_policy()), people()) == []


def test_a_date_that_a_person_gives_may_be_missed_at_any_hour() -> None:
    policy = in_office_hours(shipped_policy())
    kinds = {**policy.deadlines, "task": replace(policy.deadlines["task"], due="task.due")}
    [message] = found(replace(policy, deadlines=kinds), people())
    assert "`steps-and-tasks`" in message


@pytest.mark.parametrize(
    ("shifts", "gap"),
    [
        ({"zhao": "any"}, "`tech_support` from Monday 00:00"),  # the lead of the front desk covers that queue only
        ({"li": "any"}, None),  # the backup of all queues but their own, which they lead
        ({"wang": "any", "wu": "any"}, "`after_sales`|`product`|`finance`|`supervisors`"),  # members are told as assignees
        ({"qian": "any"}, "`front_desk`"),
    ],
)
def test_leads_backups_and_the_assignees_of_a_queue_count(shifts: dict[str, str], gap: str | None) -> None:
    messages = found(only(shipped_policy(), 0), people(**shifts))
    assert bool(messages) is (gap is not None)
    assert gap is None or any(part in messages[0] for part in gap.split("|"))


def test_an_agent_or_a_queue_that_a_step_names_counts_for_every_queue() -> None:
    policy = shipped_policy()
    first = policy.escalations[0].steps[0]
    for name in ("wu", "tech_support"):
        step = replace(first, notify=(*first.notify, replace(first.notify[0], to=name)))
        assert found(only(policy, 0, steps=(step,)), people(wu="any")) == []
    elsewhere = replace(first, notify=(*first.notify, replace(first.notify[0], to="finance")))
    assert found(only(policy, 0, steps=(elsewhere,)), people(wu="any")) != []


def test_the_calendar_of_each_queue_counts_where_the_clocks_run_on_it() -> None:
    policy = in_office_hours(shipped_policy())
    kinds = {**policy.deadlines, "response": replace(policy.deadlines["response"], calendar="queue")}
    queues = {id: replace(queue, calendar="24x7" if id == "finance" else "cn_office") for id, queue in policy.queues.items()}
    [message] = found(replace(policy, deadlines=kinds, queues=queues), people())
    assert "in the queue `finance` from Monday 00:00 to Monday 09:00" in message


def test_who_is_only_warned_escalates_to_nobody() -> None:
    assert found(only(shipped_policy(), 0, steps=()), people()) == []


def test_the_gap_is_told_by_the_clocks_of_the_company() -> None:
    policy = shipped_policy()
    away = replace(policy, company=replace(policy.company, timezone="Europe/Berlin"))
    assert found(away, people())[0].endswith("from Monday 00:00 to Monday 02:00")
