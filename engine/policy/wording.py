"""Turns errors of JSON Schema into words for people who write policies."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.core.conditions import OPERATORS
from engine.core.fields import FIELDS
from engine.policy.diagnostics import Problems, nearest, suggestion
from engine.policy.installed import OWN_NAMESPACES, installed
from engine.policy.nodes import Node, Span
from engine.policy.said import Said, said
from engine.policy.scalars import resolve, shortened

if TYPE_CHECKING:
    from jsonschema import ValidationError

_KINDS = {
    "object": said("a group of `key: value` entries"),
    "array": said("a list"),
    "string": said("a text"),
    "integer": said("a whole number"),
    "number": said("a number"),
    "boolean": said("true or false"),
}
_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
_COUNTED = [name for name, one in FIELDS.items() if one.counted]
_MATCHER_KEYS = frozenset({"all", "any", "not", "use"})
_OPERATORS = frozenset(operator for operators in OPERATORS.values() for operator in operators)


class Fault(NamedTuple):
    """What a validator says about one place: the keyword of the schema that failed, its value, and the schema it stands in."""

    keyword: str
    value: Any
    schema: Mapping[str, Any]
    instance: object
    message: str
    of_key: bool

    @classmethod
    def of(cls, error: "ValidationError") -> "Fault":
        """Return it from the library's error, whose attributes are typed loosely."""
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        of_key = "propertyNames" in error.absolute_schema_path
        return cls(str(error.validator), error.validator_value, schema, error.instance, error.message, of_key)


MOST_FAULTS = 100
"""How many faults of one file are told at most: nobody reads more, and finding what was meant takes time for each."""


class TooManyFaults(Exception):
    """There are more faults than are told."""


