"""Builds what reports.yaml says: what each KPI should reach, what is watched by cron, and which reports go out."""

from collections.abc import Iterator
from typing import Any

from engine.core.kpis import KPIS, OF_CALLS, PERIODS, SETTINGS, Goal, Kpi, KpiPolicy, Report, Reports, Verification, Watch
from engine.policy.alerts import alert
from engine.policy.calendars import zone
from engine.policy.cron import check_cron
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.escalations import told
from engine.policy.nodes import Node
from engine.policy.references import References
from engine.policy.said import said
from engine.policy.units import duration, share

_AMOUNTS = {"share": {"$ref": "#/$defs/share"}, "duration": {"$ref": "#/$defs/positive_duration"}}


def kpi_schemas() -> dict[str, Any]:
    """Return the schemas of what may be said of each KPI, by its unit, its settings and what it can be split by; and the words for KPIs."""
    judged = [name for name, kpi in KPIS.items() if kpi.better]
    return {
        "kpis": {"type": "object", "properties": {name: _schema(kpi) for name, kpi in KPIS.items()}, "additionalProperties": False},
        "judged_kpi": {"enum": judged},
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


def reports(document: Document, languages: tuple[str, ...], references: References, problems: Problems) -> Reports:
    """Return what the policy says of KPIs, nothing where it says nothing."""
    kpis = {name: _kpi(KPIS[name], node, references, problems) for name, node in document.entries("kpis").items()}
    named = [document.name("scorecard", name) for name in document.entries("scorecard")]
    named += [kpi for node in document.entries("watch").values() for kpi in node["kpis"].items]
    for node in named:
        if document.ids("kpis") == frozenset(kpis) and (node.text not in kpis or kpis[node.text].goal is None):
            hint = said("give it a target: `kpis: {{{name}: {{target: …}}}}`", name=node.text)
            problems.add("CL392", node, said("`{name}` has no target to be measured by", name=node.text), hint)
    weights = {name: share(node.text) for name, node in document.entries("scorecard").items()}
    return Reports(
        kpis,
        weights,
        tuple(_watches(document, languages, references, problems)),
        next((Verification(one.source, *_slots(one, document, problems)) for one in document.parts("verification")), None),
        tuple(_reports(document, problems)),
    )


def _kpi(kpi: Kpi, node: Node, references: References, problems: Problems) -> KpiPolicy:
    within, window = (duration(node.string(name)) if name in node.map else None for name in ("within", "window"))
    return KpiPolicy(
        kpi.name,
        node.source,
        goal=_goal(kpi, node, problems) if "target" in node.map else None,
        scopes=tuple(_scope(kpi, scope, references, problems) for scope in (node["scopes"].items if "scopes" in node.map else ())),
        minimum_n=int(node.string("minimum_n", "1")),
        by=node.strings("by"),
        way=node.string("mode") or node.string("method"),
        within=within,
        window=window,
        calendar=references.calendar(node.get("calendar")),
    )


def _scope(kpi: Kpi, node: Node, references: References, problems: Problems) -> tuple[dict[str, str], Goal]:
    references.tier(node.get("tier"))
    if kpi.dimensions != OF_CALLS:  # whose queues are the PBX's
        references.queue(node.get("queue"))
    if (deadline := node.get("deadline")) is not None:
        references.deadline(deadline)
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


def _watches(document: Document, languages: tuple[str, ...], references: References, problems: Problems) -> Iterator[Watch]:
    for id, node in document.entries("watch").items():
        yield Watch(
            id,
            node.source,
            *_slots(node, document, problems),
            window=duration(node.string("window")),
            kpis=node.strings("kpis"),
            alert=alert(node, languages, references, problems),
        )


def _reports(document: Document, problems: Problems) -> Iterator[Report]:
    for id, node in document.entries("reports").items():
        yield Report(id, node.source, *_slots(node, document, problems), node.string("report"), node.strings("formats"), told(node, "to"))


def _slots(node: Node, document: Document, problems: Problems) -> tuple[str, str, str]:
    """The cron expression, its zone and what becomes of missed slots."""
    check_cron(node["cron"], problems)
    if "timezone" in node.map:
        zone(node["timezone"], problems)
    company = document.single("company")
    return node.string("cron"), node.string("timezone", company.string("timezone") if company else "UTC"), node.string("catch_up", "once")
