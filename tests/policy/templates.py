"""Finds every text that a diagnostic may say, as it is written in the source: templates of `said`, plain messages and hints."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.policy.codes import CODES

ROOM = Path(__file__).parents[2] / "engine" / "policy"
SOURCES = [*sorted(ROOM.glob("*.py")), ROOM.parent / "cli" / "validate.py"]
SPEAKERS = {"said", "add", "file", "_add", "_plainly", "_stop", "_diagnostic", "Diagnostic", "Odd", "TemplateRefused"}
SPEAKERS |= {"Unprintable", "OutputTooLong"}
NAMES = {"hint", "message", "_QUOTE_IT", "_ODD", "_SPEECH"}


def all_templates() -> set[str]:
    """Every template and plain text, the titles of codes, the descriptions in schemas and what commands say by `said` among them."""
    found = {code.title for code in CODES.values()}
    for path in sorted(set(ROOM.parent.rglob("*.py")) - set(SOURCES)):
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call) and _name(node) == "said")
        found |= {text for call in calls for text in _literals(call.args[0])}
    for path in SOURCES:
        found |= set(_of(ast.parse(path.read_text("utf-8"))))
    for path in sorted((ROOM / "schemas").glob("*.json")):
        found |= set(_descriptions(json.loads(path.read_text("utf-8"))))
    return found


def f_strings() -> list[str]:
    """Where an f-string reaches a diagnostic: nobody could say it in another language."""
    found = []
    for path in SOURCES:
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and _name(call) in SPEAKERS:
                spoken = call.args[:1] if _name(call) == "said" else call.args
                found += [f"{path.name}:{one.lineno}" for one in spoken if isinstance(one, ast.JoinedStr)]
            elif isinstance(call, ast.Assign) and _targets(call) & {"hint", "message"} and isinstance(call.value, ast.JoinedStr):
                found.append(f"{path.name}:{call.lineno}")
    return found


def _of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node) == "said":
            yield from _literals(node.args[0])
        elif isinstance(node, ast.Call) and _name(node) in SPEAKERS:
            for argument in node.args:
                if not isinstance(argument, ast.Call):
                    yield from filter(_is_a_text, _literals(argument))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and _targets(node) & NAMES and node.value is not None:
            yield from filter(_is_a_text, _literals(node.value))


def _literals(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.Tuple | ast.List):
        for one in node.elts:
            yield from _literals(one)


def _is_a_text(text: str) -> bool:
    """Codes, names of files and flags are no texts for people."""
    return " " in text.strip() and not text.startswith("CL")


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def _descriptions(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str):
            yield schema["description"]
        for value in schema.values():
            yield from _descriptions(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _descriptions(value)
