"""What libraries and plugins say is said in Chinese too: asked of the libraries themselves, so that a new version's words are noticed."""

import ast
import errno
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from engine.channels.manager import _BOUNDS, violations
from engine.core.conditions import Source
from engine.core.signals import SIGNAL_TYPES
from engine.policy.diagnostics import Diagnostic
from engine.policy.said import foreign, translated
from engine.policy.templates import TemplateError, TemplateRefused, compile_template
from engine.runtime.project import _schema
from tests.policy.support import diagnose
from tests.policy.test_formats import CATALOGUE, FOREIGN

FIELDS = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
TERMS = {"YAML", "RE", "Perl"}
ENGINE = Path(__file__).parents[2] / "engine"
SPEAKERS = {"because", "Refusal", "RefusedByRule", "IllegalEvent"}
COMPLAINTS = {"UsageError", "NotFound", "Refused", "ConfigurationError", "CalendarUnknown"}


def english(text: str) -> set[str]:
    """The English words of the Chinese of a text, without what is quoted from the policy."""
    return set(re.findall(r"[A-Za-z]{2,}", re.sub(r"`[^`]*`|“[^”]*”|'[^']*'", "", translated(text, "zh")))) - TERMS


def from_sla(condition: str) -> Diagnostic:
    [item] = diagnose("sla-x.yaml", f"version: 1\nconditions:\n  x: {condition}\n")
    return item


@pytest.mark.parametrize(
    "text",
    [
        "a: [1, 2",
        "a: [1 2: 3]]",
        "a: {b: 1",
        "a: {b: 1]",
        "a: 'b",
        'a: "b',
        'a: "\\d"',
        'a: "\\x1"',
        "a: b: c",
        "a: - b",
        "- a\nb: c",
        "a:\n  - b\n  c",
        "a:\n  b: 1\n c: 2",
        "a: b\n  c: d",
        "a\nb: c",
        "a: @b",
        "a: `b`",
        "a: %b",
        "a: *",
        "a: &",
        "a: !<b",
        "a: |b",
        "a: |0\n b",
        "a: >5 6\n b",
        "%FOO",
        "%YAML 1.1\n%YAML 1.1\n--- a",
        "%YAML 9.9\n--- a",
        "%YAML x\n--- a",
        "a: !x!y z",
        "a: 'b\n---\nc'",
        "? [a",
        "]",
        "}",
        "a: b\n]",
        "a: ]",
        ", a",
        "a: 'b' c",
        "a: 'b': c",
    ],
)
def test_what_the_yaml_parser_says(text: str) -> None:
    for item in diagnose("sla-x.yaml", text):
        assert english(item.message) == set()


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(", ")", "[", "[z-a]", "*", "a**", "a{1001}", "\\8", "\\", "[[:word:]-z", "(?P<a", "a{2}{3}", "(?P<1a>b)"]
)
def test_what_re2_says_of_a_pattern(pattern: str) -> None:
    written = json.dumps(pattern)
    found = diagnose("sla-x.yaml", f"version: 1\nconditions:\n  x: {{field: ticket.text, matches: {written}}}\n")
    assert [english(item.message) for item in found if item.code == "CL314"] in ([], [set()])


@pytest.mark.parametrize(
    "text",
    [
        "{{ a b }}",
        "{{ a",
        "{{ a }",
        "{{ }}",
        "{{ a | }}",
        "{{ a. }}",
        "{{ (a }}",
        "{{ [a) }}",
        "{{ 'a }}",
        "{{ $ }}",
        "{{ a is b is c }}",
        "{{ a if }}",
        "{% %}",
        "{% iff a %}",
        "{% if a %}",
        "{% if a %}{% endfor %}",
        "{% for a in b %}{% if a %}{% endfor %}",
        "{% for 1 in b %}{% endfor %}",
        "{% for loop in b %}{% endfor %}",
        "{% for a b %}{% endfor %}",
        "{% endif %}",
        "{# a",
        "{{ a < }}",
        "{{ a not b }}",
        "{{ 1 2 }}",
    ],
)
def test_what_jinja_says_of_a_template(text: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        compile_template("x", text, Source("scripts.yaml", 1, "x"), 1)
    assert english(refused.value.reason) == set()


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a' if number < text }}",
        "{{ 'a' if now > number }}",
        "{% for a in number %}{% endfor %}",
        "{{ 'a' if 'b' in number }}",
        "{{ number | length }}",
    ],
)
def test_what_python_says_when_a_template_is_rendered(text: str) -> None:
    template = compile_template("x", text, Source("scripts.yaml", 1, "x"), 1)
    context = {"number": 1, "text": "a", "now": datetime(2026, 3, 4, tzinfo=UTC), "span": timedelta(1), "timezone": "UTC", "language": "en"}
    with pytest.raises(TemplateError) as failed:
        template.render(context)
    assert english(failed.value.reason) == set()


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO, errno.ENAMETOOLONG])
def test_what_the_operating_system_says(number: int) -> None:
    assert english(foreign(os.strerror(number))) == set()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"version": 2},
        {"version": 1, "outbond": 1},
        {"version": 1, "a": 1, "b": 2},
        {"version": 1, "outbound": {"redirect": ""}},
        {"version": 1, "delivery": {"attempts": 0}},
        {"version": 1, "jobs": {"backup": {"cron": 1}}},
        {"version": 1, "channels": []},
        {"version": 1, "phone_region": "china"},
        {"version": 1, "database": ""},
        {"version": 1, "channels": {"sms": {"rate": 30}}},
        {"version": 1, "channels": {"E-Mail": {}}},
    ],
)
def test_what_is_said_of_a_deployment(settings: dict[str, object]) -> None:
    problems = violations(_schema(), settings)
    assert problems
    for problem in problems:
        assert english(foreign(problem.message)) == set(), problem.message


