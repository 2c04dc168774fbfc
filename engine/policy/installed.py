"""Which fields and predicates there are on this machine: those of the registry, and those that installed plugins offer."""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial

import pluggy
from msgspec import Struct

from engine.core.conditions import Field, FieldType
from engine.core.fields import EXTRA_TYPES, FIELDS, FieldSource, Predicate
from engine.errors import ConfigurationError
from engine.plugins import PROJECT, offers, warn

ENTRY_POINT_GROUP = "engine.fields"
OWN_NAMESPACES = frozenset(name.partition(".")[0] for name in FIELDS)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}\.[a-z][a-z0-9_]{0,40}")

hookspec = pluggy.HookspecMarker(PROJECT)


class FieldHooks:
    """The hook of a plugin under `engine.fields`; it is called once."""

    @hookspec
    def engine_fields(self) -> list[FieldSource | Predicate]:  # type: ignore[empty-body]  # pluggy collects what plugins return
        """Return the fields and predicates this plugin offers."""


class Installed(Struct, frozen=True):
    """All fields by name; those of plugins with what reads them; the predicates by name; what kept plugins out, in words."""

    fields: Mapping[str, Field]
    sources: Mapping[str, FieldSource]
    predicates: Mapping[str, Callable[[str], bool | None]]
    problems: tuple[str, ...]

    @property
    def signature(self) -> str:
        """What policies may ask here beyond the registry, as one text: a policy that is sound with it may not be without."""
        own = [repr(self.fields[name]) for name in self.sources]
        return " ".join([*own, *self.predicates])


@cache
def installed() -> Installed:
    """Return what there is; plugins are looked for once in a process."""
    found, problems = offers(ENTRY_POINT_GROUP, FieldHooks, "engine_fields", "field or predicate", _check)
    sources = {name: one for name, one in found.items() if isinstance(one, FieldSource)}
    added = {name: Field(name, FieldType(one.type), tuple(one.choices)) for name, one in sources.items()}
    predicates = {name: partial(_holds, one) for name, one in found.items() if isinstance(one, Predicate)}
    return Installed({**FIELDS, **added}, sources, predicates, tuple(problems))


def _holds(predicate: Predicate, text: object) -> bool | None:
    """Return what the predicate says of a text; None, and a warning in the log, when it fails."""
    try:
        return bool(predicate.test(str(text)))
    except Exception as error:  # noqa: BLE001  # a plugin's fault must not stop the decision; the text stays out of the log
        warn("a predicate failed", predicate=predicate.name, error=type(error).__name__)
        return None


def _check(one: object) -> None:
    if not isinstance(one, (FieldSource, Predicate)):
        raise ConfigurationError(f"engine_fields must return FieldSource and Predicate objects, not {type(one).__name__}")
    if not _NAME.fullmatch(one.name):
        raise ConfigurationError(f"{one.name!r}: a name is a namespace, a dot and a word in small letters, like crm.level")
    if one.name.partition(".")[0] in OWN_NAMESPACES:
        raise ConfigurationError(f"{one.name!r}: {', '.join(sorted(OWN_NAMESPACES))} are the engine's own; take a namespace of yours")
    if isinstance(one, FieldSource) and one.type not in EXTRA_TYPES:
        raise ConfigurationError(f"{one.name!r}: a plugin's field is one of {', '.join(EXTRA_TYPES)}, not {one.type}")
