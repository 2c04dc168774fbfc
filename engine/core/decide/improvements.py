"""Measures of improvement and what came of follow-ups: what people plan and record, and the verdict on figures that come with a signal."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from engine.core import events as e
from engine.core.draft import Draft, Refusal
from engine.core.fields import IMPROVEMENT
from engine.core.improvements import (
    CATEGORIES,
    CAUSES,
    IMPROVED,
    MOST_WHYS,
    NOT_IMPROVED,
    TOO_EARLY,
    Aim,
    Evidence,
    Improvement,
    next_month,
)
from engine.core.kpis import AIMS, KPIS, PERIODS
from engine.core.signals import AgentActed


def planned(draft: Draft, improvement: Improvement, by: str) -> None:
    """Put on record what the measure is for. Raises Refusal where it cannot be verified so."""
    if improvement.category not in (None, *CATEGORIES):
        raise Refusal(f"a measure cannot change {improvement.category!r}, only {', '.join(CATEGORIES)}")
    if improvement.aim is not None:
        _check(improvement.aim, draft.policy.company.timezone)
    draft.record(e.ImprovementPlanned(by, improvement))


def improve(draft: Draft, signal: AgentActed) -> None:
    """Plan a measure anew: what it is for, by when; a text is kept as a note."""
    known = _measure(draft)
    if (wanted := signal.improvement) is not None:
        verdict = known.verdict if wanted.aim == known.aim else None
        planned(draft, replace(wanted, verdict=verdict), signal.actor)
    if signal.due is not None and signal.due != draft.ticket.due:
        if signal.due <= draft.now:
            raise Refusal(f"the due date lies in the past ({signal.due.isoformat()})")
        draft.record(e.DueChanged(signal.due, signal.actor))
    if signal.text.strip():
        draft.record(e.Noted(draft.keep("note", signal.text), signal.actor))


def verify(draft: Draft, signal: AgentActed) -> None:
    """Judge the figures, which must be those that the measure aims at."""
    known, evidence = _measure(draft), signal.evidence
    if known.aim is None or evidence is None or evidence.aim != known.aim:
        raise Refusal(f"ticket {draft.ticket.number} is not verified by these figures: it has no KPI to move, or by now another one")
    wanted = draft.policy.reports.kpis.get(known.aim.kpi)
    verdict = judge(evidence, wanted.minimum_n if wanted else 1, draft.now)
    values = {"before": str(evidence.before.value), "after": str(evidence.after.value), "difference": str(evidence.difference)}
    draft.because(f"verdict: {verdict}", known.aim.kpi, wanted.source if wanted else None, values)
    draft.record(e.ImprovementVerified(signal.actor, verdict, evidence))


def outcome(draft: Draft, signal: AgentActed) -> None:
    """Record what came of a follow-up, or why a customer complained; said again it replaces what was said before."""
    said = signal.outcome
    if said is None or not (said.whys or said.remedy.strip() or said.words.strip() or said.cause or said.satisfied is not None):
        raise Refusal(
            "outcome needs something to record: why it came to this, the remedy, the customer's words, whether they are satisfied"
        )
    if said.cause not in (None, *CAUSES):
        raise Refusal(f"there is no category of causes {said.cause!r}; there are {', '.join(CAUSES)}")
    if len(said.whys) > MOST_WHYS:
        raise Refusal(f"why is asked {MOST_WHYS} times at most; there are {len(said.whys)} answers")
    whys = tuple(draft.keep("why", text) for text in said.whys)
    remedy, words = draft.keep_if("remedy", said.remedy), draft.keep_if("words", said.words)
    draft.record(e.OutcomeRecorded(signal.actor, said.cause, whys, remedy, words, said.satisfied))


def _measure(draft: Draft) -> Improvement:
    if draft.ticket.kind != IMPROVEMENT:
        raise Refusal(f"ticket {draft.ticket.number} is of kind {draft.ticket.kind}, no measure of improvement")
    return draft.ticket.improvement or Improvement()


def _check(aim: Aim, timezone: str) -> None:
    """Raise Refusal where nothing can be verified by it."""
    kpi = KPIS.get(aim.kpi)
    if kpi is None or kpi.name not in AIMS:
        raise Refusal(f"nothing can be verified by {aim.kpi!r}; a measure can aim at {', '.join(AIMS)}")
    dimensions = [name for name in kpi.dimensions if name not in PERIODS]
    if wrong := [name for name in aim.scope if name not in dimensions]:
        raise Refusal(f"{aim.kpi} is not known by {', '.join(wrong)}; it is by {', '.join(dimensions)}")
    if not aim.baseline[0] < aim.baseline[1] <= aim.check[0] < aim.check[1]:
        raise Refusal("the baseline comes first and the check after it, each from one instant to a later one")
    if kpi.by_month and aim.check[0] < next_month(aim.baseline[1] - timedelta(microseconds=1), timezone):
        raise Refusal(f"answers are kept by month: for {aim.kpi} the check begins in a later month than the baseline ends")


def judge(evidence: Evidence, minimum_n: int, now: datetime) -> str:
    """Return the verdict: improved only where the whole interval of the difference lies on the better side.

    It is too early while the check lasts, and where either window holds too little: fewer than `minimum_n`, or nothing.
    """
    windows = (evidence.before, evidence.after)
    if now < evidence.aim.check[1] or any(one.value is None or one.n < minimum_n for one in windows):
        return TOO_EARLY
    sign = 1 if KPIS[evidence.aim.kpi].better == "high" else -1
    shown = evidence.difference is not None and min(sign * end for end in evidence.difference) > 0
    return IMPROVED if shown else NOT_IMPROVED
