"""Message bodies: Jinja2 in a sandbox that is bounded in what it may say, in time and in size.

Only the node types, filters and tests listed here exist: no calls, no assignments, no macros, no arithmetic. A dot or a bracket looks a
key up in a plain mapping, or an index in a list, and does nothing else. What is printed must be text or a number; instants and time
spans go through a filter first.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from types import TracebackType

import jinja2
from jinja2 import nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from engine.core.conditions import Source
from engine.errors import EngineError
from engine.policy.filters import FILTERS, TESTS, OutputTooLong, Unprintable, items_within_bounds
from engine.policy.phrases import is_chinese
from engine.policy.said import Said, foreign, said, translated

MAX_SOURCE = 16_384
MAX_NODES = 2_000
MAX_DEPTH = 40
MAX_LOOPS = 2
MAX_OUTPUT = 20_000

# A line of nothing but tags vanishes; a tag beside words leaves the line as it is written. (Jinja's own `trim_blocks` would also eat
# the line's end behind words that close with a tag.)
_TAGS_ALONE = re.compile(r"^[ \t]*((?:\{%(?:(?!%\})[^\n])*%\}[ \t]*)+)\n", re.MULTILINE)

_LOOP = frozenset({"index", "index0", "first", "last", "length"})
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.Test,
    nodes.If,
    nodes.CondExpr,
    nodes.For,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.List,
    nodes.Tuple,
)
_WORDS = {
    "Call": said("a call `…(…)`"),
    "Assign": "`set`",
    "AssignBlock": "`set`",
    "Add": said("reckoning with `+`"),
    "Sub": said("reckoning with `-`"),
    "Mul": said("reckoning with `*`"),
    "Div": said("reckoning with `/`"),
    "Concat": said("joining with `~`"),
    "Slice": said("a slice `[…:…]`"),
}


class TemplateError(EngineError):
    """A script could not be rendered: it names something that is not there, or passes a bound.

    `reason` is the message without its place, `line` the template's line, from 1.
    """

    def __init__(self, place: str, reason: str, line: int) -> None:
        super().__init__(f"{place}: {reason}")
        self.reason, self.line = reason, line


class TemplateRefused(EngineError):
    """A template's source is not well-formed, not allowed or too large.

    `code` is that of the diagnostic, `reason` the message, `line` counts from 1.
    """

    def __init__(self, code: str, message: str, hint: str = "", line: int = 1) -> None:
        super().__init__(message)
        self.code, self.reason, self.hint, self.line = code, message, hint, line


class _Sandbox(ImmutableSandboxedEnvironment):
    """Attribute access is key look-up; nothing reaches an attribute or a method of a Python object."""

    def getattr(self, obj: object, attribute: str) -> object:
        """Return the entry of that key; undefined without one."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: object, argument: object) -> object:
        """Return the entry of that key or index; undefined without one."""
        if isinstance(obj, dict) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if isinstance(obj, (list, tuple)) and isinstance(argument, int):
            with suppress(IndexError):
                return obj[argument]
        if isinstance(obj, jinja2.Undefined):
            return obj
        return self.undefined(hint=_absent(obj, str(argument)[:40]))


def _absent(obj: object, name: str) -> str:
    """Say that there is no such entry, and which there are."""
    if not isinstance(obj, dict):
        return said("there is no `{name}` here: the value before it has no entries of that name", name=name)
    known = ", ".join(sorted(key for key in obj if isinstance(key, str))[:20])
    return said("there is no `{name}` here; known: {known}", name=name, known=known or said("nothing"))


def _printable(value: object) -> object:
    if type(value) is str:
        return value
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, jinja2.Undefined):
        return str(value)
    if isinstance(value, datetime):
        raise Unprintable(said("an instant needs a filter: write `| clock` or `| date` behind it"))
    if isinstance(value, timedelta):
        raise Unprintable(said("a time span needs a filter: write `| duration` behind it"))
    raise Unprintable(said("only texts and numbers can be printed: name one entry of it, loop over it, or use `if`"))


