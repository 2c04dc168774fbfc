"""The rules of a compiled policy as one list, so that they can be counted, named and covered by tests."""

from collections.abc import Iterator

from msgspec import Struct

from engine.core.compiled import Policy
from engine.core.conditions import Source


class Named(Struct, frozen=True):
    """One rule: what kind it is (`tier`, `route`, …), its id, and where it is written, which is also how decisions name it."""

    kind: str
    id: str
    source: Source

    @property
    def reason(self) -> str:
        """The name by which a decision gives it as its reason."""
        return f"deadline {self.id}" if self.kind == "deadline" else self.id.partition(" step ")[0]


def rules_of(policy: Policy) -> Iterator[Named]:
    """Yield everything in a policy that decides something by itself, in the order of its sections."""
    for kind, rules in (("kind", policy.kinds), ("call", policy.calls), ("tier", policy.tiers), ("route", policy.routes)):
        for rule in rules:
            yield Named(kind, rule.id, rule.source)
    for deadline in policy.deadlines.values():
        if deadline.starts == {"review_opened"}:
            continue  # reviews are drawn by a person's command, which no test of a policy gives
        yield Named("deadline", deadline.name, deadline.source)
        for budget in deadline.budgets:
            yield Named("budget", budget.id, budget.source)
    for escalation in policy.escalations:
        if escalation.warn:
            yield Named("warning", escalation.id, escalation.source)
        for number, step in enumerate(escalation.steps, 1):
            yield Named("escalation", f"{escalation.id} step {number}", step.source)
    for group in policy.groups:
        yield Named("incident group", group.id, group.source)
    for own in policy.rules:
        if own.mode != "draft":
            yield Named("rule", own.id, own.source)
    for grant in policy.authority.grants if policy.authority else ():
        yield Named("grant", grant.id, grant.source)
    for survey in policy.surveys:
        if survey.when is not None:  # one by the clock is a rule
            yield Named("survey", survey.id, survey.source)
        if survey.low_score is not None:
            yield Named("low score", f"low_score of {survey.id}", survey.low_score.source)
