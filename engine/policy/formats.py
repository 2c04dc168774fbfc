"""Diagnostics as text for people, and as JSON, SARIF, JUnit and GitHub annotations for programs.

`language` is that of messages, hints and titles; `place` turns a diagnostic's file into the path a reader knows (policies/sla.yaml).
"""

import hashlib
import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import replace
from unicodedata import east_asian_width
from urllib.parse import quote

from engine import __version__
from engine.policy.codes import CODES
from engine.policy.diagnostics import ERROR, WARNING, Diagnostic
from engine.policy.said import said, translated
from engine.resources import explained_diagnostics

_KEYS = ("code", "severity", "file", "line", "column", "end_line", "end_column", "path", "rule", "message", "hint")
_COLOURS = {ERROR: "\033[1;31m", WARNING: "\033[1;33m"}
_PLAIN = "\033[0m"
_LONGEST_EXCERPT = 240
_HINT = said("hint: ")
_SEVERITIES = {ERROR: said("error"), WARNING: said("warning")}
_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

# What a terminal would obey, what XML cannot hold, and what turns the direction of writing: shown as escapes instead.
_HIDDEN = "\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff"
_UNSEEN = re.compile(f"[\x00-\x08\x0b-\x1f{_HIDDEN}]")
_UNSEEN_IN_JSON = re.compile(f"[{_HIDDEN}]")

Place = Callable[[str], str]


def format_text(diagnostics: Sequence[Diagnostic], *, colour: bool = False, language: str = "en") -> str:
    """Return one paragraph per problem: `file:line:column: severity code: message`, the line with a caret below it, the hint."""
    return "\n".join(_paragraph(item, colour, language) for item in diagnostics)


def format_json(diagnostics: Sequence[Diagnostic], language: str = "en") -> str:
    """Return a JSON list of objects with the keys code, severity, file, line, column, end_line, end_column, path, rule, message, hint."""
    spoken = [{key: getattr(item, key) for key in _KEYS} | _spoken(item, language) for item in diagnostics]
    return _json(spoken)


def format_sarif(diagnostics: Sequence[Diagnostic], place: Place, language: str = "en") -> str:
    """Return a SARIF 2.1.0 log of one run (OASIS standard). Columns count Unicode code points."""
    codes = sorted({item.code for item in diagnostics})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": translated(CODES[code].title, language)},
            "help": _help(code),
            "defaultConfiguration": {"level": CODES[code].severity},
        }
        for code in codes
    ]
    run = {
        "tool": {"driver": {"name": "closedloop", "version": __version__, "semanticVersion": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, codes.index(item.code), place(item.file), language) for item in diagnostics],
    }
    return _json({"$schema": _SARIF, "version": "2.1.0", "runs": [run]})


def format_junit(diagnostics: Sequence[Diagnostic], checked: Sequence[str], place: Place, language: str = "en") -> str:
    """Return a JUnit report with one test case for each file that was checked; a file with problems fails with all of them."""
    suites = ET.Element("testsuites", name="engine validate")
    files = list(dict.fromkeys([*checked, *(item.file for item in diagnostics)]))
    suite = ET.SubElement(suites, "testsuite", name="policies", tests=str(len(files)))
    failures = 0
    for file in files:
        case = ET.SubElement(suite, "testcase", classname="policies", name=_visible(place(file)))
        if found := [item for item in diagnostics if item.file == file]:
            errors = any(item.severity == ERROR for item in found)
            failures += errors
            first = _spoken(found[0], language)["message"]
            part = ET.SubElement(case, "failure", message=first) if errors else ET.SubElement(case, "system-out")
            part.text = format_text(found, language=language)
    suite.set("failures", str(failures))
    report: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)  # as "unicode" it would name the locale's encoding
    return report.decode()


