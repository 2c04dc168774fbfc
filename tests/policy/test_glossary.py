"""Words that scripts must not say, and words that they must."""

import re

import pytest

from tests.policy.support import overlaid, shipped


def test_glossaries_of_several_files_hold_together() -> None:
    glossary = "version: 1\nglossary:\n  forbid: [{words: [%s], in: [agent]}]\n"
    text = "version: 1\nscripts:\n  bye: {audience: agent, subject: ciao, zh: 拜拜, en: ta-ta}\nguides: {bye: [bye]}\n"
    files = {"scripts-a.yaml": glossary % "拜拜", "scripts-b.yaml": glossary % "ta-ta, ciao", "scripts-x.yaml": text}
    found = overlaid(files).diagnostics
    assert [(item.code, item.path) for item in found] == [("CL658", f"scripts.bye.{key}") for key in ("subject", "zh", "en")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cheap", ["cheap"]),
        ("CHEAP!", ["cheap"]),
        ("cheapest", []),
        ("not cheap", ["cheap"]),
        ("{{ ticket.text | default('cheap') }}", ["cheap"]),
        ("{% if ticket.kind == 'cheap' %}dear{% endif %}", []),
        ("{{ ticket.text }}", []),
        ("{% if customer.name %}{{ customer.name }}: cheap{% endif %}", ["cheap"]),
        ("便宜", ["便宜"]),
        ("不便宜的", ["便宜"]),
    ],
)
def test_the_glossary_looks_at_what_a_script_says_by_itself(text: str, found: list[str]) -> None:
    quoted = text.replace("'", "''")
    scripts = f"version: 1\nscripts:\n  x: {{audience: agent, zh: '{quoted}', en: none}}\nguides: {{x: [x]}}\n"
    glossary = "glossary:\n  forbid: [{words: [cheap, 便宜, text, ticket]}]\n"
    diagnostics = overlaid({"scripts-x.yaml": scripts + glossary}).diagnostics
    assert [item.message.split("`")[1] for item in diagnostics if item.file == "scripts-x.yaml"] == found


def test_what_is_prescribed_must_stand_in_every_text_but_not_in_subjects() -> None:
    text = (
        "version: 1\nscripts:\n  x:\n    audience: agent\n    subject: news\n    zh: 您好\n    en: Hello, dear\n"
        "    channels:\n      sms: {en: News}\nguides: {x: [x]}\n"
        "glossary:\n  prescribe:\n    - {words: [您好, hello], script: [x]}\n    - {words: [dear], in: [agent], script: x}\n"
        "    - {words: [dear], in: [team], script: x}\n"
    )
    found = [(item.code, item.path, item.message.rpartition(": ")[2]) for item in overlaid({"scripts-x.yaml": text}).diagnostics]
    assert found == [
        ("CL659", "scripts.x.zh", "dear"),
        ("CL659", "scripts.x.channels.sms.en", "您好, hello"),
        ("CL659", "scripts.x.channels.sms.en", "dear"),
    ]


def test_what_is_forbidden_to_some_audiences_may_be_said_to_others() -> None:
    glossary = "glossary: {forbid: [{words: [便宜], in: [team]}]}\n"
    text = f"version: 1\nscripts:\n  x: {{audience: agent, zh: 便宜, en: none}}\nguides: {{x: [x]}}\n{glossary}"
    assert overlaid({"scripts-x.yaml": text}).diagnostics == ()


def test_without_a_glossary_nothing_is_forbidden() -> None:
    scripts = shipped().files["scripts.yaml"]
    files = {"scripts.yaml": re.sub(r"\nglossary:\n(?:  .*\n)+", "\n", scripts)}
    assert "glossary" not in files["scripts.yaml"].replace("company's glossary", "")
    assert overlaid(files).diagnostics == ()
