"""The examples of docs/kpis.md, worked by hand, are what the engine counts."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from engine.core.answers import Scale
from engine.core.compiled import Policy
from engine.core.conditions import Source
from engine.core.kpis import KPIS, KpiPolicy
from engine.core.team import Team
from engine.policy.units import duration
from engine.store import AnswerRow, FactRow, Store, open_store
from tests.analysis.counted import END, START, counting, figure, put
from tests.docs.markdown import blocks
from tests.support.repository import ROOT

EXAMPLES = [(str(block), example) for block in blocks(ROOT / "docs" / "kpis.md") if "kpi" in (example := yaml.safe_load(block.text))]
OF_A_SENTENCE = {"volume", "mix", "calls", "handled", "scorecard"}
"""Those whose definition is the whole example, and the one whose example is a sentence below."""


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store("sqlite://:memory:")
    yield opened
    opened.close()


def written(entry: Mapping[str, Any]) -> Iterator[tuple[str, FactRow]]:
    """The facts of an entry, at the beginning of the period or after a while."""
    spans = {name: duration(entry[name]) for name in ("value", "business", "after", "again", "opened") if name in entry}
    if "change" in entry:
        spans["value"] = timedelta(seconds=entry["change"])
    at = START + spans.get("after", timedelta(0))
    fact = FactRow(
        entry["fact"],
        at,
        kind=entry.get("kind"),
        subject=entry.get("subject"),
        outcome=entry.get("outcome"),
        value=START + spans["opened"] - START.fromtimestamp(0, START.tzinfo) if "opened" in spans else spans.get("value"),
        business=spans.get("business"),
        again_at=at + spans["again"] if "again" in spans else None,
        customer=entry.get("customer"),
    )
    for _ in range(entry.get("times", 1)):
        yield str(entry.get("ticket", "")), fact


def with_scale(policy: Policy, scale: Scale) -> Policy:
    """The policy with one survey of one question."""
    survey = policy.surveys[0]
    return replace(policy, surveys=(replace(survey, questions=(replace(survey.questions[0], scale=scale),)),))


@pytest.mark.parametrize(("place", "example"), EXAMPLES, ids=[place for place, _ in EXAMPLES])
def test_an_example_worked_by_hand_is_what_is_counted(
    place: str, example: dict[str, Any], store: Store, shipped: tuple[Policy, Team]
) -> None:
    kpi = example["kpi"]
    settings: dict[str, Any] = {name: duration(example[name]) for name in ("within", "window") if name in example}
    wanted = KpiPolicy(
        kpi, Source("docs/kpis.md", 1), None, way=example.get("mode") or example.get("method") or "", calendar="24x7", **settings
    )
    policy = counting(shipped[0], **{kpi: wanted})
    put(store, (fact for entry in example.get("facts", []) for fact in written(entry)))
    if "scores" in example:
        policy = with_scale(policy, Scale("q", 0, 10, False) if kpi == "nps" else Scale("q", 1, 5, False))
        with store.write() as tx:
            for number, score in enumerate(one["score"] for one in example["scores"] for _ in range(one["times"])):
                tx.keep_answer(AnswerRow(f"a{number}", policy.surveys[0].id, "2026-03", {"q": score}, ""))
    assert figure(store, policy, kpi).value == pytest.approx(example["value"])


def test_every_kpi_has_an_example() -> None:
    assert KPIS.keys() - {example["kpi"] for _, example in EXAMPLES} == OF_A_SENTENCE


def test_the_examples_end_when_they_say() -> None:
    assert timedelta(days=30) == END - START
