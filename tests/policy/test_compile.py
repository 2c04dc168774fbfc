"""What the YAML becomes: conditions, texts, defaults."""

import gc
import json
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from engine.core.compiled import Policy
from engine.core.conditions import All, Any, Condition, Match, Named, Not, evaluate
from engine.policy import check_team, compile_files
from engine.policy.calendars import compile_calendars
from engine.policy.compilation import read_document
from engine.policy.diagnostics import Problems
from engine.policy.schema import schema
from engine.policy.vocabulary import KINDS_OF_FILE
from engine.policy.wording import REPORTS
from tests.policy.support import SHIPPED, codes, overlaid, shipped, shipped_policy, shipped_team, team


def policy_with(files: dict[str, str]) -> Policy:
    compilation = overlaid(files)
    assert compilation.diagnostics == ()
    assert compilation.policy is not None
    return compilation.policy


def condition(written: str) -> Condition:
    text = f"version: 1\nroutes:\n  - {{id: under-test, queue: product, when: {written}}}\n"
    found = policy_with({"routing-x.yaml": text}).routes[0].when
    assert found is not None
    return found


class Values:
    def __init__(self, **values: object) -> None:
        self._values = {name.replace("__", "."): value for name, value in values.items()}

    def value(self, field):
        return self._values.get(field)

    def keywords(self, field):
        text = self._values.get(field)
        return None if text is None else shipped_policy().keywords.find(str(text))


@pytest.mark.parametrize(
    ("written", "values", "expected"),
    [
        ("{field: ticket.kind, is: complaint}", {"ticket__kind": "complaint"}, True),
        ("{field: ticket.kind, in: [complaint, care]}", {"ticket__kind": "inquiry"}, False),
        ("{field: customer.phone, exists: false}", {}, True),
        ("{field: customer.phone, matches: '^[+]86'}", {"customer__phone": "+8613800000000"}, True),
        ("{field: call.wait, over: 1m}", {"call__wait": timedelta(minutes=2)}, True),
        ("{field: ticket.text, mentions: [宕机]}", {"ticket__text": "没有宕机"}, False),
        ("[{field: ticket.kind, is: care}, {field: customer.known, is: true}]", {"ticket__kind": "care", "customer__known": True}, True),
        ("{any: [{use: vip}, {not: {field: customer.known, is: true}}]}", {"customer__segment": "new", "customer__known": False}, True),
        ("{all: [{use: vip}, {field: ticket.language, is: zh}, {field: ticket.queue, is: product}]}", {"customer__segment": "vip"}, None),
    ],
)
def test_a_matcher_means_what_it_says(written: str, values: dict[str, object], expected: bool | None) -> None:
    assert evaluate(condition(written), Values(**values)) is expected


def test_a_list_of_matchers_is_all_of_them_and_a_list_of_one_is_that_one() -> None:
    assert isinstance(condition("[{use: vip}, {use: vip}]"), All)
    assert isinstance(condition("[{use: vip}]"), Named)
    assert isinstance(condition("{any: [{use: vip}]}"), Any)
    assert isinstance(condition("{not: {use: vip}}"), Not)


def test_a_compiled_matcher_knows_where_it_is_written_and_whether_its_value_is_personal() -> None:
    found = condition("{field: customer.email, is: a@example.test}")
    assert isinstance(found, Match)
    assert found.personal
    assert (str(found.source), found.source.path) == ("routing-x.yaml:3", "routes[0].when")


@pytest.mark.parametrize(
    "written", ["{use: bad}", "{any: [{use: bad}]}", "{not: {use: bad}}", "[{use: bad}]", "{all: [{use: bad}, {use: vip}]}"]
)
def test_a_faulty_condition_is_reported_once_and_not_again_where_it_is_used(written: str) -> None:
    text = f"version: 1\nconditions:\n  bad: {{field: ticket.kind, is: complain}}\n  user: {written}\n"
    assert codes(overlaid({"sla-x.yaml": text})) == ["CL204"]


def test_a_rule_whose_condition_is_faulty_is_not_taken_for_another_fault() -> None:
    survey = (
        "version: 1\nsurveys:\n  - id: short\n    when: {use: bad}\n    send: {within: 24h}\n    channels: [sms]\n    expires: 7d\n"
        "    anonymity: strict\n    intro: 请评价\n    scripts: {invitation: survey_invitation}\n"
        "    questions: [{id: effect, scale: 1-3, ask: 效果, labels: [差, 一般, 好]}]\n"
        "    low_score: {when: {use: bad}, open: {kind: follow_up, queue: supervisors}}\n"
    )
    faulty = "version: 1\nconditions:\n  bad: {field: customer.phone, matches: '('}\n"
    assert codes(overlaid({"sla-x.yaml": faulty, "survey-x.yaml": survey})) == ["CL314"]
    sound = "version: 1\nconditions:\n  bad: {field: answer.lowest, at_most: 2}\n"
    assert codes(overlaid({"sla-x.yaml": sound, "survey-x.yaml": survey.replace("when: {use: bad}\n", "when: {use: vip}\n")})) == []


