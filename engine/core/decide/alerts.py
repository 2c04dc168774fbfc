"""Alerts: a KPI that misses its target, a cluster of complaints. Each is a ticket of the house's own, which stands until it is over."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec.structs import replace

from engine.core import events as e
from engine.core.alerts import AlertRule, above_baseline
from engine.core.commands import Raise, StartTimer
from engine.core.conditions import Source
from engine.core.decide.escalation import recipients
from engine.core.draft import Draft, Refusal
from engine.core.fields import ALERT, IMPROVEMENT
from engine.core.grouping import IncidentGroup
from engine.core.improvements import Aim, Improvement, next_month
from engine.core.kpis import KPIS, PERIODS
from engine.core.messages import send
from engine.core.model import SYSTEM
from engine.core.signals import KpiWatched, TicketRequested

LOOK_TIMER = "alert/look"
"""When an alert of a cluster looks whether it is over."""


def watched(draft: Draft, signal: KpiWatched) -> None:
    """Raise an alert where a KPI gives a reason for one, or end the one that stands when the KPI has reached its target again."""
    watch = next((one for one in draft.policy.reports.watches if one.id == signal.watch), None)
    if watch is None:
        raise Refusal(f"the policy has no watch {signal.watch!r}")
    why = reasons(signal, watch.alert.significant)
    values = {
        "why": ", ".join(why),
        "kpi": signal.kpi,
        **signal.group,
        "n": str(signal.n),
        "value": f"{signal.value:.6g}",
        "standing": signal.standing,
    }
    if signal.ticket is None and why:
        draft.because("raises an alert", watch.id, watch.source, values)
        request(draft, watch.alert, signal.alike, signal.words, watch.id, watch.source, _aim(draft, signal, watch.alert))
    elif signal.ticket is not None and signal.standing == "met" and not why:
        draft.because("the alert is over", watch.id, watch.source, values)
        _end(draft, watch.alert, signal.words)
    else:
        raise Refusal("nothing has changed")


def reasons(signal: KpiWatched, significant: bool) -> list[str]:
    """Return why a KPI raises an alert: `flagged`, `significant`, `control_limits` (the last week lies beyond them), or nothing."""
    why = []
    if signal.standing == "flagged" and (signal.significant or not significant):
        why.append("significant" if signal.significant else "flagged")
    if signal.limits is not None and signal.week is not None:
        low, high = signal.limits
        if signal.week < low if KPIS[signal.kpi].better == "high" else signal.week > high:
            why.append("control_limits")
    return why


def _aim(draft: Draft, signal: KpiWatched, rule: AlertRule) -> Aim | None:
    """What a measure should move: the KPI, from what it was to what it is in as long a time once the measure is due, or in the month after
    that where it is kept by month.
    """
    if rule.opens is None or KPIS[signal.kpi].standing:
        return None
    since, until = signal.period
    begin = max(draft.now + (rule.opens.due or timedelta(0)), until)
    end = begin + (until - since)
    if KPIS[signal.kpi].by_month:
        begin = next_month(begin, draft.policy.company.timezone)
        end = next_month(begin, draft.policy.company.timezone)
    scope = {dimension: value for dimension, value in signal.group.items() if dimension not in PERIODS}
    return Aim(signal.kpi, signal.period, (begin, end), scope)


def request(draft: Draft, rule: AlertRule, alike: str, words: Mapping[str, str], by: str, source: Source, aim: Aim | None = None) -> None:
    """Ask for the ticket of an alert; what a measure that it opens is for goes with it."""
    language = draft.policy.company.languages[0]
    draft.want(
        Raise(
            TicketRequested(
                kind=ALERT,
                queue=rule.queue,
                text=draft.policy.text(words, language),
                channel=next(iter(draft.facts.senders), ""),
                language=language,
                rule=by,
                source=source,
                alike=alike,
                words=words,
                improvement=Improvement(aim=aim),
            ),
            draft.facts.depth,
        )
    )


def opened(draft: Draft, signal: TicketRequested, group: IncidentGroup | None) -> None:
    """Tell of an alert that was just opened, and open what the policy wants of it; that of a cluster looks whether it is over."""
    watch = next((one for one in draft.policy.reports.watches if one.id == signal.rule), None)
    rule = group.alert if group else watch.alert if watch else None
    if group is not None:
        draft.want(StartTimer(LOOK_TIMER, draft.now + group.window))
    if rule is None:
        return
    _tell(draft, rule, rule.script, signal.words)
    if rule.opens is not None:
        label, ticket = draft.policy.text(rule.opens.label, draft.ticket.language), draft.ticket
        measure = replace(signal.improvement or Improvement(), sources=(ticket.number,))
        wanted = TicketRequested(
            kind=rule.opens.kind,
            queue=rule.opens.queue,
            text=": ".join(filter(None, (label, signal.text))),
            channel=ticket.channel,
            language=ticket.language,
            parent=ticket.number,
            due=draft.now + rule.opens.due if rule.opens.due is not None else None,
            rule=signal.rule,
            source=signal.source,
            improvement=measure if rule.opens.kind == IMPROVEMENT else None,
        )
        draft.want(Raise(wanted, draft.facts.depth))


def clustered(draft: Draft, group: IncidentGroup) -> bool:
    """Whether as many tickets that are alike came within the window as make a cluster, more than its own baseline lets expect."""
    count, before = draft.facts.counted
    return count >= group.minimum and (group.baseline is None or above_baseline(count, before, group.baseline / group.window))


def fired(draft: Draft, group: IncidentGroup | None) -> None:
    """End the alert of a cluster when no more tickets come than usually do; look again after the window otherwise."""
    if group is not None and clustered(draft, group):
        draft.want(StartTimer(LOOK_TIMER, draft.now + group.window))
        return
    draft.because("the alert is over", group.id if group else "groups", group.source if group else None, counted(draft, group))
    _end(draft, group.alert if group else None, {})


def counted(draft: Draft, group: IncidentGroup | None) -> dict[str, str]:
    """Return the figures that a cluster is judged by, in words."""
    count, before = draft.facts.counted
    return {"tickets": str(count), **({"before": str(before), "minimum": str(group.minimum), "window": str(group.window)} if group else {})}


def _end(draft: Draft, rule: AlertRule | None, words: Mapping[str, str]) -> None:
    """Close the alert, and tell whom it was told that it is over; where no `words` say by which figures, what it was raised for."""
    language = draft.ticket.language
    draft.record(e.TicketClosed("closed", SYSTEM, draft.keep_if("result", draft.policy.text(words, language))))
    if rule is not None:
        _tell(draft, rule, rule.ended, words or {language: draft.text_of(draft.ticket.description)})


def _tell(draft: Draft, rule: AlertRule, script: str | None, words: Mapping[str, str]) -> None:
    if script is None:
        return
    for party, channels in recipients(draft, rule.to).items():
        agent = draft.facts.agents.get(party)
        text = draft.policy.text(words, agent.language if agent else draft.ticket.language)
        send(draft, script, party, {"alert": {"text": text}}, channels=channels, digest=True)
