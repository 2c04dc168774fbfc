"""Versions of a policy are compared by rules and entries."""

import random

from engine.policy.diagnostics import Problems
from engine.policy.diff import Change, compare
from engine.policy.nodes import Node
from engine.policy.reader import read
from tests.policy.support import shipped
from tests.support.counts import scaled

FILES = shipped().files


def changed(file: str, old: str, new: str) -> list[Change]:
    assert old in FILES[file]
    return compare(FILES, {**FILES, file: FILES[file].replace(old, new, 1)})


def test_a_policy_does_not_differ_from_itself_nor_by_remarks_and_order_of_files() -> None:
    assert compare(FILES, FILES) == []
    remarked = {name: f"{text}\n# a remark\n" if name.endswith(".yaml") else text for name, text in reversed(list(FILES.items()))}
    assert compare(FILES, remarked) == []


def test_a_changed_figure_is_one_change_at_its_path() -> None:
    [change] = changed("sla.yaml", "response: 10m", "response: 7m")
    assert (change.what, change.section, change.id, change.path) == ("changed", "tiers", "urgent", "budgets.response")
    assert (change.old, change.new, change.place) == ("10m", "7m", "sla.yaml:22")


def values() -> list[Node]:
    """Every value of the shipped files that stands on one line."""
    trees = [root for name, text in FILES.items() if (root := read(name, text, Problems())) is not None]
    nodes = [node for root in trees for node in root.walk() if not isinstance(node.value, (dict, list)) and not node.block]
    return [node for node in nodes if node.span.line == node.span.end_line and node.path != "version"]


def test_every_changed_value_shows_in_its_section(seed: int) -> None:
    nodes = values()
    for node in random.Random(seed).sample(nodes, scaled(len(nodes))):
        lines = FILES[node.span.file].split("\n")
        line, end = lines[node.span.line - 1], node.span.end_column - 1
        end -= line[end - 1] in "\"'"
        lines[node.span.line - 1] = f"{line[:end]}x{line[end:]}"
        found = compare(FILES, {**FILES, node.span.file: "\n".join(lines)})
        assert {change.section for change in found} == {node.path.partition(".")[0].partition("[")[0]}, node
        if not node.path.endswith(".id"):
            assert len(found) == 1, node


def test_entries_that_come_and_go_are_named_with_their_place() -> None:
    route = "  - id: money-to-finance\n"
    added = changed("routing.yaml", route, "  - {id: vip, when: {field: customer.segment, is: vip}, queue: product}\n" + route)
    assert [(one.what, one.id) for one in added] == [("added", "vip")]
    removed = compare({**FILES, "x": ""}, {name: text for name, text in FILES.items() if name != "survey.yaml"})
    assert [(one.what, one.section, one.id) for one in removed] == [
        ("removed", "surveys", name) for name in ("after-closure", "relationship")
    ]


def test_rules_that_change_places_have_moved() -> None:
    first, second = "says-after-sales", "says-suggestion"
    text = FILES["intake.yaml"].replace(first, "@").replace(second, first).replace("@", second)
    moved = [one for one in compare(FILES, {**FILES, "intake.yaml": text}) if one.what == "moved"]
    assert [(one.id, one.old, one.new) for one in moved] == [(second, "3", "2"), (first, "2", "3")]


def test_keys_that_come_and_go_in_an_entry_are_changes_with_one_side() -> None:
    [gone] = changed("routing.yaml", ", calendar: 24x7}", "}")
    assert (gone.path, gone.old, gone.new) == ("calendar", "24x7", None)
    [come] = changed("routing.yaml", "lead: sun, backup: li}", "lead: sun, backup: li, calendar: 24x7}")
    assert (come.path, come.old, come.new) == ("calendar", None, "24x7")


def test_a_section_of_one_value_has_no_id() -> None:
    [change] = changed("sla.yaml", "on_tier_change: recompute", "on_tier_change: keep")
    assert (change.section, change.id, change.path, change.new) == ("on_tier_change", "", "", "keep")


def test_of_a_list_it_says_what_came_and_went_and_where_nothing_did_its_order() -> None:
    [swapped] = changed("routing.yaml", "mentions: [发票, 多扣", "mentions: [退款, 多扣")
    assert (swapped.path, swapped.old, swapped.new) == ("when.mentions", "发票", "退款")
    more = changed("routing.yaml", "mentions: [发票, 多扣", "mentions: [退款, refund, 多扣")
    assert [(one.old, one.new) for one in more] == [("发票", None), (None, "退款"), (None, "refund")]
    order = "order: [sticky_agent, least_loaded, round_robin]"
    [turned] = changed("routing.yaml", order, "order: [least_loaded, sticky_agent, round_robin]")
    assert (turned.path, turned.old, turned.new) == (
        "order",
        "sticky_agent, least_loaded, round_robin",
        "least_loaded, sticky_agent, round_robin",
    )
    [single] = changed("routing.yaml", order, "order: least_loaded")
    assert (single.old, single.new) == ("sticky_agent, least_loaded, round_robin", "least_loaded")