def test_a_plain_text_is_in_the_default_language() -> None:
    text = "version: 1\nqueues:\n  lab: {label: 实验室, lead: zhou}\nroutes:\n  - {id: lab, queue: lab, when: {use: vip}}\n"
    policy = policy_with({"routing-x.yaml": text})
    assert policy.queues["lab"].label == {"zh": "实验室"}


def test_a_subject_may_be_plain_or_by_channel_and_falls_back_to_the_script_s_own() -> None:
    text = (
        "version: 1\nscripts:\n  hello:\n    audience: customer\n    subject: 通用\n    zh: 您好\n    en: Hello\n"
        "    channels:\n      email: {zh: 邮件, subject: {zh: 邮件标题}}\n      sms: {zh: 短信}\n"
        "guides: {welcome: [hello]}\n"
    )
    bodies = policy_with({"scripts-x.yaml": text}).scripts["hello"].bodies
    subjects = {key: body.subject.render({}) for key, body in bodies.items() if body.subject}
    assert subjects == {("", "zh"): "通用", ("", "en"): "通用", ("email", "zh"): "邮件标题", ("sms", "zh"): "通用"}


def test_a_script_that_asks_for_a_deadline_that_does_not_run_then_is_told_where_it_starts() -> None:
    sla = (
        "version: 1\ndeadlines:\n  news:\n    label: news\n    stops: progress_reported\n    starts: plan_recorded\n"
        "    budget: 2h\n    then: report_progress\n"
    )
    text = "version: 1\nscripts:\n  hi: {audience: customer, zh: '{{ deadlines.news.due }}', en: Hi}\nguides: {hi: [hi]}\n"
    [item] = overlaid({"sla-a.yaml": sla, "scripts-x.yaml": text}).diagnostics
    assert item.code == "CL404"
    assert item.hint == "the deadline `news` does not run then: sla-a.yaml:6 says what starts it; `{% if … is defined %}` asks first"


def test_where_no_script_has_a_text_in_a_language_the_language_is_reported_once() -> None:
    company = shipped().files["company.yaml"]
    found = overlaid({"company.yaml": company.replace("[zh, en]", "[zh, en, fr]")}).diagnostics
    assert [(item.code, item.path) for item in found] == [("CL405", "company.languages[2]")]
    found = overlaid({"company.yaml": company.replace("[zh, en]", "[fr, zh, en]")}).diagnostics
    assert [(item.code, item.path) for item in found if item.code != "CL316"] == [("CL406", "company.languages[0]")]


def test_rules_of_a_more_specific_file_are_asked_first() -> None:
    text = "version: 1\ntiers:\n  - {id: vip, label: VIP, when: {use: vip}, budgets: {response: 5m, plan: 1h}, calendar: cn_office}\n"
    policy = policy_with({"sla-vip.yaml": text})
    assert [tier.id for tier in policy.tiers] == ["vip", "urgent", "important", "general"]


def test_what_may_be_left_out_has_its_default() -> None:
    sla = shipped().files["sla.yaml"].replace("on_tier_change: recompute\n", "")
    assert policy_with({"sla.yaml": sla}).on_tier_change == "recompute"


def test_a_guide_may_be_a_plain_list_and_says_scripts_asks_and_what_is_optional() -> None:
    text = "version: 1\nguides:\n  short: [greeting, problem, {script: calming, if_needed: true}, {script: calming}]\n"
    steps = policy_with({"scripts-x.yaml": text}).guides["short"].steps
    assert [(step.script, step.ask, step.if_needed) for step in steps] == [
        ("greeting", None, False),
        (None, "problem", False),
        ("calming", None, True),
        ("calming", None, False),
    ]


def test_a_step_may_notify_an_agent_by_name_and_steps_run_in_the_order_of_their_times() -> None:
    text = (
        "version: 1\nescalations:\n  - id: ask-again\n    deadlines: [confirmation]\n    steps:\n"
        "      - {at: +1h, notify: [li, supervisors], script: breach_notice}\n      - {at: breach, reassign: true}\n"
        "  - {id: silent, deadlines: [spare]}\n"
        "deadlines:\n  spare: {label: 备用, starts: ticket_opened, stops: ticket_closed, budget: 9d}\n"
    )
    compilation = overlaid({"sla-x.yaml": text})
    assert compilation.policy is not None
    assert check_team(shipped_team(), compilation) == ()
    steps = compilation.policy.escalations[0].steps
    assert [(step.after, step.script, step.reassign) for step in steps] == [
        (timedelta(0), "breach_notice", True),
        (timedelta(hours=1), "breach_notice", False),
    ]


