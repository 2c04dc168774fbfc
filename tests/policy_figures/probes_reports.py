"""Reports: what each KPI comes to beside its target, the agents' score, and when who is told of what."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from engine.analysis.kpi import measure, splittable
from engine.analysis.kpi.answers import ALWAYS
from engine.analysis.kpi.facts import business_calendar, facts_of
from engine.analysis.kpi.satisfaction import questions
from engine.analysis.kpi.suggestions import suggestions
from engine.runtime.cron import slots
from engine.runtime.schedule import looks
from engine.store import AnswerRow, FactRow
from tests.policy_figures.house import MORNING
from tests.policy_figures.lab import Lab, probe

ABOUT = r"reports\.yaml"
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
WAITS = (20 * SECOND, 30 * SECOND, 31 * SECOND, 40 * SECOND)


def facts() -> Iterator[FactRow]:
    """A few of every fact, so that no target is reached by all, with values at the limits of the shipped policy."""
    about: dict[str, Any] = {
        "kind": "complaint",
        "tier": "urgent",
        "queue": "front_desk",
        "agent": "wang",
        "channel": "email",
        "segment": "vip",
    }
    for index in range(20):
        for name, outcome, subject in (("deadline", "met" if index % 3 else "breached", "response"), ("survey", "sent", None)):
            yield FactRow(name, MORNING, **about, outcome=outcome, subject=subject)
    for wait in (15 * MINUTE, 15 * MINUTE + SECOND, HOUR):
        yield FactRow("response", MORNING, **about, value=wait)
    for again in (7 * DAY, 7 * DAY + HOUR, 30 * DAY, 30 * DAY + HOUR, None):
        later = None if again is None else MORNING + again
        yield FactRow("resolved", MORNING, **about, outcome="first_contact", value=DAY, business=9 * HOUR, again_at=later)
        yield FactRow("closed", MORNING, **about, outcome="confirmed" if again else "objected", value=DAY, again_at=later)
    yield FactRow("resolved", MORNING, **about, outcome="later", value=DAY, business=9 * HOUR)
    yield FactRow("reopened", MORNING, **about)
    yield FactRow("survey", MORNING, **about, outcome="answered")
    for outcome in ("resolved", "confirmed", "objected"):
        yield FactRow("article", MORNING, **about, outcome=outcome, subject="invoice")
    for points in (60, 70, 80, 60, 70):
        yield FactRow("review", MORNING, **about, outcome="passed", value=points * SECOND)
    for wait in WAITS:
        for outcome in ("answered", "abandoned"):
            yield FactRow(
                "call", MORNING, channel="phone_log", queue="hotline", subject="inbound", outcome=outcome, value=wait, business=MINUTE
            )


@probe(r"reports\.yaml:(suggestions|ignored_words)", only=True)
def what_customers_suggest(lab: Lab) -> Iterator[str]:
    """Every keyword and every ignored word is said by five."""
    said = lab.words(r"reports\.yaml:(suggestions\[\d+\]\.keywords|ignored_words)\[\d+\]")
    answers = [AnswerRow(f"{place}.{n}", "after-closure", "2026-03", {}, word) for place, word in enumerate(said) for n in range(5)]
    reports = lab.policy.reports
    found = suggestions(answers, reports.suggestions, reports.ignored_words, (), ALWAYS, lambda text: [text])
    yield from map(str, (*found.subjects, *found.words, *(subject.label for subject in reports.suggestions)))


@probe(r"survey\.yaml:surveys\[1\]\.outcome", only=True)
def what_drives_satisfaction(lab: Lab) -> Iterator[str]:
    yield from (str(questions(survey)) for survey in lab.policy.surveys if survey.outcome)


@probe(ABOUT)
def figures(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        number = house.mail("请问营业时间")
        ticket = house.tx.ticket(number)
        assert ticket is not None
        assert house.tx.keep_facts(number, ticket.seq, list(facts()))
        for score in (5, 4, 4, 3, 5):
            house.tx.keep_answer(AnswerRow(f"a{score}{len(house.log)}", "after-closure", "2026-03", {"speed": score}, ""))
            house.log.append("")
        for index in range(30):
            house.tx.keep_answer(AnswerRow(f"n{index}", "relationship", "2026-03", {"recommend": 9 if index % 2 else 7}, ""))
        for by in ([], ["tier"], ["agent"], ["question"]):
            found = measure(house.tx, lab.policy, splittable(by), by, MORNING - DAY, MORNING + 40 * DAY)
            yield from map(str, found)


@probe(ABOUT)
def business_time(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        number = house.mail("请问营业时间")
        house.later(days=1)
        house.act(number, "resolve", "已答复")
        yield from map(str, facts_of(house.tx.events(number), None, business_calendar(lab.policy)))


@probe(ABOUT)
def watches_and_reports(lab: Lab) -> Iterator[str]:
    """When each comes next, and what it is about, and who hears of it."""
    for watch in lab.policy.reports.watches:
        yield f"{watch.id} {watch.window} {watch.alert} {watch.catch_up}"
        yield from (f"{name} {lab.policy.reports.kpis[name].by}" for name in watch.kpis)
    for report in lab.policy.reports.reports:
        yield f"{report.id} {report.report} {report.formats} {report.to} {report.catch_up}"
    yield from (f"{job.name} {job.catch_up}" for _, job in looks(lab.policy))
    jobs = [job for _, job in looks(lab.policy)] + list(lab.policy.reports.reports)
    for job in jobs:
        yield from map(str, islice(slots(job.cron, job.timezone or "", MORNING, MORNING + 70 * DAY), 24))
