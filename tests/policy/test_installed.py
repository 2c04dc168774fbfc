"""Fields and predicates of plugins: real distributions on the import path, asked by policies, and what keeps one out."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.core.conditions import FieldType
from engine.core.fields import FIELDS
from engine.policy import compilation as compiling
from engine.policy import schema as shapes
from engine.policy.installed import installed
from engine.runtime.policies import PolicyBroken, load_active, load_from_directory
from engine.runtime.sources import Source
from engine.store import open_store
from tests.core.worlds import WEDNESDAY, House, rules_of
from tests.policy.support import diagnose, overlaid, shipped
from tests.support.distributions import Install, installer

CRM = """
    from engine.channels import FieldSource, FieldType, Predicate, hookimpl

    def level(customer, addresses):
        return "gold" if any("chen" in address for address in addresses["email"]) else None

    def tags(customer, addresses):
        return ["loud", "old"]

    def shouted(text):
        if text == "boom":
            raise ValueError(text)
        return text.isupper()

    @hookimpl
    def engine_fields():
        return [
            FieldSource("crm.level", "choice", level, choices=("gold", "silver")),
            FieldSource("crm.tags", FieldType.LABELS, tags, choices=("loud", "old", "vip")),
            FieldSource("crm.note", FieldType.STRING, tags),
            Predicate("crm.shouted", shouted),
        ]
"""
OFFER = """
    from engine.channels import FieldSource, FieldType, Predicate, hookimpl

    @hookimpl
    def engine_fields():
        return [{}]