def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(
        optimized=False, undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=False, finalize=_printable
    )
    sandbox.globals.clear()
    sandbox.filters = dict(FILTERS)
    sandbox.tests = dict(TESTS)
    return sandbox


_SANDBOX = _sandbox()
_CHUNK = 100
"""Pieces of a text that are counted at once."""


class ScriptTemplate(Struct, frozen=True):
    """One compiled text of a script. `first_line` is the line of the policy file that the template's first line stands in."""

    script: str
    source: Source
    first_line: int
    text: str

    @property
    def compiled(self) -> jinja2.Template:
        """The compiled text; made at its first use where `compile_template` was not asked to prove it."""
        return _compiled(self.text)

    def words(self) -> Iterator[tuple[int, str]]:
        """Yield what the text may say by itself, line by line, each with the template's line, from 1: not the values it prints."""
        pending: list[nodes.Node] = [_parse(self.text)]
        while pending:
            node = pending.pop()
            said_here = node.data if isinstance(node, nodes.TemplateData) else node.value if isinstance(node, nodes.Const) else None
            if isinstance(said_here, str):
                yield from enumerate(said_here.split("\n"), node.lineno)
            elif not isinstance(node, (nodes.Compare, nodes.Test, nodes.Getitem)):
                pending.extend(node.iter_child_nodes())

    def render(self, context: Mapping[str, object]) -> str:
        """Return the text for the values in `context`: plain mappings, lists, texts, numbers, aware datetimes and timedeltas.

        `now` (datetime), `timezone` (IANA name) and `language` must be among them for the filters.

        Raises:
            TemplateError: the context lacks what the template names, or the text would pass 20,000 characters.
        """
        text = ""
        try:
            source = self._pieces(context)
            while pieces := list(islice(source, _CHUNK)):  # a few at a time are cheap, and what they print was there already
                if len(text) + sum(map(len, pieces)) > MAX_OUTPUT:
                    raise OutputTooLong(said("the text would be longer than {limit:,} characters", limit=MAX_OUTPUT))
                text += "".join(pieces)
        except (jinja2.TemplateError, OutputTooLong, Unprintable, TypeError, ValueError, KeyError, OverflowError) as error:
            line = self._line_of(error.__traceback__)
            place = f"script {self.script} ({self.source.file}:{self.first_line + line - 1})"
            raise TemplateError(place, _explained(error), line) from error
        return text

    def _pieces(self, context: Mapping[str, object]) -> Iterator[str]:
        values = dict(context)
        if isinstance(refusal := values.get("refusal"), Mapping):  # what a decision says of itself is English until somebody reads it
            values["refusal"] = {"text": translated(foreign(refusal["text"]), "zh" if is_chinese(str(values["language"])) else "en")}
        return self.compiled.root_render_func(self.compiled.new_context(values))

    def _line_of(self, traceback: TracebackType | None) -> int:
        """Return the template's line that was being rendered."""
        line = 1
        while traceback is not None:
            if traceback.tb_frame.f_globals.get("__jinja_template__") is self.compiled or (
                traceback.tb_frame.f_code.co_filename == self.compiled.filename
            ):
                line = self.compiled.get_corresponding_lineno(traceback.tb_lineno)
            traceback = traceback.tb_next
        return line


def _explained(error: Exception) -> str:
    if isinstance(error, jinja2.UndefinedError):
        if isinstance(error.message, Said):
            return error.message
        # The library's own words for a name that the context lacks are "'name' is undefined".
        name = str(error.message).removesuffix(" is undefined").strip("'")
        return said("there is no `{name}` on this occasion", name=name) if name.isidentifier() else foreign(str(error.message))
    if isinstance(error, (OutputTooLong, Unprintable)):
        reason: str = error.args[0]
        return reason
    return said("it cannot be rendered: {error}", error=foreign(str(error)))


def compile_template(script: str, text: str, source: Source, first_line: int) -> ScriptTemplate:
    """Compile one text of a script.

    Raises:
        TemplateRefused: the text is not well-formed, uses something that is not allowed, or is too large.
    """
    _compiled(text)
    return ScriptTemplate(script, source, first_line, text)


