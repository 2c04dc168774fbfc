"""What diagnostics say, in the languages of people who write policies.

A text is English and its own template. One with values in it is made by `said`, which keeps template and values, so that `translated`
can say the same in another language; its catalogue is `said.LANGUAGE.json`, English template to translated template. Values are kept
as they are, unless they were made by `said` too.
"""

import json
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
    spoken = _catalogue(language).get(template, template)
    if not isinstance(text, Said):
        return spoken
    return spoken.format(**{name: translated(value, language) if isinstance(value, Said) else value for name, value in text.values.items()})


@cache
def _catalogue(language: str) -> Mapping[str, str]:
    path = files("engine.policy") / f"said.{language}.json"
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found