def format_github(diagnostics: Sequence[Diagnostic], place: Place, language: str = "en") -> str:
    """Return GitHub workflow commands, an annotation each, escaped as GitHub's runner unescapes them."""
    lines = []
    for item in diagnostics:
        at = {"file": _visible(place(item.file)), "line": item.line, "endLine": item.end_line, "col": item.column, "title": item.code}
        if item.line == item.end_line:  # the runner takes a last column on one line only
            at["endColumn"] = item.end_column
        spoken = _spoken(item, language)
        text = f"{spoken['message']}\n{spoken['hint']}" if item.hint else spoken["message"]
        properties = ",".join(f"{key}={_property(str(value))}" for key, value in at.items())
        lines.append(f"::{item.severity} {properties}::{_data(text)}")
    return "\n".join(lines)


def _spoken(item: Diagnostic, language: str) -> dict[str, str]:
    return {"message": _visible(translated(item.message, language)), "hint": _visible(translated(item.hint, language))}


def _visible(text: str) -> str:
    return _UNSEEN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _json(value: object) -> str:
    """Return JSON that every encoding and terminal can take: what is hidden becomes JSON's own escapes."""
    return _UNSEEN_IN_JSON.sub(_escape, json.dumps(value, ensure_ascii=False, indent=2))


def _help(code: str) -> dict[str, str]:
    """Return what the documentation says of a code. A `helpUri` would have to name the host that publishes it (SARIF 3.49.12)."""
    page = explained_diagnostics().read_text("utf-8")
    section = page.partition(f"\n### {code} ")[2].partition("\n## ")[0].partition("\n### ")[0].strip()
    return {"text": re.sub(r"^(?:```\w*\n?|> )", "", section, flags=re.MULTILINE), "markdown": f"### {code} {section}"}


def _paragraph(item: Diagnostic, colour: bool, language: str) -> str:
    spoken = _spoken(item, language)
    name = f"{translated(_SEVERITIES[item.severity], language)} {item.code}"
    shown = f"{_COLOURS[item.severity]}{name}{_PLAIN}" if colour else name
    lines = [f"{_visible(item.file)}:{item.line}:{item.column}: {shown}: {spoken['message']}"]
    if item.excerpt.strip():
        cut = _cut(item)
        lines += [f"  {_UNSEEN.sub('�', cut.excerpt)}", f"  {_caret(cut)}"]
    if item.hint:
        lines.append(f"  {translated(_HINT, language)}{spoken['hint']}")
    return "\n".join(lines)


def _cut(item: Diagnostic) -> Diagnostic:
    """Return the diagnostic with what stands around its place, where its line is too long to be read."""
    if len(item.excerpt) <= _LONGEST_EXCERPT:
        return item
    start = max(0, item.column - 1 - _LONGEST_EXCERPT // 3)
    end = start + _LONGEST_EXCERPT
    excerpt = "…" * (start > 0) + item.excerpt[start:end] + "…" * (end < len(item.excerpt))
    shift = start - (start > 0)
    return replace(item, excerpt=excerpt, column=item.column - shift, end_column=min(item.end_column, end + 1) - shift)


def _caret(item: Diagnostic) -> str:
    """Return the marks that stand under the excerpt; East Asian characters are two columns wide on a terminal."""
    end = item.end_column if item.end_line == item.line else len(item.excerpt) + 1
    before, marked = item.excerpt[: item.column - 1], item.excerpt[item.column - 1 : end - 1]
    return " " * _width(before) + "^" * max(1, _width(marked))


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _result(item: Diagnostic, rule: int, uri: str, language: str) -> dict[str, object]:
    spoken = _spoken(item, language)
    region = {"startLine": item.line, "startColumn": item.column, "endLine": item.end_line, "endColumn": item.end_column}
    identity = os.fsencode(f"{item.code} {item.file} {item.path} {item.message}")
    return {
        "ruleId": item.code,
        "ruleIndex": rule,
        "level": item.severity,
        "message": {"text": f"{spoken['message']}\n{spoken['hint']}" if item.hint else spoken["message"]},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(uri)}, "region": region},
                "logicalLocations": [{"fullyQualifiedName": item.path or item.file}],
            }
        ],
        "partialFingerprints": {"problem/v1": hashlib.sha256(identity).hexdigest()},
    }


def _uri(path: str) -> str:
    """Return the URI of a path: relative where the path is; a name that is not UTF-8 keeps its bytes."""
    return ("file://" if path.startswith("/") else "") + quote(os.fsencode(path))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
