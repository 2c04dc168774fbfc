"""Whatever is dropped, renamed, changed, repeated or moved in the shipped files: a policy, or diagnostics that point there."""

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.policy import check_team, format_json, format_text, has_errors
from tests.policy.mutations import ACTIONS, FILES, Mutated, mutate, paths
from tests.policy.support import SHIPPED, diagnose, overlaid, shipped_team
from tests.support.counts import scaled

TREES = {name: yaml.safe_load(text) for name, text in FILES.items()}
TEAM = yaml.safe_load((SHIPPED / "team.yaml").read_text("utf-8"))

ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "10m",
            "breach",
            "24x7",
            "zh",
            "vip",
            "{{ x }}",
            "{% for",
            "01-01",
            "2026-02-30",
            "09:00-08:00",
            "urgent",
            "assignee",
            [],
            {},
            [[]],
            {"a": 1},
            {"field": "ticket.kind"},
        ]
    ),
)


def _paths(tree, path=()):
    yield path
    if isinstance(tree, dict):
        for key in tree:
            yield from _paths(tree[key], (*path, key))
    elif isinstance(tree, list):
        for index in range(len(tree)):
            yield from _paths(tree[index], (*path, index))


def _changed(tree, path, action, value):
    if not path:
        return value if action == "retype" else tree
    step, rest = path[0], path[1:]
    if rest:
        inner = _changed(tree[step], rest, action, value)
        return {**tree, step: inner} if isinstance(tree, dict) else [*tree[:step], inner, *tree[step + 1 :]]
    if isinstance(tree, dict):
        kept = {key: item for key, item in tree.items() if key != step}
        return {
            "drop": kept,
            "rename": {**kept, f"{step}x": tree[step]},
            "retype": {**tree, step: value},
            "repeat": {**tree, f"{step}2": tree[step]},
        }[action]
    return {
        "drop": [*tree[:step], *tree[step + 1 :]],
        "rename": [*tree[:step], str(tree[step]), *tree[step + 1 :]],
        "retype": [*tree[:step], value, *tree[step + 1 :]],
        "repeat": [*tree, tree[step]],
    }[action]


def mutations(trees):
    places = [(name, path) for name, tree in trees.items() for path in _paths(tree)]
    return st.tuples(st.sampled_from(places), st.sampled_from(["drop", "rename", "retype", "repeat"]), ODD_VALUES)


def places(file: str) -> st.SearchStrategy[Mutated]:
    return st.builds(
        mutate, st.just(file), st.sampled_from(paths(file)), st.sampled_from(ACTIONS), ODD_VALUES, st.integers(min_value=0, max_value=99)
    )


@pytest.mark.parametrize("file", sorted(FILES))
def test_of_a_mutated_policy_some_diagnostic_points_at_the_fault(file: str) -> None:
    """10,000 mutations in all."""

    @settings(max_examples=scaled(10_000 // len(FILES) + 1), suppress_health_check=[HealthCheck.too_slow])
    @given(places(file))
    def points_at_it(mutated: Mutated) -> None:
        compilation = overlaid({mutated.file: mutated.text})
        assert (compilation.policy is None) == has_errors(compilation.diagnostics)
        found = (*compilation.diagnostics, *check_team(shipped_team(), compilation))
        assert format_text(found) is not None
        assert format_json(found)
        files = {**compilation.files, "team.yaml": shipped_team().text}
        assert not found or any(mutated.is_pointed_at_by(item, files) for item in found)

    points_at_it()


@settings(max_examples=scaled(2_000), suppress_health_check=[HealthCheck.too_slow])
@given(mutations({"team.yaml": TEAM}))
def test_a_mutated_team_never_raises(mutation) -> None:
    (_, path), action, value = mutation
    diagnose("team.yaml", yaml.safe_dump(_changed(TEAM, path, action, value), allow_unicode=True, sort_keys=False))


@settings(max_examples=scaled(2_000), suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(TREES)), st.integers(min_value=0), st.integers(min_value=0, max_value=40), st.text(max_size=12))
def test_a_damaged_text_never_raises(name: str, start: int, cut: int, instead: str) -> None:
    text = FILES[name]
    begin = start % len(text)
    damaged = (text[:begin] + instead + text[begin + cut :]).encode("utf-8", "replace").decode("utf-8")
    compilation = overlaid({name: damaged})
    assert (compilation.policy is None) == has_errors(compilation.diagnostics)