def test_a_window_past_midnight_an_extra_hour_and_a_closure_count() -> None:
    text = (
        'version: 1\ncalendars:\n  night:\n    timezone: Asia/Shanghai\n    weekly: {mon: ["22:00-30:00"], tue-wed: []}\n'
        '    open: ["2026-03-07 09:00-12:00"]\n    closed: ["2026-03-02 23:00-24:00"]\n'
    )
    calendar = policy_with({"calendars/night.yaml": text}).calendars["night"]

    def is_open(day: int, hour: int) -> bool:
        return calendar.is_open(datetime(2026, 3, day, hour, tzinfo=UTC) - timedelta(hours=8))

    assert [is_open(2, 22), is_open(2, 23), is_open(3, 5), is_open(3, 6), is_open(7, 10)] == [True, False, True, False, True]


NAMED = """version: 1
arrangements:
  de:
    "2026":
      source: German law
      off: ["01-01", {days: "12-25/12-26", name: {en: Christmas}}]
      workdays: [{days: "12-27", name: 圣诞节}]
    "2027": {source: German law, off: ["01-01"], workdays: []}
calendars:
  berlin: {timezone: Europe/Berlin, weekly: {mon-fri: ["09:00-17:00"]}, holidays: de}
"""


def test_a_holiday_may_have_a_name_and_is_one_without() -> None:
    year = policy_with({"calendars/x.yaml": NAMED}).calendars["berlin"].holidays[2026]
    days = {day: date(2026, 12, day) for day in (25, 26, 27)}
    assert year.off == {date(2026, 1, 1), days[25], days[26]}
    assert year.names == {days[25]: {"en": "Christmas"}, days[26]: {"en": "Christmas"}, days[27]: {"zh": "圣诞节"}}


def test_names_of_holidays_are_not_judged_where_no_languages_are_known() -> None:
    problems = Problems()
    document = read_document({"calendars/x.yaml": NAMED.replace("en:", "fr:")}, frozenset(), problems)
    year = compile_calendars(document, problems)["berlin"].holidays[2026]
    assert [next(iter(name.items())) for name in year.names.values()] == [("fr", "Christmas"), ("fr", "Christmas"), ("", "圣诞节")]
    assert problems.all() == ()


def test_agents_have_what_team_yaml_says() -> None:
    written = (
        (SHIPPED / "team.yaml")
        .read_text("utf-8")
        .replace("users: [], absent: []}", 'users: [anna], absent: ["2026-03-04/2026-03-06"], language: en}', 1)
    )
    load = team(written)
    assert load.team is not None
    zhao = load.team.agents["zhao"]
    assert (zhao.name, zhao.queues, zhao.users, zhao.language, zhao.phone) == ("赵敏", ("front_desk",), ("anna",), "en", "+8613800000001")
    assert [(str(first), str(last)) for first, last in zhao.absent] == [("2026-03-04", "2026-03-06")]
    assert load.team.manager == "zhou"
    assert load.team.shifts == {"day": "cn_office", "any": "24x7"}


def test_a_team_is_not_held_against_a_policy_while_one_of_them_is_unsound() -> None:
    assert check_team(team("version: 1\n"), shipped()) == ()
    assert check_team(shipped_team(), overlaid({"company.yaml": "version: 1\n"})) == ()


def test_every_keyword_that_schemas_use_has_its_words() -> None:
    plain = {
        "properties",
        "items",
        "additionalProperties",
        "propertyNames",
        "$ref",
        "$defs",
        "$id",
        "title",
        "$schema",
        "description",
        "examples",
        "if",
        "then",
        "else",
        "allOf",
        "anyOf",
    }
    for kind in KINDS_OF_FILE:
        used = {key for node in _schemas(schema(kind)) for key in node}
        assert used <= plain | set(REPORTS), used - plain - set(REPORTS)


def test_every_schema_is_a_valid_schema() -> None:
    for kind in KINDS_OF_FILE:
        Draft202012Validator.check_schema(schema(kind))
    stored = {path.name.removesuffix(".json") for path in (files("engine.policy") / "schemas").iterdir()}
    assert stored == {*KINDS_OF_FILE, "common"}
    assert json.dumps(schema("sla"))


def _schemas(node):
    """Yield every (sub)schema: the values of keywords that hold schemas, never plain values."""
    if not isinstance(node, dict):
        return
    yield node
    for key in ("items", "additionalProperties", "propertyNames", "if", "then", "else"):
        yield from _schemas(node.get(key))
    for key in ("properties", "$defs"):
        for below in node.get(key, {}).values():
            yield from _schemas(below)
    for key in ("allOf", "anyOf"):
        for below in node.get(key, []):
            yield from _schemas(below)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_of_garbage_is_left_as_it_was(enabled: bool) -> None:
    try:
        (gc.enable if enabled else gc.disable)()
        assert compile_files(shipped().files).policy is not None
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_a_policy_that_was_proven_sound_compiles_to_the_same_without_being_tried_again() -> None:
    proven = compile_files(shipped().files, proven=True).policy
    assert proven is not None
    assert (proven.digest, proven.scripts) == (shipped_policy().digest, shipped_policy().scripts)
