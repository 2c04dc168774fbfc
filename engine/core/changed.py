"""Copies of frozen values with some of their fields changed."""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from msgspec import Struct, structs

T = TypeVar("T")


def changed(value: T, **changes: Any) -> T:
    """Return what `dataclasses.replace` does, several times as quick: every event that is folded makes a ticket anew."""
    cls: Any = type(value)
    if isinstance(value, Struct):
        return structs.replace(value, **changes)
    read, places = _fields(cls)
    values = list(read(value))
    for name, new in changes.items():
        values[places[name]] = new
    made: T = cls(*values)
    return made


@cache
def _fields(cls: Any) -> tuple[Callable[[Any], tuple[Any, ...]], dict[str, int]]:
    names = [field.name for field in fields(cls)]
    return attrgetter(*names), {name: place for place, name in enumerate(names)}