@lru_cache(maxsize=4096)
def _compiled(text: str) -> jinja2.Template:
    """Compile a text once: a reloaded policy has most of its scripts unchanged."""
    if len(text) > MAX_SOURCE:
        raise TemplateRefused(
            "CL403", said("the template has {size:,} characters, more than {limit:,}", size=len(text), limit=MAX_SOURCE), "split the script"
        )
    try:
        tree = _parse(text)
        _check(tree)
        # The loop bound goes in after the check, which refuses this filter's name in a script.
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, items_within_bounds.__name__, [], [], None, None, lineno=loop.lineno)
        return jinja2.Template.from_code(_SANDBOX, _SANDBOX.compile(tree, filename="<template>"), {}, None)
    except jinja2.TemplateSyntaxError as error:
        hint = said("known filters: {known}", known=", ".join(sorted(name for name in FILTERS if not name.startswith("items_"))))
        raise TemplateRefused(
            "CL401", said("the template is not well-formed: {reason}", reason=foreign(str(error.message))), hint, error.lineno
        ) from error
    except (RecursionError, ValueError, OverflowError) as error:
        raise TemplateRefused("CL403", "the template is nested too deeply or holds too large a number") from error


def _parse(text: str) -> nodes.Template:
    return _SANDBOX.parse(_TAGS_ALONE.sub(_swallow_line, text))


def _swallow_line(tags: re.Match[str]) -> str:
    """Move a line's end into its last tag, so that the line leaves no trace and line numbers stay."""
    return f"{tags[1].rstrip()[:-2]}\n%}}"


def _check(tree: nodes.Template) -> None:
    count = 0
    pending: list[tuple[nodes.Node, int, int]] = [(tree, 1, 0)]
    while pending:
        node, depth, loops = pending.pop()
        count += 1
        line = node.lineno or 1
        if count > MAX_NODES:
            raise TemplateRefused("CL403", said("the template has more than {limit:,} parts", limit=MAX_NODES), "split the script", line)
        if depth > MAX_DEPTH:
            raise TemplateRefused("CL403", said("the template is nested more than {limit} deep", limit=MAX_DEPTH), "split the script", line)
        loops += isinstance(node, nodes.For)
        if loops > MAX_LOOPS:
            raise TemplateRefused("CL402", said("loops stand more than {limit} deep in each other", limit=MAX_LOOPS), "", line)
        if (reason := _refusal(node)) is not None:
            raise TemplateRefused("CL402", *reason, line)
        pending.extend((child, depth + 1, loops) for child in node.iter_child_nodes())


def _refusal(node: nodes.Node) -> tuple[str, str] | None:
    """Return what is not allowed about one node and the hint, None when all is well."""
    name = type(node).__name__
    if not isinstance(node, _ALLOWED) or type(node) not in _ALLOWED:
        hint = "a script may print values, use if, for, comparisons and the listed filters; it cannot call, assign, reckon or include"
        return said("{what} is not allowed in a script", what=_WORDS.get(name, f"`{name}`")), hint
    if isinstance(node, nodes.Filter) and (node.name not in FILTERS or node.name == items_within_bounds.__name__ or node.node is None):
        known = ", ".join(sorted(name for name in FILTERS if name != items_within_bounds.__name__))
        return said("there is no filter `{name}`", name=node.name), said("known filters: {known}", known=known)
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        return said("there is no test `{name}`", name=node.name), said("known tests: {known}", known=", ".join(sorted(TESTS)))
    if isinstance(node, (nodes.Filter, nodes.Test)) and (node.kwargs or node.dyn_args or node.dyn_kwargs):
        return said("`{name}` takes no named arguments", name=node.name), said("write the value alone")
    if isinstance(node, nodes.For) and node.recursive:
        return said("a loop cannot be recursive"), said("leave the word `recursive` out")
    if isinstance(node, (nodes.Name, nodes.Getattr)) and _is_private(node):
        return said("names that begin with `_` are not allowed"), ""
    return None


def _is_private(node: nodes.Name | nodes.Getattr) -> bool:
    return (node.name if isinstance(node, nodes.Name) else node.attr).startswith("_")
