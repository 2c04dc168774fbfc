"""The shipped policies say what the company promised: these figures and words."""

from datetime import UTC, date, datetime, timedelta

import chinese_calendar  # type: ignore[import-untyped]  # published without types
import pytest

from engine.core.calendar import Calendar
from engine.core.fields import NEEDS
from engine.policy import check_team, compile_files
from engine.policy.samples import samples
from engine.policy.scripts import setting
from engine.policy.vocabulary import OCCASIONS
from tests.policy.support import overlaid, shipped, shipped_policy, shipped_team

POLICY = shipped_policy()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_the_shipped_policies_and_team_have_nothing_to_complain_about() -> None:
    assert shipped().diagnostics == ()
    assert shipped_team().diagnostics == ()
    assert check_team(shipped_team(), shipped()) == ()


def test_the_tiers_promise_what_the_company_promises() -> None:
    budgets = {tier.id: (tier.budgets["response"], tier.budgets["plan"]) for tier in POLICY.tiers}
    assert budgets == {"urgent": (10 * MINUTE, 2 * HOUR), "important": (30 * MINUTE, 4 * HOUR), "general": (2 * HOUR, 24 * HOUR)}
    assert POLICY.tiers[-1].when is None


def test_a_low_score_is_followed_up_within_48_hours_of_the_answer_on_the_same_clock_engine() -> None:
    survey = POLICY.surveys[0]
    assert survey.low_score is not None
    assert (survey.low_score.kind, survey.low_score.queue) == ("follow_up", "supervisors")
    assert survey.low_score.within + (POLICY.deadlines["follow_up"].budget or HOUR) == 48 * HOUR
    assert [question.scale.text for question in survey.questions] == [False, False, False, True]
    assert all(len(labels) == 5 for question in survey.questions[:3] for labels in question.labels.values())


def test_every_occasion_has_a_script_and_every_need_a_rule_or_the_default() -> None:
    assert set(POLICY.notices) == set(OCCASIONS)
    assert {rule.kind for rule in POLICY.kinds} <= set(NEEDS)


def test_an_escalation_step_without_a_script_says_the_last_one_again() -> None:
    steps = POLICY.escalations[0].steps
    assert [step.script for step in steps] == ["breach_notice"] * 3
    assert [step.after for step in steps] == [timedelta(0), 30 * MINUTE, 2 * HOUR]
    assert (steps[1].reassign, steps[2].repeat, steps[2].until) == (True, 2 * HOUR, "acknowledged")


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_holidays_and_make_up_workdays_are_those_of_the_state_council(year: int) -> None:
    calendar = POLICY.calendars["cn_office"]
    day = date(year, 1, 1)
    while day.year == year:
        assert _works(calendar, day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


def _works(calendar: Calendar, day: date) -> bool:
    return calendar.is_open(datetime(day.year, day.month, day.day, 2, tzinfo=UTC))  # 10:00 in Shanghai


@pytest.mark.parametrize(
    "text",
    [
        "系统宕机,全公司无法使用",
        "是不是宕机了?",
        "能不能看一下,系统瘫痪了",
        "昨天没有宕机,今天宕机了",
        "没人处理,一直无法使用",
        "THE OUTAGE goes on",
    ],
)
def test_an_outage_is_affirmed(text: str) -> None:
    assert POLICY.keywords.find(text) & {"宕机", "无法使用", "瘫痪", "outage"}


@pytest.mark.parametrize("text", ["请问没有宕机吧", "不是宕机", "宕机问题已解决", "there is no outage", "the outage is over"])
def test_an_outage_that_is_denied_or_over_is_none(text: str) -> None:
    assert not POLICY.keywords.find(text) & {"宕机", "outage"}


def test_short_messages_fit_into_one_part_with_the_signature() -> None:
    made_of = setting(POLICY.company, POLICY.tiers, POLICY.deadlines)
    short = [name for name in POLICY.notices.values() if POLICY.scripts[name].audience == "customer"] + [
        "survey_invitation",
        "survey_reminder",
    ]
    for name in set(short) - {
        "promise",
        "promise_changed",
        "plan",
        "progress",
    }:  # their length depends on what a person wrote, or on two clock times
        body = POLICY.scripts[name].body("sms", "zh", "zh")
        assert body is not None
        for _, context in samples(None, "zh", made_of):
            for link, most in (("", 70), (context["link"], 134)):  # where there are pages, the link takes another part
                text = f"【{POLICY.company.name['zh']}】{body.text.render({**context, 'link': link})}"
                assert len(text.encode("utf-16-le")) // 2 <= most, (name, text)


def test_the_promise_names_number_tier_and_both_clock_times() -> None:
    made_of = setting(POLICY.company, POLICY.tiers, POLICY.deadlines)
    context = dict(samples("promise", "zh", made_of))["tier important"]
    body = POLICY.scripts["promise"].body("sms", "zh", "zh")
    assert body is not None
    said = body.text.render({**context, "link": ""})
    assert said == "您的问题(工单202603040001)属于二级(重要),我们将在今天13:30前联系您,今天13:30前给出处理方案。"


def test_a_policy_from_its_texts_equals_the_one_from_the_directory() -> None:
    again = compile_files(shipped().files)
    assert again.policy is not None
    assert again.policy.digest == POLICY.digest
    assert "team.yaml" not in shipped().files


def test_the_digest_changes_with_every_name_and_text() -> None:
    other = overlaid({"company.yaml": shipped().files["company.yaml"] + "# changed\n"})
    renamed = dict(shipped().files)
    renamed["survey-a.yaml"] = renamed.pop("survey.yaml")
    moved = compile_files(renamed)
    assert other.policy is not None
    assert moved.policy is not None
    assert len({POLICY.digest, other.policy.digest, moved.policy.digest}) == 3
