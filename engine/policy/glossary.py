"""The company's glossary: words that scripts must not say, and words that some of them must."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from engine.core.conditions import Source
from engine.core.scripts import Text
from engine.core.text import KeywordIndex, Negation
from engine.policy.conditions import all_visible
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.scripts import Scripts, Spoken, line_of
from engine.policy.values import Values

_DENIES_NOTHING = Negation((), (), (), ())
"""A word that a script denies is said all the same: `nothing is impossible`."""


class _Entry(Struct, frozen=True):
    """Words, the scripts and audiences they are about (none: all of them), and what to say instead."""

    index: KeywordIndex
    words: tuple[str, ...]
    source: Source
    scripts: tuple[str, ...]
    audiences: tuple[str, ...]
    instead: Text

    def concerns(self, script: str, audience: str) -> bool:
        return (not self.scripts or script in self.scripts) and (not self.audiences or audience in self.audiences)


def check_glossary(document: Document, scripts: Scripts, languages: tuple[str, ...], problems: Problems) -> None:
    """Report texts of scripts that hold a forbidden word or lack a prescribed one, and scripts in the glossary that do not exist."""
    parts = document.parts("glossary")
    forbidden, prescribed = (
        [entry for part in parts for entry in _entries(part.get(key), document, languages, problems)] for key in ("forbid", "prescribe")
    )
    for spoken in scripts.texts:
        about = spoken.script, scripts.compiled[spoken.script].audience
        _check_forbidden(spoken, [entry for entry in forbidden if entry.concerns(*about)], problems)
        if not spoken.is_subject:
            _check_prescribed(spoken, [entry for entry in prescribed if entry.concerns(*about)], problems)


def _entries(part: Node | None, document: Document, languages: tuple[str, ...], problems: Problems) -> Iterator[_Entry]:
    for node in part.items if part is not None else []:
        for script in node.each("script"):
            problems.unknown("CL306", script, "script", document.entries("scripts") or None)
        words = node.strings("words")
        instead = Values(languages, problems).text(node.get("say"))
        if all_visible(node["words"], problems):
            yield _Entry(
                KeywordIndex(words, _DENIES_NOTHING), words, node["words"].source, node.strings("script"), node.strings("in"), instead
            )


def _check_forbidden(spoken: Spoken, entries: Iterable[_Entry], problems: Problems) -> None:
    for entry in entries:
        instead = entry.instead.get(spoken.language)
        hint = said("say it in other words; it is forbidden in {place}", place=entry.source)
        if instead:
            hint = said("say `{instead}` instead; it is forbidden in {place}", instead=instead, place=entry.source)
        if not entry.index.find(spoken.template.text):
            continue  # most texts: taking one apart costs more than looking at the whole of it
        for line, text in spoken.template.words():
            for word in sorted(entry.index.find(text)):
                message = said("the glossary forbids `{word}` in `{script}`", word=word, script=spoken.script)
                problems.add("CL658", line_of(spoken.node, line, problems), message, hint, path=spoken.node.path)


def _check_prescribed(spoken: Spoken, entries: Iterable[_Entry], problems: Problems) -> None:
    for entry in entries:
        if not any(entry.index.find(text) for _, text in spoken.template.words()):
            message = said(
                "`{script}` does not say what the glossary prescribes: {words}", script=spoken.script, words=", ".join(entry.words)
            )
            problems.add("CL659", spoken.node, message, said("say one of them in this text too, or change {place}", place=entry.source))