class Wording:
    """Reports the schema errors of one file; raises TooManyFaults at the one past the last that is told."""

    def __init__(self, root: Node, problems: Problems) -> None:
        self._told = 0
        self._root = root
        self._problems = problems

    def report(self, error: "ValidationError") -> None:
        """Report one error of the validator, unless the reader has reported its cause already."""
        node, fault = self._root.at(list(error.absolute_path)), Fault.of(error)
        if fault.of_key:
            self._key(node, fault)
        else:
            REPORTS[fault.keyword](self, node, fault)

    def _add(self, code: str, place: Node | Span, message: str, hint: str = "", path: str = "") -> None:
        if self._told == MOST_FAULTS:
            raise TooManyFaults
        self._told += 1
        self._problems.add(code, place, message, hint, path=path)

    def _key(self, node: Node, fault: Fault) -> None:
        """Report a key that is not among the possible ones at this place."""
        key = str(fault.instance)
        place, path = node.keys[key], f"{node.path}.{key}".lstrip(".")
        if fault.keyword == "enum" and "field" in node.map:
            if key not in _OPERATORS | _MATCHER_KEYS | {"last"}:
                return  # reported as unknown at any place
            field, known = node["field"].text, [str(name) for name in fault.value if name != "field"]
            if key in _MATCHER_KEYS:
                self._add("CL209", place, said("`{key}` cannot stand beside `field`", key=key), "put both into a list under `all:`", path)
            else:
                hint: str = said("possible: {known}", known=", ".join(name for name in known if name != "last"))
                if key == "last":
                    hint = said("`last` is the span over which {fields} is counted", fields=", ".join(_COUNTED))
                self._add("CL211", place, said("`{key}` cannot be asked of {field}", key=key, field=field), hint, path)
        elif fault.keyword == "enum" and set(fault.value) == _MATCHER_KEYS:
            if any(nearest(name, ["field"]) for name in node.keys):
                return  # reported as unknown
            hint = said("write {{field: …, {key}: …}}", key=key)
            self._add("CL209", place, said("`{key}` does not say which field it asks", key=key), hint, node.path)
        elif fault.keyword == "pattern":
            self._add("CL205", place, said("`{key}`: expected {form}", key=key, form=_described(fault.schema)), "", path)
        else:
            known = fault.value if fault.keyword == "enum" else _known_keys(fault)
            self._add("CL201", place, said("unknown key `{key}` here", key=key), suggestion(key, map(str, known)), path)

    def _unknown(self, node: Node, fault: Fault) -> None:
        known = fault.schema.get("properties", {})
        for key, place in node.keys.items():
            if key not in known:
                hint = suggestion(key, [name for name in known if name not in node.keys] or known)
                self._add("CL201", place, said("unknown key `{key}` here", key=key), hint, f"{node.path}.{key}".lstrip("."))

    def _missing(self, node: Node, fault: Fault) -> None:
        if node.gaps:  # the reader refused a key or a value here, perhaps this one
            return
        known = fault.schema.get("properties", {})
        absent = [key for key in known if key not in node.keys]
        misspelt = {nearest(key, absent) for key in node.keys if key not in known}
        for key in absent:
            # The library names one key in each error; a misspelt one is reported as unknown already.
            if fault.message == f"{key!r} is a required property" and key not in misspelt:
                hint = "every file begins with `version: 1`" if key == "version" else said("add `{key}: …`", key=key)
                self._add("CL202", _first_line(node), said("the key `{key}` is missing", key=key), hint, node.path)

    def _companion(self, node: Node, fault: Fault) -> None:
        for key, needed in fault.value.items():
            for other in needed if key in node.keys else ():
                if other not in node.keys:
                    self._add(
                        "CL202",
                        node.keys[key],
                        said("`{key}` needs the key `{other}` beside it", key=key, other=other),
                        said("add `{other}: …`", other=other),
                        node.path,
                    )

    def _other_kind(self, node: Node, fault: Fault) -> None:
        wanted = fault.value if isinstance(fault.value, list) else [fault.value]
        one, *other = (_KINDS[name] for name in wanted)
        expected = said("{one} or {other}", one=one, other=other[0]) if other else one
        found = _TYPES[type(node.value)]
        hint = ""
        if "object" in wanted and found == "string" and "\uff1a" in node.text:
            self._add("CL115", node, "a full-width colon `\uff1a` follows the key", "type a half-width colon and a space: `: `")
            return
        if wanted == ["string"] and not re.search(fault.schema.get("pattern", ""), _written(node)):
            self._wrong_form(node, fault)  # in quotes it would be wrong too: 10 where a duration is meant
            return
        if (wanted == ["string"] and found in {"integer", "number", "boolean"}) or ("string" in wanted and found == "number"):
            hint = said('put it in quotes: "{written}"', written=_written(node))
        elif found == "string" and wanted[0] == "boolean":
            hint = "write true or false without quotes"
        elif found == "string" and wanted[0] in {"integer", "number"} and not isinstance(resolve(node.text), str):
            hint = "write it without quotes"
        elif wanted == ["array"]:
            hint = (
                said("put it in brackets: [{written}]", written=_written(node)) if found not in {"object"} else "begin each entry with `- `"
            )
        self._add("CL203", node, said("expected {expected}, found {found}", expected=expected, found=_KINDS[found]), hint)

    def _wrong_form(self, node: Node, fault: Fault) -> None:
        form, pattern = _described(fault.schema), fault.schema["pattern"]
        self._add("CL205", node, said("expected {form}, found `{written}`", form=form, written=_written(node)), _meant(node.text, pattern))

    def _unknown_word(self, node: Node, fault: Fault) -> None:
        known = [str(word) for word in fault.value]
        if "\uff0c" in node.text:
            hint = "separate entries with a half-width comma: `, `"
            self._add("CL115", node, "a full-width comma `\uff0c` stands between the entries", hint)
            return
        what = said("field") if node.path.endswith(".field") else said("word")
        hint = suggestion(node.text, known) or (_of_a_plugin(node.text) if node.path.endswith(".field") else "")
        self._add("CL204", node, said("unknown {what} `{written}`", what=what, written=_written(node)), hint)

    def _constant(self, node: Node, fault: Fault) -> None:
        if node.path == "version":
            self._add("CL210", node, said("unknown version `{written}`", written=_written(node)), "this engine reads `version: 1`")
            return
        hint = "leave the key out if it does not apply"
        self._add("CL204", node, said("expected `true`, found `{written}`", written=_written(node)), hint)

    def _too_short_list(self, node: Node, fault: Fault) -> None:
        if node.gaps:
            return
        if node.items:
            self._add("CL207", node, said("the list has fewer than {least} entries", least=fault.value))
            return
        self._add("CL207", node, "the list is empty", "add an entry, or leave the key out")

    def _too_few_keys(self, node: Node, fault: Fault) -> None:
        if "field" in node.keys and node.keys.keys() <= {"field", "last"}:
            self._add("CL209", node, "the matcher does not say what it asks of the field", "add an operator: is, in, mentions, …")
        elif not node.keys and not node.gaps:
            self._add("CL207", node, "there are no entries", "add an entry, or leave the key out")

    def _too_many_keys(self, node: Node, fault: Fault) -> None:
        if node.keys.keys() - _OPERATORS - _MATCHER_KEYS - {"field", "last"}:
            return  # an unknown key is reported as that
        if "last" in node.keys and (fault.value, len(node.keys)) == (2, 3):
            return  # said already: it cannot be asked of this field
        if not _MATCHER_KEYS & node.keys.keys() or "field" not in node.keys:
            hint = "make it a list of matchers that must all hold: [{field: …}, {field: …}]"
            self._add("CL209", node, "the matcher asks several things at once", hint)

    def _twice(self, node: Node, fault: Fault) -> None:
        seen: set[str] = set()
        for item in node.items:
            same = str(item.plain())
            if same in seen:
                written = _written(item) if not item.map else f"{{{', '.join(f'{key}: {part.text}' for key, part in item.map.items())}}}"
                self._add("CL208", item, said("`{written}` stands in the list already", written=written), "leave one of them out")
            seen.add(same)


