"""What diagnostics say, in the languages of people who write policies.

A text is English and its own template. One with values in it is made by `said`, which keeps template and values, so that `translated`
can say the same in another language; its catalogue is `said.LANGUAGE.json`, English template to translated template. Values are kept
as they are, unless they were made by `said` too. What libraries and plugins said comes through `foreign`, which finds the template such a
text has in `foreign.LANGUAGE.json`.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Self


class Said(str):
    """An English text that knows the template and the values it was made of."""

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, values: Mapping[str, object]) -> Self:
        """Fill the template in."""
        made = super().__new__(cls, template.format(**values))
        made.template, made.values = template, values
        return made


def said(template: str, /, **values: object) -> Said:
    """Return the English text of a template; its names in braces are among `values`, which may be texts made by `said` themselves."""
    return Said(template, values)


def translated(text: str, language: str) -> str:
    """Return a text in a language, in English where the catalogue lacks it."""
    if language == "en":
        return str(text)
    template = text.template if isinstance(text, Said) else text
    spoken = _spoken(language, template)
    if not isinstance(text, Said):
        return spoken
    return spoken.format(**{name: translated(value, language) if isinstance(value, Said) else value for name, value in text.values.items()})


def foreign(text: str) -> str:
    """Return what a library or a plugin said as if `said` had made it; as it is where no template fits it."""
    for template, pattern in _templates():
        if (found := pattern.fullmatch(text)) is not None:
            values = {name: foreign(part) if name in _PARTS else part for name, part in found.groupdict().items()}
            if template != _EITHER or all(isinstance(value, Said) or _QUOTED.fullmatch(value) for value in values.values()):
                return said(template, **values)
    return text


_EITHER, _QUOTED = "{one} or {other}", re.compile("'[^']*'")
"""Nearly any text has an "or" in it: this template fits only what is known, or a word in quotes, on both of its sides."""

_PARTS = frozenset({"hint", "kind", "known", "left", "one", "other", "problem", "reason", "right", "tags", "token", "types", "wanted"})
"""Values in foreign templates that are foreign texts themselves."""


@cache
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    """The foreign templates, those that say most by themselves first."""
    found = []
    for template in _catalogue("foreign", "zh"):
        pieces = re.split(r"(?<!\{)\{(\w+)\}", template)
        words = [re.escape(piece.replace("{{", "{").replace("}}", "}")) for piece in pieces[::2]]
        pattern = "".join(f"{word}(?P<{name}>.+?)" for word, name in zip(words, pieces[1::2], strict=False)) + words[-1]
        found.append((sum(map(len, words)), template, re.compile(pattern, re.DOTALL)))
    return [(template, pattern) for _, template, pattern in sorted(found, key=lambda one: -one[0])]


def _spoken(language: str, template: str) -> str:
    own = _catalogue("said", language)
    return own[template] if template in own else _catalogue("foreign", language).get(template, template)


@cache
def _catalogue(name: str, language: str) -> Mapping[str, str]:
    path = files("engine.policy") / f"{name}.{language}.json"
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found
