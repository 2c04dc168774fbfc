"""Retention: what each rule finds at which age, what it does, and when it runs."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from engine.runtime.cron import slots
from tests.policy_figures.house import MORNING
from tests.policy_figures.lab import Lab, probe


@probe(r"retention\.yaml")
def retention(lab: Lab) -> Iterator[str]:
    rules = lab.policy.retention
    assert rules is not None
    yield f"{rules.catch_up} {[str(slot) for slot in islice(slots(rules.cron, rules.timezone, MORNING, MORNING + timedelta(days=70)), 24)]}"
    with lab.house() as house:
        number = house.mail("请问营业时间")
        house.act(number, "close", "已答复")
        house.tx.audit(house.now, "zhou", "looked at", number)
        ages = [timedelta(days=days) for days in (90, 180, 365, 1095, 1825, 3650)]
        for rule in rules.rules:
            yield f"{rule.id} {rule.what} {rule.after} {rule.do}"
            if rule.what != "customer" and not rule.what.startswith("files."):
                yield from (str(house.tx.outdated(rule.what, house.now + age - rule.after, 100)) for age in ages)
