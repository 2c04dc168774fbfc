"""Scripts come from people who may be careless or worse: whatever they write is refused or bounded."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from engine.core.conditions import Source
from engine.policy.filters import FILTERS
from engine.policy.templates import MAX_OUTPUT, ScriptTemplate, TemplateError, TemplateRefused, compile_template

NOW = datetime(2026, 3, 4, 2, 30, tzinfo=UTC)  # Wednesday, 10:30 in Shanghai
CONTEXT: dict[str, object] = {
    "now": NOW,
    "timezone": "Asia/Shanghai",
    "language": "zh",
    "customer": {"name": "陈先生", "": "empty key"},
    "long": "x" * 15_000,
    "ampersands": "&" * 5_000,
    "many": list(range(200)),
    "names": ["a", "b"],
    "longs": ["x" * 15_000] * 3,
    "due": NOW + timedelta(hours=3),
    "span": timedelta(hours=2, minutes=30),
    "flag": True,
    "number": 2.456,
    "nothing": [],
}


def template(text: str) -> ScriptTemplate:
    return compile_template("hello", text, Source("scripts.yaml", 7, "scripts.hello.zh"), 7)


def render(text: str, **more: object) -> str:
    return template(text).render({**CONTEXT, **more})


ATTACKS_REFUSED = [
    "{{ customer.name.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ customer['name'].upper() }}",
    "{{ range(10**9) }}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{{ 'x' * 1000000000 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 2 // 0 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 'x' ~ 'y' }}",
    "{{ 1 + 1 }}",
    "{{ -number }}",
    "{{ 'x'.format(1) }}",
    "{{ 'a'|replace('a', 'b') }}",
    "{{ '{:>1000000000}'|format(1) }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ 'x'|indent(1000000000) }}",
    "{{ many|batch(1000000000, 'x') }}",
    "{{ many|slice(1000000000) }}",
    "{{ customer|attr('name') }}",
    "{{ many|map('upper') }}",
    "{{ many|sum }}",
    "{{ 'x'|_items }}",
    "{{ many|items_within_bounds }}",
    "{{ many|tojson }}",
    "{{ 'x'|wordwrap(1) }}",
    "{{ 'x'|urlize }}",
    "{{ customer|pprint }}",
    "{% set x = 'y' %}",
    "{% set x %}y{% endset %}",
    "{% macro m() %}{{ m() }}{% endmacro %}",
    "{% call m() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% include 'scripts.yaml' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% extends 'base' %}",
    "{% block b %}{% endblock %}",
    "{% do x %}",
    "{% with x = 1 %}{% endwith %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% for a in many recursive %}{{ loop(a) }}{% endfor %}",
    "{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}",
    "{{ lipsum(100000) }}",
    "{{ cycler('a') }}",
    "{{ joiner() }}",
    "{{ namespace(a=1) }}",
    "{{ self._TemplateReference__context }}",
    "{{ customer is mapping }}",
    "{{ customer is sameas customer }}",
    "{{ long[0:10] }}",
    "{{ {'a': 1} }}",
    "{{ '" + "x" * 20_000 + "' }}",
    "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
    "{{ " + "not " * 60 + "flag }}",
    "{{ " + "not " * 4_000 + "flag }}",
    "{{ [" + "1," * 3_000 + "] }}",
    "{% if flag %}" * 1_000 + "x" + "{% endif %}" * 1_000,
    "{{ 'x'" + "|upper" * 60 + " }}",
    "{{ " + "9" * 5_000 + " }}",
    "{{ many|join(separator='x') }}",
    "{{ many|join(*many) }}",
    "{{ many|join(**customer) }}",
]
ATTACKS_BOUNDED = [
    "{{ long }}{{ long }}",
    "{% for a in many %}{{ long }}{% endfor %}",
    "{% for a in many %}{% for b in many %}{% endfor %}{% endfor %}",
    "{% for a in [" + "1," * 200 + "] %}{% for b in [" + "1," * 200 + "] %}{% endfor %}{% endfor %}",
    "{{ longs|join }}",
    "{{ many|join(long) }}",
    "{{ ampersands" + "|escape" * 30 + " }}",
    "{% for character in long %}{% endfor %}",
    "{{ loop }}",
    "{{ customer }}",
    "{{ many }}",
    "{{ flag }}",
    "{{ due }}",
    "{{ span }}",
    "{{ number|clock }}",
    "{{ number|duration }}",
    "{{ due|upper }}",
    "{{ flag|upper }}",
    "{{ number|first }}",
    "{{ 'x'|round }}",
    "{{ number|round(100) }}",
    "{{ many < customer }}x",
    "{% for a in many %}{{ loop.cycle }}{% endfor %}",
    "{% for a in many %}{{ loop }}{% endfor %}",
    "{{ many[1000] }}",
    "{{ many['x'] }}",
    "{{ customer[1] }}",
    "{{ long.upper }}",
    "{{ now.year }}",
    "{{ due.tzinfo }}",
    "{{ gone.deeper.still }}",
    "{{ gone|clock }}",
    "{{ gone|duration }}",
    "{{ gone|join }}",
    "{{ gone|upper }}",
    "{% for a in gone %}{% endfor %}",
]


@pytest.mark.parametrize("text", ATTACKS_REFUSED, ids=[f"refused-{n}" for n in range(len(ATTACKS_REFUSED))])
def test_what_is_not_on_the_list_is_refused_before_it_runs(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(TemplateRefused) as refused:
        template(text)
    assert refused.value.code in {"CL401", "CL402", "CL403"}
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("text", ATTACKS_BOUNDED, ids=[f"bounded-{n}" for n in range(len(ATTACKS_BOUNDED))])
def test_what_goes_wrong_while_rendering_ends_in_an_error_that_names_the_script_and_the_line(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(TemplateError, match=r"script hello \(scripts\.yaml:7\): ") as failed:
        render(text)
    assert time.perf_counter() - began < 5
    assert len(str(failed.value)) < 1_000


def test_an_error_names_the_line_of_the_file() -> None:
    with pytest.raises(TemplateError, match=r"scripts\.yaml:9\): there is no `nmae` here; known: , name"):
        render("one\ntwo\n{{ customer.nmae }}")


def test_a_missing_name_is_named() -> None:
    with pytest.raises(TemplateError, match="there is no `survey` on this occasion"):
        render("{{ survey.intro }}")


def test_a_missing_name_can_be_asked_for_at_any_depth() -> None:
    assert render("{% if gone.deeper.still is defined %}a{% else %}b{% endif %}") == "b"
    assert render("{% if gone is undefined %}a{% endif %}{% if customer.name is defined %}b{% endif %}") == "ab"


def test_a_text_of_exactly_the_longest_length_is_rendered() -> None:
    assert len(render("{{ a }}{{ b }}", a="x" * (MAX_OUTPUT - 1), b="y")) == MAX_OUTPUT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ due|clock }}", "今天13:30"),
        ("{{ due|date }}", "3月4日"),
        ("{{ span|duration }}", "2小时30分钟"),
        ("{{ names|join('、') }}", "a、b"),
        ("{{ names|join }}", "ab"),
        ("{{ names|length }}{{ 'abc'|length }}{{ customer|length }}", "232"),
        ("{{ names|first }}{{ names|last }}{{ nothing|first }}{{ nothing|last }}", "ab"),
        ("{{ 'aB'|upper }}{{ 'aB'|lower }}", "ABab"),
        ("{{ number|round }} {{ number|round(1) }}", "2 2.5"),
        ("{{ '<a>'|escape }}", "&lt;a&gt;"),
        ("{{ gone|default('x') }}{{ ''|default('y') }}{{ 'z'|default }}", "xyz"),
        ("{% for n in names %}{{ loop.index }}{{ n }}{% if not loop.last %},{% endif %}{% endfor %}", "1a,2b"),
        ("{% for n in names if n == 'b' %}{{ n }}{% else %}none{% endfor %}", "b"),
        ("{% for key in customer %}{{ customer[key] }}{% endfor %}", "陈先生empty key"),
        ("{{ 'a' if number > 2 and customer.name in ['陈先生'] else 'b' }}", "a"),
        ("{{ names[0] }}{{ customer['name'] }}", "a陈先生"),
        ("{{ 5 }}", "5"),
    ],
)
def test_a_script_may_print_choose_repeat_and_filter(text: str, expected: str) -> None:
    assert render(text) == expected


def test_every_filter_is_documented() -> None:
    assert all(function.__doc__ for function in FILTERS.values())


def test_a_naive_instant_is_no_instant() -> None:
    with pytest.raises(TemplateError, match="need an instant"):
        render("{{ due|clock }}", due=datetime(2026, 3, 4))  # noqa: DTZ001  # a naive one is the case under test


@pytest.mark.parametrize(
    ("language", "said"), [("zh-CN", "还没有开单就发生了 `resumed`"), ("en", "resumed happened before any ticket was opened")]
)
def test_a_refusal_is_said_in_the_language_of_who_reads_it(language: str, said: str) -> None:
    refusal = {"text": "resumed happened before any ticket was opened"}
    assert render("{{ refusal.text }}", refusal=refusal, language=language) == said
