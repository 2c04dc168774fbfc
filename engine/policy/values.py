"""Makes values of the core out of sound entries, by the types of their fields: what the schemas have checked is only converted."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from engine.core.conditions import Source
from engine.core.escalations import Recipient
from engine.core.model import Threshold
from engine.core.quiet import Hours
from engine.policy.diagnostics import Problems
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.units import duration, quiet_hours, share, threshold

Made = TypeVar("Made")

_SCALARS: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: share,
    bool: str(True).__eq__,
    Decimal: Decimal,
    timedelta: duration,
    Threshold: threshold,
    Hours: quiet_hours,
}
_ABSENT: Mapping[Any, Callable[[], object]] = {str: str, NoneType: NoneType, tuple: tuple, frozenset: frozenset, Mapping: dict}
"""What a field without a default is where its entry is missing."""


class Values:
    """Makes values in the languages of one company; a text in another one is reported."""

    def __init__(self, languages: tuple[str, ...], problems: Problems) -> None:
        self._languages = languages
        self._problems = problems

    def make(self, kind: type[Made], node: Node, **known: Any) -> Made:
        """Return a value of that struct. Each field that is not `known` is what the entry of its name says, `source` where that is."""
        for name, (type_, absent) in _fields(cast(Any, kind)).items():
            if name in known:
                continue
            if type_ is Source:
                known[name] = node.source
            elif (entry := node.get(name)) is not None:
                known[name] = self._value(type_, entry)
            elif absent is not None:
                known[name] = absent()
        return kind(**known)

    def optional(self, kind: type[Made], node: Node | None, **known: Any) -> Made | None:
        """Return a value as `make` does, None without a node."""
        return None if node is None else self.make(kind, node, **known)

    def text(self, node: Node | None) -> Mapping[str, str]:
        """Return a text by language; a plain one is in the company's first."""
        if node is None:
            return {}
        by_language = node.map or {next(iter(self._languages), ""): node}
        return {language: text.text for language, text in by_language.items() if self.speaks(node, language)}

    def speaks(self, part: Node, language: str) -> bool:
        """Whether the company has that language, where its languages are known; report a text under a key of another one."""
        if not self._languages or language in self._languages or not part.keys:
            return True
        place = Node(language, part.keys[language], f"{part.path}.{language}")
        message = said("the company has no language `{language}` (see company.yaml)", language=language)
        hint = said("write one of {languages}, or add it to `languages` in company.yaml", languages=", ".join(self._languages))
        self._problems.add("CL315", place, message, hint)
        return False

    def recipients(self, node: Node | None) -> tuple[Recipient, ...]:
        """Return who is told, each with the channels they are told over first."""
        found: tuple[Recipient, ...] = self._value(tuple[Recipient, ...], node) if node is not None else ()
        return found

    def _value(self, type_: Any, entry: Node) -> Any:
        if (scalar := _SCALARS.get(type_)) is not None:
            return scalar(entry.text)
        if type_ is Recipient:
            return Recipient((entry.get("to") or entry).text, entry.strings("channel"))
        if isinstance(type_, type) and issubclass(type_, Struct):
            return self.make(type_, entry)
        origin, (first, *others) = get_origin(type_), get_args(type_)
        if origin is not Mapping:
            return origin(self._value(first, item) for item in entry.items)
        return self.text(entry) if others == [str] else {key: self._value(others[0], below) for key, below in entry.map.items()}


@cache
def _fields(kind: Any) -> dict[str, tuple[Any, Callable[[], object] | None]]:
    """The type of each field, without None, and what makes it where its entry is missing, None where the struct knows."""
    found = {}
    hints = get_type_hints(kind)
    for field in fields(kind):
        type_ = hints[field.name]
        parts = get_args(type_)
        optional = NoneType in parts
        if optional and len(parts) == 2:
            type_ = parts[0]
        known = field.default is not NODEFAULT or field.default_factory is not NODEFAULT
        found[field.name] = (type_, None if known else _ABSENT.get(NoneType if optional else get_origin(type_) or type_))
    return found


def names(node: Node, key: str) -> list[Node]:
    """Return the names of the recipients under a key, without the channels that some of them have."""
    return [item.get("to") or item for item in node[key].items] if key in node.map else []
