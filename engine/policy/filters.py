"""The filters and tests that scripts may use. None of them can make much out of little."""

import html
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import jinja2
from jinja2.runtime import Context

from engine.policy import phrases
from engine.policy.said import said

_MAX_TEXT = 20_000
_MAX_STEPS = 10_000
_STEPS = "loop steps"  # a key of the context that no template can name, because of its space


class OutputTooLong(Exception):
    """A text or a loop passed its bound."""


class Unprintable(Exception):
    """A value that is no text was used where a text is needed; the message says what to write instead."""


@jinja2.pass_context
def items_within_bounds(context: Context, value: object) -> Iterator[object]:
    """Yield the items of a list or the keys of a mapping; all loops of one rendering share one bound."""
    _known(value)
    if not isinstance(value, (list, tuple, dict)):
        raise Unprintable(said("only lists can be looped over"))
    for item in value:
        steps = context.vars.get(_STEPS, 0) + 1
        if steps > _MAX_STEPS:
            raise OutputTooLong(said("the loops run more than {limit:,} times", limit=_MAX_STEPS))
        context.vars[_STEPS] = steps
        yield item


@jinja2.pass_context
def clock(context: Context, value: object) -> str:
    """Say an instant: 今天17:00, tomorrow 09:30."""
    return phrases.clock(_instant(value), _instant(context["now"]), str(context["timezone"]), str(context["language"]))


@jinja2.pass_context
def date(context: Context, value: object) -> str:
    """Say a day: 3月6日, 6 Mar."""
    return phrases.date(_instant(value), _instant(context["now"]), str(context["timezone"]), str(context["language"]))


@jinja2.pass_context
def duration(context: Context, value: object) -> str:
    """Say a time span: 2小时30分钟, 2 h 30 min."""
    _known(value)
    if not isinstance(value, timedelta):
        raise Unprintable(said("`| duration` needs a time span, such as deadline.overdue"))
    return phrases.duration(value, str(context["language"]))


def default(value: object, instead: object = "") -> object:
    """Return `instead` for a value that is not there, or empty."""
    return instead if isinstance(value, jinja2.Undefined) or value == "" else value


def join(value: object, separator: object = "") -> str:
    """Join the texts of a list."""
    parts: list[str] = []
    length = 0
    for item in _list(value):
        part = (_text(separator) if parts else "") + _text(item)
        length += len(part)
        if length > _MAX_TEXT:
            raise OutputTooLong(said("the joined text would be longer than {limit:,} characters", limit=_MAX_TEXT))
        parts.append(part)
    return "".join(parts)


def length(value: object) -> int:
    """Return how many characters a text or items a list has."""
    return len(value if isinstance(value, (str, dict)) else _list(value))


def first(value: object) -> object:
    """Return the first item of a list, an empty text without one."""
    return next(iter(_list(value)), "")


def last(value: object) -> object:
    """Return the last item of a list, an empty text without one."""
    return next(reversed(_list(value)), "")


def upper(value: object) -> str:
    """Return a text in capital letters."""
    return _text(value).upper()


def lower(value: object) -> str:
    """Return a text in small letters."""
    return _text(value).lower()


def escape(value: object) -> str:
    """Return a text with the characters that HTML gives a meaning made harmless."""
    return html.escape(_text(value))


def rounded(value: object, digits: object = 0) -> float | int:
    """Return a number rounded to that many digits (0 to 6)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isinstance(digits, int) or not 0 <= digits <= 6:
        raise Unprintable(said("`| round` needs a number, and 0 to 6 digits"))
    return round(value, digits) if digits else round(value)


def _known(value: object) -> object:
    """Return the value; raises jinja2.UndefinedError for one that is not there."""
    if isinstance(value, jinja2.Undefined):
        str(value)
    return value


def _instant(value: object) -> datetime:
    _known(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Unprintable(said("`| clock` and `| date` need an instant, such as deadline.due"))
    return value


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(_known(value), (str, int, float)):
        raise Unprintable(said("this filter needs a text"))
    text = str(value)
    if len(text) > _MAX_TEXT:
        raise OutputTooLong(said("a text would be longer than {limit:,} characters", limit=_MAX_TEXT))
    return text


def _list(value: object) -> list[object]:
    _known(value)
    if not isinstance(value, (list, tuple)):
        raise Unprintable(said("this filter needs a list"))
    return list(value)


def _defined(value: object) -> bool:
    return not isinstance(value, jinja2.Undefined)


def _undefined(value: object) -> bool:
    return isinstance(value, jinja2.Undefined)


FILTERS: Mapping[str, Callable[..., object]] = {
    "clock": clock,
    "date": date,
    "default": default,
    "duration": duration,
    "escape": escape,
    "first": first,
    items_within_bounds.__name__: items_within_bounds,
    "join": join,
    "last": last,
    "length": length,
    "lower": lower,
    "round": rounded,
    "upper": upper,
}
TESTS: Mapping[str, Callable[..., bool]] = {"defined": _defined, "undefined": _undefined}