"""


def forget() -> None:
    """As in a process that has just begun."""
    for cached in (installed, shapes.schema, shapes._validator, compiling._read_file):
        cached.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    shipped()  # with what is installed in truth
    lay = installer(tmp_path, monkeypatch, "engine.fields")

    def lay_and_forget(distribution: str, source: str) -> None:
        lay(distribution, source, "crm")
        forget()

    yield lay_and_forget
    monkeypatch.undo()
    forget()


def routes(*rules: str) -> dict[str, str]:
    """A file with more routes, asked before the shipped ones."""
    return {"routing-crm.yaml": "version: 1\nroutes:\n" + "".join(f"  - {rule}\n" for rule in rules)}


def messages(condition: str) -> list[tuple[str, str, str]]:
    found = diagnose("routing-a.yaml", f"version: 1\nroutes:\n  - {{id: asked, when: {condition}, queue: product}}\n")
    return [(item.code, str(item.message), str(item.hint)) for item in found]


def test_a_policy_asks_the_fields_and_predicates_of_a_plugin(install: Install) -> None:
    install("crm", CRM)
    policy = overlaid(
        routes(
            "{id: shouted, when: {field: ticket.text, satisfies: crm.shouted}, queue: product}",
            "{id: tagged, when: [{field: crm.tags, has: [loud, vip]}], queue: after_sales}",
            "{id: gold, when: [{field: crm.level, is: gold}, {field: crm.tags, has: old}], queue: supervisors}",
        )
    ).policy
    assert policy is not None
    house = House(policy)
    house.world = replace(house.world, sources={name: Source(source) for name, source in installed().sources.items()})
    numbers = [house.mail("how do I pay?"), house.mail("HOW DO I PAY?"), house.sms("how do I pay?", sender="+8613800000001")]
    found = [house.decisions(number or "")[0] for number in numbers[:2]]
    assert [house.ticket(number).queue for number in numbers[:2] if number] == ["supervisors", "product"]
    assert found[0].facts["extra"] == {"crm.level": "gold", "crm.tags": ["loud", "old"]}
    reason = next(reason for reason in found[0].reasons if reason["rule"] == "gold")
    assert [part["actual"] for part in reason["asked"]["traces"][-1][1]["parts"]] == ["gold", ["loud", "old"]]


def test_a_predicate_that_fails_is_missing_and_the_log_does_not_show_the_text(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    install("crm", CRM)
    test = installed().predicates["crm.shouted"]
    with caplog.at_level(logging.WARNING, "closedloop"):
        assert (test("HELP"), test("help"), test("boom")) == (True, False, None)
    [record] = caplog.records
    assert record.__dict__["facts"] == {"predicate": "crm.shouted", "error": "ValueError"}


def test_installed_fields_are_checked_like_built_in_ones(install: Install) -> None:
    install("crm", CRM)
    assert messages("{field: crm.level, is: gold}") == []
    assert messages("{field: crm.levle, is: gold}") == [("CL204", "unknown field `crm.levle`", "did you mean `crm.level`?")]
    assert messages("{field: crm.level, is: glod}") == [("CL204", "unknown word `glod`", "did you mean `gold`?")]
    assert messages("{field: crm.tags, has: lodu}") == [("CL204", "unknown word `lodu`", "did you mean `loud`?")]
    assert messages("{field: crm.tags, has: [old, lodu]}") == [("CL204", "unknown word `lodu`", "did you mean `loud`?")]
    assert messages("{field: crm.tags, is: old}") == [("CL211", "`is` cannot be asked of crm.tags", "possible: has, exists")]
    assert messages("{field: ticket.text, satisfies: crm.shoutd}") == [
        ("CL318", "there is no predicate `crm.shoutd`", "did you mean `crm.shouted`?")
    ]


def test_the_schema_has_what_is_installed(install: Install) -> None:
    install("crm", CRM)
    matcher = shapes.schema("sla")["$defs"]["matcher"]
    assert {"crm.level", "crm.tags", "crm.note", *FIELDS} == set(matcher["properties"]["field"]["enum"])
    assert ["crm.shouted"] in [
        part["then"]["properties"]["satisfies"]["examples"]
        for part in matcher["then"]["allOf"]
        if "satisfies" in part["then"]["properties"]
    ]


def test_without_the_plugin_the_policy_is_refused_and_says_which_field_it_lacks(install: Install, tmp_path: Path) -> None:
    install("crm", CRM)
    policies = tmp_path / "policies"
    policies.mkdir()
    for name, text in {**shipped().files, **routes("{id: gold, when: {field: crm.level, is: gold}, queue: supervisors}")}.items():
        (policies / name).parent.mkdir(exist_ok=True)
        (policies / name).write_text(text, encoding="utf-8")
    store = open_store("sqlite://:memory:", tmp_path)
    load_from_directory(policies, store, WEDNESDAY, "daemon")
    assert load_active(store) is not None
    for file in (tmp_path / "crm-1.2.dist-info").iterdir():
        file.unlink()
    (tmp_path / "crm-1.2.dist-info").rmdir()
    forget()
    with pytest.raises(PolicyBroken, match=r"CL204: unknown field `crm\.level`(.|\n)*no plugin installed here offers this field"):
        load_active(store)
    store.close()


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_library", "ModuleNotFoundError"),
        ("x = 1", "offers no field or predicate: implement the hook engine_fields with @hookimpl"),
        (OFFER.format("3"), "engine_fields must return FieldSource and Predicate objects, not int"),
        (OFFER.format("Predicate('shouted', str.isupper)"), "'shouted': a name is a namespace, a dot and a word in small letters"),
        (OFFER.format("Predicate('ticket.shouted', str.isupper)"), "are the engine's own; take a namespace of yours"),
        (OFFER.format("FieldSource('now.level', 'choice', print)"), "answer, call, customer, now, ticket are the engine's own"),
        (
            OFFER.format("FieldSource('crm.since', FieldType.DURATION, print)"),
            "a plugin's field is one of choice, string, number, flag, labels",
        ),
    ],
)
def test_a_plugin_that_is_not_sound_takes_only_itself_out_and_is_named(install: Install, source: str, error: str) -> None:
    install("bad_one", source)
    install("good_one", CRM)
    [problem] = installed().problems
    assert problem.startswith("bad_one 1.2, entry point 'crm' (bad_one_module): ")
    assert error in problem
    assert "crm.level" in installed().fields


def test_a_field_of_a_plugin_that_failed_says_why(install: Install) -> None:
    install("bad_one", "import no_such_library")
    [(code, message, hint)] = messages("{field: crm.level, is: gold}")
    assert (code, message) == ("CL204", "unknown field `crm.level`")
    assert hint.startswith("no plugin installed here offers this field; install the one the policy was written for (failed: bad_one 1.2")
    for own in ("qqqqqq", "call.qqqqqqqqqqqqqqqqqq"):
        assert messages(f"{{field: {own}, is: gold}}") == [("CL204", f"unknown field `{own}`", "")]


def test_the_second_plugin_that_offers_a_name_is_a_problem(install: Install) -> None:
    install("a_first", CRM)
    install("b_second", CRM)
    assert len(installed().problems) == 4
    assert "field or predicate 'crm.level' is already offered by a_first 1.2" in installed().problems[0]
    assert installed().fields["crm.level"].type is FieldType.CHOICE


def test_what_is_installed_belongs_to_the_proof_that_a_policy_is_sound(install: Install) -> None:
    forget()
    before = installed().signature
    install("crm", CRM)
    assert installed().signature.startswith(before)
    assert installed().signature != before


def test_a_ticket_that_nobody_knows_anything_of_is_routed_by_the_shipped_rules(install: Install) -> None:
    install("crm", CRM)
    policy = overlaid(routes("{id: gold, when: {field: crm.level, is: gold}, queue: supervisors}")).policy
    house = House(policy)
    assert house.world.sources == {}
    assert "gold" not in rules_of(house.act(house.mail("how do I pay?"), "claim")).values()
