"""Reads one YAML text strictly into nodes that keep their places.

Built on the event stream of PyYAML's C parser: nothing of YAML's type guessing, anchors, tags or merging takes part, and each thing
refused becomes one diagnostic. Sources of the rules: YAML 1.1 (what other readers would guess) and 1.2 chapter 10.
"""

import codecs
import re
from collections.abc import Iterator
from typing import NoReturn, cast

import yaml

from engine.policy.diagnostics import Problems
from engine.policy.nodes import Node, Span
from engine.policy.said import foreign, said
from engine.policy.scalars import Odd, full_width_key, resolve, shortened

MAX_BYTES = 1_000_000
MAX_DEPTH = 30

_BOM = "\ufeff"
_OTHER_MARKS = {  # a mark of UTF-32 begins with one of UTF-16
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
# The characters that YAML does not allow (YAML 1.2, 5.1).
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_COLON = re.compile(r"\s*:")
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_READ_AS_FLAGS = frozenset({"on", "off", "yes", "no"})  # as keys they are plain words: only their position counts


class _Stop(Exception):
    """The file cannot be read any further; the problem is already noted."""


def decode(file: str, data: bytes, problems: Problems) -> str | None:
    """Return the text of a file, None (with a diagnostic) when it is too large or no text."""
    if len(data) > MAX_BYTES:
        hint = "split it into several files of the same kind, such as sla-vip.yaml beside sla.yaml"
        problems.file("CL105", file, said("the file has {size:,} bytes, more than {limit:,}", size=len(data), limit=MAX_BYTES), hint)
        return None
    for encoding, marks in _OTHER_MARKS.items():
        if data.startswith(marks):
            hint = "save it with the encoding UTF-8 (not GBK, not UTF-16)"
            problems.file("CL102", file, said("the file is encoded in {encoding}, not in UTF-8", encoding=encoding), hint)
            return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        hint = "save it with the encoding UTF-8 (not GBK, not UTF-16)"
        problems.file("CL102", file, "the file is not UTF-8 from here on", hint, line=line, column=column)
        return None


def read(file: str, text: str, problems: Problems) -> Node | None:
    """Return the tree of a text, None (with diagnostics) when it cannot be used at all.

    A value that is refused on its own (a key written twice, `9:00` without quotes) leaves the rest of the tree in place.
    """
    problems.know_text(file, text)
    if not check_characters(file, text, problems):
        return None
    try:
        return _Reader(file, text, problems).document()
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        _syntax(file, text, error, problems)
        return None


def check_characters(file: str, text: str, problems: Problems) -> bool:
    """Report a character that no text needs; return whether there is none."""
    if text.startswith(_BOM):
        problems.file("CL103", file, "the file begins with a byte order mark", "save it as UTF-8 without BOM")
        return False
    if (control := _CONTROL.search(text)) is not None:
        line, column = text.count("\n", 0, control.start()) + 1, control.start() - text.rfind("\n", 0, control.start())
        hint = "delete it; it is invisible in most editors"
        problems.file("CL104", file, said("control character U+{code:04X}", code=ord(control[0])), hint, line=line, column=column)
        return False
    return True


def _syntax(file: str, text: str, error: yaml.MarkedYAMLError, problems: Problems) -> None:
    """Say in plain words what the parser did not understand."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if "nesting depth" in str(error.problem):  # the parser's own bound, which it meets first where it reads ahead
        hint = "give parts of a condition a name under `conditions:`"
        problems.file("CL106", file, said("nested more than {limit} deep", limit=MAX_DEPTH), hint, line=line, column=column)
        return
    lines = text.split("\n")
    for number in range(min(line, len(lines)), max(line - 3, 0), -1):
        written = lines[number - 1]
        indent = written[: len(written) - len(written.lstrip())]
        if "\t" in indent:
            place = indent.index("\t") + 1
            problems.file("CL114", file, "the line is indented with a tab", "indent with spaces", line=number, column=place)
            return
        key, colon, _ = written.partition("\uff1a")
        if colon and ":" not in key and not written.lstrip().startswith("#"):
            hint = "type a half-width colon and a space: `: `"
            problems.file("CL115", file, "a full-width colon `\uff1a` follows the key", hint, line=number, column=len(key) + 1)
            return
    begun = error.context_mark
    if begun is not None and line >= len(lines):
        line, column = begun.line + 1, begun.column + 1
    what = foreign(str(error.problem))
    if error.context:
        what = said("{context}, {problem}", context=foreign(error.context), problem=what)
    message = said("this is not well-formed YAML: {what}", what=what)
    if begun is not None and begun.line + 1 != line:
        message = said("{message} (what is being read began in line {line})", message=message, line=begun.line + 1)
    hint = "look for a missing quote, bracket or colon here or on the line above; texts with `: `, `#` or `{` need quotes"
    problems.file("CL101", file, message, hint, line=line, column=column)


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, file: str, text: str, problems: Problems) -> None:
        self._file = file
        self._text = text
        self._problems = problems
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.CSafeLoader)

    def document(self) -> Node | None:
        """Return the root of the only document."""
        event = self._next()
        while isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            self._problems.file("CL116", self._file, "the file is empty", "every file begins with `version: 1`")
            return None
        root = self._node(event, "", 1)
        self._next()
        if isinstance(rest := self._next(), yaml.DocumentStartEvent):
            self._stop("CL112", rest, "a second document begins here", "leave out the line `---`; use several files instead")
        return root

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _span(self, event: yaml.Event, end: yaml.Event | None = None) -> Span:
        first, last = cast(yaml.Mark, event.start_mark), cast(yaml.Mark, (end or event).end_mark)
        return Span(self._file, first.line + 1, first.column + 1, last.line + 1, last.column + 1)

    def _stop(self, code: str, event: yaml.Event, message: str, hint: str) -> NoReturn:
        self._problems.add(code, self._span(event), message, hint)
        raise _Stop

    def _node(self, event: yaml.Event, path: str, depth: int) -> Node | None:
        """Return the node that begins with this event; None when it was refused."""
        self._refuse_cleverness(event)
        if depth > MAX_DEPTH:
            self._stop(
                "CL106",
                event,
                said("nested more than {limit} deep", limit=MAX_DEPTH),
                "give parts of a condition a name under `conditions:`",
            )
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, path, depth)
        return self._scalar(cast(yaml.ScalarEvent, event), path)

    def _refuse_cleverness(self, event: yaml.Event) -> None:
        """Stop at an alias, an anchor or a tag."""
        if isinstance(event, yaml.AliasEvent):
            self._stop("CL108", event, said("`*{anchor}` refers to another place", anchor=event.anchor), "write the value out")
        begun = cast(yaml.NodeEvent, event)
        if begun.anchor is not None:
            self._stop(
                "CL108", event, said("`&{anchor}` marks a place to refer to", anchor=begun.anchor), "leave it out and write the value out"
            )
        if (tag := getattr(event, "tag", None)) is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self._stop("CL109", event, said("`{shown}` is a tag", shown=shown), 'leave it out; put texts in quotes: "…"')

    def _mapping(self, start: yaml.Event, path: str, depth: int) -> Node:
        entries: dict[str, Node] = {}
        places: dict[str, Span] = {}
        gaps = False
        torn: list[yaml.Event] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            following = self._next()
            if torn and self._lacks_colon(start, event, following):
                torn.append(event)
                gaps = True
                continue
            self._report_torn(torn, path)
            torn = [following] if _is_plain(following) and not _is_plain(following, "") else []
            key, refused = self._key(event)
            below = f"{path}.{key}" if path else key
            value = self._node(following, below, depth + 1)
            if key in places:
                hint = said("the first stands in line {line}; keep one of them", line=places[key].line)
                self._problems.add("CL107", self._span(event), said("the key `{key}` is written twice", key=key), hint, path=below)
                continue
            if not refused:
                places[key] = self._span(event)
            if value is None or refused:
                gaps = True
            else:
                entries[key] = value
        self._report_torn(torn, path)
        return Node(entries, self._span(start, event), path, places, gaps=gaps)

    def _lacks_colon(self, start: yaml.Event, key: yaml.Event, value: yaml.Event) -> bool:
        """Whether a plain word in braces is what follows a comma in a text, rather than a key."""
        if not cast(yaml.MappingStartEvent, start).flow_style:
            return False
        return _is_plain(key) and _is_plain(value, "") and not _COLON.match(self._text, cast(yaml.Mark, key.end_mark).index)

    def _report_torn(self, torn: list[yaml.Event], path: str) -> None:
        """Report a text without quotes in braces, which its commas tear apart."""
        if len(torn) < 2:
            return
        first, last = cast(yaml.Mark, torn[0].start_mark), cast(yaml.Mark, torn[-1].end_mark)
        written = shortened(" ".join(self._text[first.index : last.index].split()))
        quoted = f"'{written}'" if '"' in written else f'"{written}"'
        message = said("the comma ends the text, and `{rest}` has no value", rest=shortened(cast(yaml.ScalarEvent, torn[1]).value))
        hint = said("put the whole text in quotes: {quoted}; several values stand in brackets: [{written}]", quoted=quoted, written=written)
        self._problems.add("CL116", self._span(torn[0], torn[-1]), message, hint, path=path)

    def _key(self, event: yaml.Event) -> tuple[str, bool]:
        """Return a key, and whether it was refused."""
        if not isinstance(event, yaml.ScalarEvent):
            self._stop("CL111", event, "a key must be a word, not a list, a mapping or an alias", "write `word: value`")
        self._refuse_cleverness(event)
        word = str(event.value)
        if event.style:
            return word, False
        if word == "<<":
            self._stop("CL110", event, "`<<` merges another mapping in", "write the entries out")
        odd = full_width_key(word)
        if word in _NOTHING:
            odd = Odd("CL111", "a key is missing before the colon", "write `word: value`")
        elif odd is None and not isinstance(resolve(word), str) and word.lower() not in _READ_AS_FLAGS:
            odd = Odd("CL111", said("the key `{word}` is not a word", word=word), said('put it in quotes: "{word}"', word=word))
        if odd is not None:
            self._problems.add(odd.code, self._span(event), odd.message, odd.hint)
        return word, odd is not None

    def _sequence(self, start: yaml.Event, path: str, depth: int) -> Node:
        items: list[Node] = []
        gaps = False
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            # A refused item keeps no place in the list, so that the indexes in paths match the list that is checked.
            if (item := self._node(event, f"{path}[{len(items)}]", depth + 1)) is not None:
                items.append(item)
            else:
                gaps = True
        return Node(items, self._span(start, event), path, gaps=gaps)

    def _scalar(self, event: yaml.ScalarEvent, path: str) -> Node | None:
        span = self._span(event)
        if event.style:
            return Node(str(event.value), span, path, block=event.style in "|>")
        word = str(event.value)
        if word in _NOTHING:
            self._problems.add("CL116", span, "a value is missing here", "write a value, or leave the key out", path=path)
            return None
        value = resolve(word)
        if isinstance(value, Odd):
            self._problems.add(value.code, span, value.message, value.hint, path=path)
            return None
        return Node(value, span, path)


def _is_plain(event: yaml.Event, word: str | None = None) -> bool:
    """Whether it is a scalar without quotes, written in its line; with `word`, whether it is that one."""
    return isinstance(event, yaml.ScalarEvent) and not event.style and word in (None, event.value)
