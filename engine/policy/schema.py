"""Checks the shape of a file against its JSON Schema (2020-12) and says in plain words, at the right place, what does not fit."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import product
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from engine.core.authority import APPROVAL
from engine.core.conditions import OPERATORS, FieldType
from engine.core.events import TRIGGER_NAMES
from engine.core.fields import IMPACTS, KINDS, NEEDS, OPEN_STATES, OUTCOMES, REVIEW, STATES, SURVEY, WORK
from engine.policy import vocabulary
from engine.policy.diagnostics import Problems
from engine.policy.installed import installed
from engine.policy.nodes import Node
from engine.policy.reports import kpi_schemas
from engine.policy.retention import retention_schemas
from engine.policy.said import said
from engine.policy.wording import MOST_FAULTS, TooManyFaults, Wording

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

_BRANCHES = ("all", "any", "not", "use")
_SCRIPT_KEYS = ("audience", "label", "subject", "channels")


def check_shape(kind: str, root: Node, problems: Problems) -> list[list[str | int]] | None:
    """Report every place where the tree of a file of this kind does not fit its schema; return the paths of those places.

    Return None where there are so many that only the first are shown, and the rest of the file is not known to be sound.
    """
    plain = root.plain()
    if _quick_validator(kind).is_valid(plain):
        return []
    wording = Wording(root, problems)
    faults = []
    try:
        for error in _validator(kind).iter_errors(plain):
            faults.append(_entry(error))
            wording.report(error)
    except TooManyFaults:
        message = said("the file has more faults of this kind than the {shown} that are shown", shown=MOST_FAULTS)
        problems.add("CL212", root.span, message, "mend these first")
        return None
    return faults


def _entry(error: "ValidationError") -> list[str | int]:
    """Return the path of what is at fault: of the entry, where the error is about its key."""
    path = list(error.absolute_path)
    return [*path, str(error.instance)] if "propertyNames" in error.absolute_schema_path else path


@cache
def schema(kind: str) -> dict[str, Any]:
    """Return the whole JSON Schema of a kind of file, which editors use too (`engine schema`), or of `case`."""
    if kind == "case":
        return _case()
    folder = files("engine.policy") / "schemas"
    found: dict[str, Any] = json.loads((folder / f"{kind}.json").read_text("utf-8"))
    definitions: dict[str, Any] = json.loads((folder / "common.json").read_text("utf-8"))
    found["$defs"] = {**found.get("$defs", {}), **definitions, **_word_lists(), "matcher": _matcher()}
    found["$defs"] |= {"reports": kpi_schemas, "retention": retention_schemas}.get(kind, dict)()
    return {"$id": f"urn:closedloop:schema:{kind}", "title": f"closedloop: {kind}", **found}


@cache
def _quick_validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    """A validator that knows in no time whether a file is as it should be; what is wrong with one that is not, the other can say."""
    return jsonschema_rs.Draft202012Validator(schema(kind))


@cache
def _validator(kind: str) -> "Draft202012Validator":
    # Imported here because it costs a third of the whole start-up, and sound policies do without it.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(kind))


def _case() -> dict[str, Any]:
    """One test by itself, of which nothing is expected: what comes in, from whom, when."""
    tests = schema("tests")
    entry = tests["properties"]["tests"]["items"]["properties"]
    kept = {key: entry[key] for key in ("start", "customer", "ticket", "call")}
    return {**tests, "$id": "urn:closedloop:schema:case", "title": "closedloop: case", "properties": kept, "required": []}


def _word_lists() -> dict[str, Any]:
    return {
        "kind": {"enum": list(KINDS)},
        "need": {"enum": list(NEEDS)},
        "work": {"enum": [kind for kind in WORK if kind not in (APPROVAL, REVIEW, SURVEY)]},
        "opened_kind": {"enum": [kind for kind in KINDS if kind not in (APPROVAL, REVIEW)]},
        "standing": {"enum": list(vocabulary.STANDINGS)},
        "event": {"enum": list(vocabulary.EVENTS)},
        "trigger": {"enum": list(TRIGGER_NAMES)},
        "open_state": {"enum": list(OPEN_STATES)},
        "state": {"enum": list(STATES)},
        "impact": {"enum": list(IMPACTS)},
        "outcome": {"enum": list(OUTCOMES)},
        "occasion": {"enum": list(vocabulary.OCCASIONS)},
        "script_key": {"anyOf": [{"enum": list(_SCRIPT_KEYS)}, {"$ref": "#/$defs/language"}]},
    }


def _matcher() -> dict[str, Any]:
    """Return the schema of a matcher, made from the registry of fields: which operators each may be asked, with which values."""
    operators = sorted({operator for names in OPERATORS.values() for operator in names})
    branches = {
        "all": {"type": "array", "items": {"$ref": "#/$defs/matcher"}, "minItems": 1},
        "any": {"type": "array", "items": {"$ref": "#/$defs/matcher"}, "minItems": 1},
        "not": {"$ref": "#/$defs/when"},
        "use": {"type": "string"},
    }
    return {
        "type": "object",
        "properties": {"field": {"enum": list(installed().fields)}, **branches, **dict.fromkeys([*operators, "last"], True)},
        "additionalProperties": False,
        "if": {"required": ["field"]},
        "then": {"minProperties": 2, "allOf": list(_fields())},
        "else": {"minProperties": 1, "maxProperties": 1, "propertyNames": {"enum": list(_BRANCHES)}},
    }


def _fields() -> Iterator[dict[str, Any]]:
    fields = installed().fields
    for type_, counted in product(FieldType, (False, True)):
        names = [name for name, field in fields.items() if field.type is type_ and field.counted == counted]
        if not names:
            continue
        values = {operator: _expected(type_, operator) for operator in OPERATORS[type_]}
        properties = {"field": True, **values, **({"last": {"$ref": "#/$defs/positive_duration"}} if counted else {})}
        then = {"properties": properties, "propertyNames": {"enum": list(properties)}, "maxProperties": 2 + counted}
        needed = {"required": ["last"], "minProperties": 3} if counted else {}
        yield {"if": {"properties": {"field": {"enum": names}}}, "then": then | needed}
    for name, field in fields.items():
        if field.choices:
            word = {"enum": list(field.choices)}
            asked = {"has": {"items": word, "if": {"type": "string"}, "then": word}} if field.type is FieldType.LABELS else {"is": word}
            yield {"if": {"properties": {"field": {"const": name}}}, "then": {"properties": {"in": {"items": word}, **asked}}}


def _expected(type_: FieldType, operator: str) -> dict[str, Any]:
    if operator == "exists":
        return {"type": "boolean"}
    if operator == "mentions":
        return {"$ref": "#/$defs/some_words"}
    if operator == "has":
        return {"$ref": "#/$defs/id_or_ids"}
    if operator == "satisfies":
        return {"type": "string", "examples": list(installed().predicates)}
    one = {FieldType.NUMBER: {"type": "number"}, FieldType.DURATION: {"$ref": "#/$defs/duration"}, FieldType.FLAG: {"type": "boolean"}}.get(
        type_, {"type": "string"}
    )
    if operator == "between":
        return {"type": "array", "items": one, "minItems": 2, "maxItems": 2}
    return {"type": "array", "items": one, "minItems": 1, "uniqueItems": True} if operator == "in" else one
