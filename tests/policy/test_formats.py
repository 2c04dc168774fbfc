"""Diagnostics in every format, and in Chinese."""

import json
import re
import xml.etree.ElementTree as ET
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from junitparser import JUnitXml
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif  # generated from the schema of OASIS

from engine.policy import Diagnostic
from engine.policy.codes import CODES
from engine.policy.formats import format_github, format_json, format_junit, format_sarif, format_text
from engine.policy.said import Said, said, translated
from tests.policy.support import diagnose
from tests.policy.templates import all_templates, f_strings

BAD_FILES = Path(__file__).parent / "bad"
CATALOGUE = json.loads((Path(__file__).parents[2] / "engine" / "policy" / "said.zh.json").read_text("utf-8"))
NAMES = sorted(path.stem for path in BAD_FILES.glob("*.yaml"))
WORDS = {"tier", "queue", "language", "agent", "party", "rule", "script", "channel", "action", "escalation", "exception", "another form"}
WORDS |= {"arrangement", "calendar", "condition", "deadline", "predicate", "scored question", "shift"}
"""What `said` is given by a variable."""
TERMS = {"YAML", "UTF", "BOM", "GBK", "IANA", "RE", "Perl"}
OF_A_POLICY = {"part"}
"""Values that libraries quote from what they read."""
FOREIGN = json.loads((Path(__file__).parents[2] / "engine" / "policy" / "foreign.zh.json").read_text("utf-8"))


@cache
def found_in(name: str) -> tuple[Diagnostic, ...]:
    """What is found in a bad file."""
    text = (BAD_FILES / f"{name}.yaml").read_text("utf-8")
    return diagnose(text.split("\n")[0].removeprefix("# file: "), text)


def place(file: str) -> str:
    return f"my policies/{file}"


def test_no_text_of_a_diagnostic_is_put_together_where_nobody_could_translate_it() -> None:
    assert f_strings() == []


def test_every_text_has_its_chinese_and_the_catalogue_holds_nothing_else() -> None:
    assert all_templates() - {""} | WORDS == set(CATALOGUE)


def test_chinese_is_punctuated_in_full_width() -> None:
    narrow = re.compile(r"[\u4e00-\u9fff`}][,:;(]|[,:;)][\u4e00-\u9fff]|[\u4e00-\u9fff][.?!]")
    assert {en: zh for en, zh in CATALOGUE.items() if narrow.search(re.sub(r"`[^`]*`", "``", zh))} == {}


def test_a_translation_keeps_the_places_of_its_values() -> None:
    fields = re.compile(r"(?<!\{)\{\w+[^{}]*\}(?!\})")
    differing = {en: zh for en, zh in CATALOGUE.items() if sorted(fields.findall(en)) != sorted(fields.findall(zh))}
    assert differing == {}


def test_the_values_of_a_text_are_left_as_they_are_unless_they_are_texts_themselves() -> None:
    plain = said("there is no {what} `{name}`", what=said("queue"), name="queue")
    assert translated(plain, "zh") == "没有队列 `queue`"
    assert translated("nobody ever said so", "zh") == "nobody ever said so"
    assert translated(said("nobody ever said {so}", so=1), "zh") == "nobody ever said 1"


@pytest.mark.parametrize("name", NAMES)
def test_what_a_diagnostic_says_in_chinese_holds_no_english_but_names(name: str) -> None:
    for item in found_in(name):
        for text in (item.message, item.hint):
            spoken = without_names(text)
            rest = re.sub(r"`[^`]*`|\"[^\"]*\"|\S+\.yaml", "", spoken)
            assert set(re.findall(r"[A-Za-z]{2,}", rest)) - TERMS == set(), translated(text, "zh")


def without_names(text: str) -> str:
    """The Chinese of a text without ids, lists of ids, and what libraries said."""
    if not isinstance(text, Said):
        return translated(text, "zh")
    kept = {name: without_names(value) if isinstance(value, Said) else _without_name(name, value) for name, value in text.values.items()}
    return (FOREIGN | CATALOGUE)[text.template].format(**kept)