def _of_a_plugin(field: str) -> str:
    """Return why a field of a namespace that is not ours is not known here."""
    if "." not in field or field.partition(".")[0] in OWN_NAMESPACES:
        return ""
    hint = said("no plugin installed here offers this field; install the one the policy was written for")
    failed = "; ".join(installed().problems)
    return said("{hint} (failed: {failed})", hint=hint, failed=failed) if failed else hint


def _described(schema: Any) -> Said:
    return said(schema.get("description", "another form"))


def _known_keys(fault: Fault) -> list[str]:
    """Return the words among the alternatives that a key may be."""
    return [word for alternative in fault.value for word in alternative.get("enum", ())]


def _written(node: Node) -> str:
    """Return a scalar as it is written, cut where it is long."""
    return shortened(str(node.value).lower() if isinstance(node.value, bool) else node.text)


_SPELT = {"d": "days?|天|日", "h": "h(?:ou)?rs?|小时|时", "m": "min(?:ute)?s?|分钟?", "s": "sec(?:ond)?s?|秒钟?"}
"""How people spell the units of durations out; between two of them stands a space."""


def _meant(written: str, pattern: str) -> str:
    """Return a hint with what is written in the wanted form, where only its units, spaces, zeros or width are not right."""
    text = unicodedata.normalize("NFKC", shortened(written)).strip().lower()
    for unit, words in _SPELT.items():
        text = re.sub(rf"(?<=[0-9])\s*(?:{words}|{unit})(?![a-z])", f"{unit} ", text)
    text = re.sub(r"(?<![0-9])(?=[0-9]:)", "0", text).strip()
    return said("did you mean `{near}`?", near=text) if text != written and re.search(pattern, text) else ""


def _first_line(node: Node) -> Span:
    """Return the first key's place, where a missing one may be added, rather than the whole block."""
    return next(iter(node.keys.values()), node.span)


def _plainly(code: str, template: str, hint: str = "") -> Callable[[Wording, Node, Fault], None]:
    """Return a report that says a template of what the schema asks for and what is written."""

    def report(wording: Wording, node: Node, fault: Fault) -> None:
        wording._add(code, node, said(template, form=_described(fault.schema), limit=fault.value, written=_written(node)), hint)

    return report


REPORTS: dict[str, Callable[[Wording, Node, Fault], None]] = {
    "additionalProperties": Wording._unknown,
    "required": Wording._missing,
    "dependentRequired": Wording._companion,
    "type": Wording._other_kind,
    "enum": Wording._unknown_word,
    "const": Wording._constant,
    "pattern": Wording._wrong_form,
    "minimum": _plainly("CL206", "expected at least {limit}, found {written}"),
    "maximum": _plainly("CL206", "expected at most {limit}, found {written}"),
    "minItems": Wording._too_short_list,
    "maxItems": _plainly("CL207", "the list has more than {limit} entries"),
    "minLength": _plainly("CL207", "the text is empty", "write a text, or leave the key out"),
    "maxLength": _plainly("CL207", "the text is longer than {limit} characters"),
    "minProperties": Wording._too_few_keys,
    "maxProperties": Wording._too_many_keys,
    "uniqueItems": Wording._twice,
}
"""Which report each keyword of a schema has; a keyword without one must not be used in a schema."""
