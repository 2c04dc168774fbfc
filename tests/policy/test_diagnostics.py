import json

from engine.policy import compile_files, format_json, format_text, has_errors
from engine.policy.diagnostics import Problems, suggestion
from engine.policy.nodes import Span
from tests.policy.support import codes, diagnose, overlaid, shipped


def test_a_language_that_was_taken_out_of_the_company_is_told_at_the_first_places_only() -> None:
    company = shipped().files["company.yaml"].replace("[zh, en]", "[zh]")
    assert codes(overlaid({"company.yaml": company})) == ["CL315"] * 3


def test_the_json_form_has_the_promised_keys_and_the_rule_it_lies_in() -> None:
    text = "version: 1\nroutes:\n  - id: app-users\n    when: {field: ticket.channel, is: app}\n    queue: nowhere\n"
    (found,) = json.loads(format_json(diagnose("routing-x.yaml", text)))
    assert found == {
        "code": "CL304",
        "severity": "error",
        "file": "routing-x.yaml",
        "line": 5,
        "column": 12,
        "end_line": 5,
        "end_column": 19,
        "path": "routes[0].queue",
        "rule": "app-users",
        "message": "there is no queue `nowhere`",
        "hint": "known: after_sales, finance, front_desk, product, supervisors, tech_support",
    }


def test_the_rule_of_a_named_entry_is_its_key_and_a_section_alone_has_none() -> None:
    named = diagnose("sla-x.yaml", "version: 1\nconditions:\n  a: {use: b}\n")
    assert [(item.path, item.rule) for item in named] == [("conditions.a.use", "a")]
    alone = diagnose("sla-x.yaml", "version: 1\nconditions: []\n")
    assert [(item.path, item.rule) for item in alone] == [("conditions", "")]


def test_colours_are_only_used_when_asked_for() -> None:
    found = diagnose("sla-x.yaml", "version: 1\nowner: li\n")
    assert "\033[" not in format_text(found)
    assert "\033[1;31merror CL201\033[0m" in format_text(found, colour=True)


def test_a_problem_without_a_known_line_is_shown_without_an_excerpt() -> None:
    problems = Problems()
    problems.add("CL119", Span("sla.yaml", 3, 1, 3, 1), "message")
    assert format_text(problems.all()) == "sla.yaml:3:1: error CL119: message"
    assert problems.line("sla.yaml", 3) == Span("sla.yaml", 3, 1, 3, 1)


def test_warnings_do_not_keep_a_policy_from_being_used() -> None:
    compilation = overlaid({"scripts-x.yaml": "version: 1\nscripts:\n  hello: {audience: agent, zh: 您好}\nguides: {x: [hello]}\n"})
    assert codes(compilation) == ["CL405"]
    assert not has_errors(compilation.diagnostics)
    assert compilation.policy is not None


def test_all_problems_are_reported_at_once_and_none_follows_from_another() -> None:
    files = dict(shipped().files)
    files["sla.yaml"] = files["sla.yaml"].replace("budgets: {response: 10m", "budgets: {response: 10min")
    files["routing.yaml"] = files["routing.yaml"].replace("queue: after_sales", "queue: aftersales")
    files["scripts.yaml"] = files["scripts.yaml"].replace("{{ agent.name }},请问", "{{ agent.nam }},请问")
    assert sorted(codes(compile_files(files))) == ["CL205", "CL304"]
    files["sla.yaml"] = shipped().files["sla.yaml"]
    assert sorted(codes(compile_files(files))) == ["CL304", "CL404"]


def test_a_hint_names_the_nearest_word_or_the_few_there_are() -> None:
    assert suggestion("plam", ["plan", "response"]) == "did you mean `plan`?"
    assert suggestion("xyz", ["plan", "response"]) == "known: plan, response"
    assert suggestion("xyz", []) == ""
    assert suggestion("xyz", [f"word{number}" for number in range(30)]) == ""


def test_an_unknown_key_of_a_matcher_is_reported_once_and_as_that() -> None:
    for matcher in (
        "{field: ticket.kind, iss: care}",
        "{field: ticket.kind, is: care, colour: red}",
        "{field: ticket.kind, is: care, in: [care], colour: red}",
    ):
        [found] = diagnose("sla-x.yaml", f"version: 1\nconditions:\n  a: {matcher}\n")
        assert (found.code, found.path) == ("CL201", "conditions.a.iss" if "iss" in matcher else "conditions.a.colour")