def _without_name(name: str, value: object) -> object:
    names = re.fullmatch(r"\S+((, | → )\S+)*", str(value))
    return "" if isinstance(value, str | date | Exception) and (names or name in OF_A_POLICY or "`" in str(value)) else value


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sarif_keeps_to_the_schema_and_names_every_place(language: str) -> None:
    found = [item for name in NAMES for item in found_in(name)]
    log = format_sarif(found, place, language)
    Sarif.model_validate_json(log)
    [run] = json.loads(log)["runs"]
    assert len(run["results"]) == len(found)
    rules = run["tool"]["driver"]["rules"]
    for item, result in zip(found, run["results"], strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == item.code
        [location] = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == f"my%20policies/{item.file}"
        assert location["physicalLocation"]["region"]["startLine"] == item.line
    assert rules[0]["shortDescription"]["text"] == translated(CODES[rules[0]["id"]].title, language)


def test_a_sarif_log_without_problems_is_one_too() -> None:
    Sarif.model_validate_json(format_sarif([], place))


def test_junit_has_a_case_for_each_file_and_fails_those_with_errors(tmp_path: Path) -> None:
    found = [*found_in("CL304"), *found_in("CL405")]
    (tmp_path / "report.xml").write_text(format_junit(found, ["sla.yaml", "company.yaml"], place), encoding="utf-8")
    [suite] = JUnitXml.fromfile(str(tmp_path / "report.xml"))
    assert (suite.tests, suite.failures) == (4, 1)
    assert {case.name: bool(case.result) for case in suite} == {
        "my policies/sla.yaml": False,
        "my policies/company.yaml": False,
        f"my policies/{found_in('CL304')[0].file}": True,
        f"my policies/{found_in('CL405')[0].file}": False,
    }
    warned = ET.parse(tmp_path / "report.xml").find(".//system-out")
    assert warned is not None
    assert "warning CL405" in (warned.text or "")


def test_a_github_annotation_is_one_line_that_the_runner_reads_back() -> None:
    item = Diagnostic("CL101", "error", "a,b:c.yaml", 3, 5, 4, 1, "", "", "50 % of\nit: lost", "mend it")
    line = format_github([item], lambda file: file)
    assert line == "::error file=a%2Cb%3Ac.yaml,line=3,endLine=4,col=5,title=CL101::50 %25 of%0Ait: lost%0Amend it"
    on_one_line = Diagnostic("CL405", "warning", "x.yaml", 3, 5, 3, 9, "", "", "no hint", "")
    assert (
        format_github([on_one_line], place) == "::warning file=my policies/x.yaml,line=3,endLine=3,col=5,title=CL405,endColumn=9::no hint"
    )


def test_json_and_text_speak_both_languages() -> None:
    [item] = found_in("CL304")
    assert "错误 CL304" in format_text([item], language="zh")
    assert "  提示：" in format_text([item], language="zh")
    assert json.loads(format_json([item], "zh"))[0]["message"].startswith("没有队列")
    assert json.loads(format_json([item]))[0]["severity"] == "error"


SPOKEN = "no `\x1b[31m\x00\u202e\ufffe` here"
SHOWN = "no `\\u001b[31m\\u0000\\u202e\\ufffe` here"
HOSTILE = Diagnostic("CL204", "error", "sla-\udcff.yaml", 3, 1, 3, 4, "a.\x1b", "", SPOKEN, "", "\x07\u202eabc")


def test_what_a_terminal_would_obey_and_xml_cannot_hold_is_shown_as_an_escape_in_every_format(tmp_path: Path) -> None:
    text = format_text([HOSTILE])
    unseen = "\N{REPLACEMENT CHARACTER}"
    assert text == f"sla-\\udcff.yaml:3:1: error CL204: {SHOWN}\n  {unseen}{unseen}abc\n  ^^^"
    report = tmp_path / "report.xml"
    report.write_text(format_junit([HOSTILE], [], place), encoding="utf-8")
    [[case]] = JUnitXml.fromfile(str(report))
    assert (case.name, case.result[0].message) == ("my policies/sla-\\udcff.yaml", SHOWN)
    for printed in (text, format_json([HOSTILE]), format_sarif([HOSTILE], place), format_github([HOSTILE], place)):
        printed.encode()
        assert not set("\x1b\x00\u202e\ufffe\udcff") & set(printed)


def test_a_name_that_is_not_utf8_keeps_its_bytes_in_json_and_in_a_uri() -> None:
    assert json.loads(format_json([HOSTILE]))[0]["file"] == HOSTILE.file
    assert "my%20policies/sla-%FF.yaml" in format_sarif([HOSTILE], place)


def test_a_place_outside_the_current_directory_is_a_file_uri() -> None:
    assert '"uri": "file:///srv/my%20policies/x.yaml"' in format_sarif([found_in("CL304")[0]], lambda file: "/srv/my policies/x.yaml")


def test_a_rule_of_sarif_carries_the_section_that_explains_it() -> None:
    found = [item for name in NAMES for item in found_in(name)]
    rules = {rule["id"]: rule["help"] for rule in json.loads(format_sarif(found, place))["runs"][0]["tool"]["driver"]["rules"]}
    for code, told in rules.items():
        assert told["markdown"].startswith(f"### {code} {CODES[code].title}")
        assert told["markdown"].count("###") == 1
        assert told["text"].startswith(CODES[code].title)
        assert "```" not in told["text"]
    assert "there is no queue `tech_suport`" in rules["CL304"]["text"]
    assert "```yaml\nversion: 1\n" in rules["CL304"]["markdown"]


def test_the_caret_stands_under_its_word_behind_wide_characters_in_both_languages() -> None:
    [item] = diagnose("sla-x.yaml", "version: 1\nconditions: {宕机: {use: 没有}}\n")
    for language in ("en", "zh"):
        _, line, caret = format_text([item], language=language).split("\n")[:3]
        assert line == "  conditions: {宕机: {use: 没有}}"
        assert caret == " " * len("  conditions: {____: {use: ") + "^^^^"
