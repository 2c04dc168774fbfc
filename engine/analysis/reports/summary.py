"""What a report comes to, in a few sentences with the numbers."""

from collections.abc import Iterator

from engine.analysis.kpi import Figure
from engine.analysis.labels import label
from engine.analysis.reports.material import Material
from engine.analysis.reports.work import verdicts
from engine.core.kpis import KPIS

GRADED = ("met", "below_target", "flagged")


def of_period(material: Material) -> Iterator[str]:
    """Three sentences: what came in and how promises were kept, what customers said, how many targets were reached and what moved."""
    yield _promises(material)
    yield _customers(material)
    yield _targets(material)


def of_survey(material: Material) -> Iterator[str]:
    """What customers said, and how many of those who were asked."""
    yield _customers(material)
    asked = material.now("survey_response")
    if asked is not None and asked.value is not None:
        yield material.say(
            "lead.response", n=asked.n, value=material.amount("survey_response", asked.value), interval=_interval(material, asked)
        )


def of_promises(material: Material) -> Iterator[str]:
    """What came in and how promises were kept."""
    yield _promises(material)


def of_day(material: Material) -> Iterator[str]:
    """What came in and how promises were kept, and what was open and overdue at the end."""
    yield _promises(material)
    held = {one.group[0]: one.n for one in material.measured(["backlog"], ["agent"])}
    overdue = sum(one.ended is None for one in material.missed)
    yield material.say("lead.open", open=sum(held.values()), nobody=held.get("", 0), overdue=overdue)


def _promises(material: Material) -> str:
    volume, kept = material.now("volume"), material.now("sla_attainment")
    before = material.then("volume")
    needs = material.count("need", volume.n if volume else 0)
    than = material.say("lead.than", n=before.n) if before and before.n else ""
    if kept is None or kept.value is None:
        return material.say("lead.nothing_due", needs=needs, than=than)
    met = round(kept.value * kept.n)
    values = {"met": met, "due": kept.n, "value": material.amount(kept.kpi, kept.value), "interval": _interval(material, kept)}
    return material.say("lead.promises", needs=needs, than=than, **values)


def _customers(material: Material) -> str:
    csat, nps = material.now("csat"), material.now("nps")
    if csat is None or csat.value is None:
        return material.say("lead.suppressed" if csat is not None else "lead.no_answers" if "csat" in material.known else "lead.by_month")
    said = material.say(
        "lead.csat", value=material.amount("csat", csat.value), n=material.count("score", csat.n), interval=_interval(material, csat)
    )
    if nps is None or nps.value is None:
        return said + material.say("lead.end")
    return said + material.say("lead.nps", value=material.amount("nps", nps.value)) + material.say("lead.end")


def _targets(material: Material) -> str:
    judged = [one for name in material.known if (one := material.now(name)) is not None and one.standing in GRADED]
    met = sum(one.standing == "met" for one in judged)
    said = material.say("lead.targets", met=met, n=len(judged)) if judged else material.say("lead.no_targets")
    worst = max((one for one in judged if one.standing != "met"), key=_shortfall, default=None)
    if worst is not None and worst.goal is not None:
        values = {"value": material.amount(worst.kpi, worst.value), "target": material.amount(worst.kpi, worst.goal.target)}
        said += material.say("lead.worst", kpi=label(f"kpi.{worst.kpi}", material.language), **values)
    count, improved = verdicts(material)
    said += material.say("lead.verdicts", measures=material.count("measure", count), improved=improved) if count else ""
    return said + material.say("lead.end")


def _shortfall(figure: Figure) -> float:
    """How far a figure is from its target, as a share of the target; what has a target of nothing counts by its value."""
    target = figure.goal.target if figure.goal else 0.0
    missing = target - (figure.value or 0.0)
    return (missing if KPIS[figure.kpi].better == "high" else -missing) / (abs(target) or 1.0)


def _interval(material: Material, figure: Figure) -> str:
    """The interval and the target, as they stand in brackets."""
    parts = [material.say("lead.interval", interval=material.interval(figure))] if figure.interval else []
    parts += [material.say("lead.target", target=material.amount(figure.kpi, figure.goal.target))] if figure.goal else []
    return material.say("lead.brackets", parts=material.say("lead.and").join(parts)) if parts else ""
