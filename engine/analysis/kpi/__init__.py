"""KPIs: facts derived from the log once, summed up by the database, beside what the policy wants of them (docs/kpis.md)."""

from engine.analysis.kpi.evidence import evidence
from engine.analysis.kpi.facts import catch_up
from engine.analysis.kpi.measure import Figure, check, measure, splittable

__all__ = ["Figure", "catch_up", "check", "evidence", "measure", "splittable"]
