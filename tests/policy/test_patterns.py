"""Patterns from staff: each is refused with a diagnostic, or searches a long text to its end (how fast: benchmarks/patterns.py)."""

import json

import pytest

from engine.core.conditions import Match
from engine.policy import compile_files
from tests.policy.support import diagnose, shipped
from tests.support.patterns import EVIL, LENGTH, texts

TEXTS = texts()


def policy_of(pattern: str) -> str:
    return f"version: 1\nroutes:\n  - {{id: asked, when: {{field: ticket.text, matches: {json.dumps(pattern)}}}, queue: finance}}\n"


def test_there_are_a_hundred_evil_patterns_and_the_texts_are_long() -> None:
    assert len(EVIL) >= 100
    assert {len(text) for text in TEXTS} == {LENGTH}


@pytest.mark.parametrize("pattern", EVIL)
def test_an_evil_pattern_is_refused_or_comes_to_an_end(pattern: str) -> None:
    compilation = compile_files({**shipped().files, "routing-evil.yaml": policy_of(pattern)})
    if compilation.policy is None:
        assert {item.code for item in compilation.diagnostics if item.severity == "error"} == {"CL314"}
        return
    condition = compilation.policy.routes[0].when
    assert isinstance(condition, Match)
    assert condition.pattern is not None
    for text in TEXTS:
        condition.pattern.search(text)


def test_a_pattern_that_is_too_large_is_refused_with_its_size() -> None:
    [problem] = diagnose("routing-evil.yaml", policy_of("(.{1,100}宕机.{1,100}){1,9}"))
    assert (problem.code, problem.message) == ("CL314", "the pattern is too large: 16248 steps, at most 8192")
    assert problem.hint == "repeat less (`{1,50}`), or use `mentions` for words"
