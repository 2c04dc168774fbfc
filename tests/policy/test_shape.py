"""The quick validator only ever spares the thorough one its work: where it finds a file sound, the other has nothing to say."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.policy.diagnostics import Problems
from engine.policy.reader import read
from engine.policy.schema import _quick_validator, _validator
from engine.policy.sources import kind_of
from tests.policy.support import shipped
from tests.policy.test_mutations import _changed, mutations


def plain(name: str, text: str) -> object:
    root = read(name, text, Problems())
    assert root is not None
    return root.plain()


TREES = {name: plain(name, text) for name, text in shipped().files.items() if name.endswith(".yaml")}


@pytest.mark.parametrize("name", sorted(TREES))
def test_a_shipped_file_is_sound_to_both(name: str) -> None:
    kind = kind_of(name) or ""
    assert _quick_validator(kind).is_valid(TREES[name])
    assert _validator(kind).is_valid(TREES[name])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(mutations(TREES))
def test_what_is_sound_to_the_quick_one_is_sound_to_the_thorough_one(mutation: tuple) -> None:
    (name, path), action, value = mutation
    tree = _changed(TREES[name], path, action, value)
    kind = kind_of(name) or ""
    if _quick_validator(kind).is_valid(tree):
        assert _validator(kind).is_valid(tree)


@given(st.text(max_size=5) | st.from_regex(r"\w{1,64}", fullmatch=True))
def test_a_name_is_one_in_every_dialect_of_patterns(name: str) -> None:
    tree = {"version": 1, "on_tier_change": "keep", "conditions": {name: {"use": "x"}}}
    if _quick_validator("sla").is_valid(tree):
        assert _validator("sla").is_valid(tree)


@pytest.mark.parametrize("name", ["投诉", "vip-客户", "24x7", "élan", "Ж", "カード", "고객"])
def test_names_may_be_of_any_script_that_is_written_in_words(name: str) -> None:
    assert _quick_validator("sla").is_valid({"version": 1, "conditions": {name: {"use": "x"}}})


@pytest.mark.parametrize("name", ["", "-a", "_a", "a b", "a：b", "a,b", "a" * 65, "a\n"])
def test_a_name_has_no_spaces_and_no_punctuation(name: str) -> None:
    assert not _quick_validator("sla").is_valid({"version": 1, "conditions": {name: {"use": "x"}}})