def test_what_is_said_of_the_settings_of_channels() -> None:
    own = [
        "is missing",
        "is not a setting here; did you mean 'host'?",
        "must be one of 1, 2; did you mean '1'?",
        "must be text or a whole number",
    ]
    for text in (*own, *(bound.format(1) for bound in _BOUNDS.values())):
        assert english(foreign(text)) == set(), text


def test_a_foreign_text_stays_what_it_is_and_an_unknown_one_too() -> None:
    for text in (
        "this or that",
        "a list or that",
        "unexpected '}'",
        "invalid perl operator: (?=",
        "nobody ever said so",
        "did not find expected ',' or '}'",
    ):
        assert foreign(text) == text
    assert translated(foreign("nobody ever said so"), "zh") == "nobody ever said so"


def test_the_foreign_catalogue_keeps_its_places_and_agrees_with_the_own_one() -> None:
    assert {en for en, zh in FOREIGN.items() if sorted(FIELDS.findall(en)) != sorted(FIELDS.findall(zh))} == set()
    assert {en for en in FOREIGN.keys() & CATALOGUE.keys() if FOREIGN[en] != CATALOGUE[en]} == set()
    assert list(FOREIGN) == sorted(FOREIGN)


def test_what_the_yaml_parser_is_said_to_say_stands_in_it() -> None:
    library = Path(yaml._yaml.__file__).read_bytes()
    known = [text for text in FOREIGN if text.startswith(("while ", "found ", "did not find ", "could not find "))]
    assert [text for text in known if text.replace("}}", "}").encode() not in library] == []


def spoken_in(room: str, speakers: set[str]) -> list[str]:
    """The texts that these are called with in a room, with X1 for every value."""
    calls = (node for path in (ENGINE / room).rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    return [
        text
        for call in calls
        if isinstance(call, ast.Call) and call.args and ast.unparse(call.func).rpartition(".")[2] in speakers
        for text in texts(call.args[0])
    ]


def texts(node: ast.expr) -> list[str]:
    """The texts of a literal; of one that has two forms, both."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    made = [""]
    for part in node.values if isinstance(node, ast.JoinedStr) else ():
        if isinstance(part, ast.Constant):
            made = [one + str(part.value) for one in made]
        elif isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.IfExp):
            made = [one + more for one in made for choice in (part.value.body, part.value.orelse) for more in texts(choice)]
        elif isinstance(part, ast.FormattedValue):
            made = [one + ("'X1'" if part.conversion == ord("r") else "X1") for one in made]
    return [one for one in made if one]


def test_what_decisions_say_of_themselves() -> None:
    spoken = [name.replace("_", " ") for name in SIGNAL_TYPES] + spoken_in("core", SPEAKERS)
    assert len(spoken) > 40
    assert [text for text in spoken if english(foreign(text))] == []


@pytest.mark.parametrize("room", ["core", "analysis", "runtime", "whatif", "cli"])
def test_what_commands_say_that_cannot_do_what_they_were_asked(room: str) -> None:
    named = {"X1: jobs.": "engine.yaml: jobs.", "X1 X1 X1, or": "message X1 is neither set aside nor held, or"}
    for text in spoken_in(room, COMPLAINTS):
        begin = next((begin for begin in named if text.startswith(begin)), "")
        assert english(foreign(text.replace(begin, named.get(begin, ""), 1))) == set(), text
