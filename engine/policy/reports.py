"""Builds what reports.yaml says: what each KPI should reach, what is watched by cron, and which reports go out."""

from collections.abc import Callable
from typing import Any

from engine.core.alerts import AlertRule
from engine.core.kpis import FORMATS, KPIS, PERIODS, REPORTS, SETTINGS, Goal, Kpi, KpiPolicy, Report, Reports, Subject, Watch
from engine.core.schedule import Schedule
from engine.policy.conditions import all_visible
from engine.policy.cron import slots
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.units import duration, share
from engine.policy.values import Values

_AMOUNTS = {"share": {"$ref": "#/$defs/share"}, "duration": {"$ref": "#/$defs/positive_duration"}}


def kpi_schemas() -> dict[str, Any]:
    """Return the schemas of what may be said of each KPI, by its unit, its settings and what it can be split by; and the words for KPIs and
    reports.
    """
    judged = [name for name, kpi in KPIS.items() if kpi.better]
    return {
        "kpis": {"type": "object", "properties": {name: _schema(kpi) for name, kpi in KPIS.items()}, "additionalProperties": False},
        "judged_kpi": {"enum": judged},
        "report": {"enum": list(REPORTS)},
        "format": {"enum": list(FORMATS)},
        "agent_kpi": {"enum": [name for name in judged if "agent" in KPIS[name].dimensions and name != "scorecard"]},
    }


def _schema(kpi: Kpi) -> dict[str, Any]:
    amount = _AMOUNTS.get(kpi.unit, {"type": "number"})
    goal = {"target": amount, "warning": amount}
    parts = [name for name in kpi.dimensions if name not in PERIODS]
    scope = {**{name: {"type": "string"} for name in parts}, **goal}
    scopes = {
        "type": "array",
        "items": {"type": "object", "properties": scope, "required": ["target"], "minProperties": 2, "additionalProperties": False},
        "minItems": 1,
    }
    words = {name: {"enum": list(SETTINGS[name])} for name in kpi.settings if name in SETTINGS}
    others = {"within": _AMOUNTS["duration"], "window": _AMOUNTS["duration"], "calendar": {"type": "string"}}
    return {
        "type": "object",
        "properties": {
            **(goal if kpi.better else {}),
            "minimum_n": {"type": "integer", "minimum": 1},
            "by": {"type": "array", "items": {"enum": list(kpi.dimensions)}, "uniqueItems": True, "minItems": 1},
            **words,
            **{name: others[name] for name in kpi.settings if name in others},
            **({"scopes": scopes} if kpi.better else {}),
        },
        "required": list(kpi.settings),
        "dependentRequired": {"warning": ["target"], "scopes": ["target"]},
        "additionalProperties": False,
    }


def reports(document: Document, values: Values, alert: Callable[[Node], AlertRule], problems: Problems) -> Reports:
    """Return what the policy says of KPIs, nothing where it says nothing; `alert` builds what is done when one is raised."""
    kpis = {name: _kpi(KPIS[name], node, values, problems) for name, node in document.entries("kpis").items()}
    named = [document.name("scorecard", name) for name in document.entries("scorecard")]
    named += [kpi for node in document.entries("watch").values() for kpi in node["kpis"].items]
    for node in named:
        if document.ids("kpis") == frozenset(kpis) and (node.text not in kpis or kpis[node.text].goal is None):
            hint = said("give it a target: `kpis: {{{name}: {{target: …}}}}`", name=node.text)
            problems.add("CL392", node, said("`{name}` has no target to be measured by", name=node.text), hint)
    weights = {name: share(node.text) for name, node in document.entries("scorecard").items()}
    watches = (
        values.make(Watch, node, id=id, alert=alert(node), **slots(node, document, problems))
        for id, node in document.entries("watch").items()
    )
    sent = (values.make(Report, node, id=id, **slots(node, document, problems)) for id, node in document.entries("reports").items())
    subjects = (
        values.make(Subject, node, id=id) for id, node in document.entries("suggestions").items() if all_visible(node["keywords"], problems)
    )
    ignored = tuple(word.text for part in document.parts("ignored_words") for word in part.items)
    checks = document.single("verification")
    verified = values.optional(Schedule, checks, **(slots(checks, document, problems) if checks else {}))
    return Reports(kpis, weights, tuple(watches), verified, tuple(sent), tuple(subjects), ignored)


def _kpi(kpi: Kpi, node: Node, values: Values, problems: Problems) -> KpiPolicy:
    goal = _goal(kpi, node, problems) if "target" in node.map else None
    scopes = tuple(_scope(kpi, scope, problems) for scope in node.each("scopes"))
    return values.make(KpiPolicy, node, name=kpi.name, goal=goal, scopes=scopes, way=node.string("mode") or node.string("method"))


def _scope(kpi: Kpi, node: Node, problems: Problems) -> tuple[dict[str, str], Goal]:
    return {name: value.text for name, value in node.map.items() if name not in ("target", "warning")}, _goal(kpi, node, problems)


def _goal(kpi: Kpi, node: Node, problems: Problems) -> Goal:
    """The target and the warning value, each in the unit of the KPI."""
    target = _amount(kpi, node["target"])
    warning = _amount(kpi, node["warning"]) if "warning" in node.map else None
    if warning is not None and (warning > target if kpi.better == "high" else warning < target):
        message = said("the warning value of `{name}` is better than its target", name=kpi.name)
        problems.add("CL393", node["warning"], message, "what is worse than `warning` is flagged: let it be the worse of the two")
    return Goal(target, warning)


def _amount(kpi: Kpi, node: Node) -> float:
    if kpi.unit == "share":
        return share(node.text)
    return duration(node.text).total_seconds() if kpi.unit == "duration" else float(node.text)
