"""The list of a policy's rules: everything that decides by itself, once."""

from msgspec.structs import replace

from engine.policy.rules import rules_of
from tests.policy.support import shipped_policy


def test_every_rule_stands_in_the_list_once_with_its_place() -> None:
    rules = list(rules_of(shipped_policy()))
    assert len({rule.source for rule in rules}) == len(rules)
    assert {rule.kind for rule in rules} >= {"kind", "call", "tier", "route", "deadline", "warning", "escalation", "survey", "low score"}


def test_an_escalation_without_warnings_and_a_survey_without_a_low_score_have_none_in_the_list() -> None:
    policy = shipped_policy()
    bare = replace(
        policy,
        escalations=tuple(replace(one, warn=()) for one in policy.escalations),
        surveys=tuple(replace(one, low_score=None) for one in policy.surveys),
    )
    assert {rule.kind for rule in rules_of(bare)} & {"warning", "low score"} == set()


def test_a_draft_is_no_rule_that_a_test_could_cover() -> None:
    policy = shipped_policy()
    drafts = replace(policy, rules=tuple(replace(rule, mode="draft") for rule in policy.rules))
    assert "rule" in {rule.kind for rule in rules_of(policy)}
    assert "rule" not in {rule.kind for rule in rules_of(drafts)}
