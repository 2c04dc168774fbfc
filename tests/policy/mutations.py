"""Mutates one node of a shipped policy file, and says whether a diagnostic points at the fault."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal, TypeAlias

import yaml

from engine.policy.diagnostics import Diagnostic
from tests.policy.support import shipped

FILES = {name: text for name, text in shipped().files.items() if name.endswith(".yaml")}
"""Articles of the knowledge base are no YAML as a whole."""

Step: TypeAlias = str | int
Path: TypeAlias = tuple[Step, ...]
Action: TypeAlias = Literal["drop", "rename", "retype", "repeat", "copy", "move"]


@dataclass(frozen=True)
class Mutated:
    """A file with one node changed. `at` are the paths of the node in the new text, more than one where it stands twice or has changed
    places; `names` are the ids it defines, names or has lost.
    """

    file: str
    text: str
    parent: Path
    at: tuple[Path, ...]
    names: frozenset[str]

    def is_pointed_at_by(self, item: Diagnostic, files: dict[str, str]) -> bool:
        """Whether a diagnostic stands in the mutated node, at its parent, or where something is named that the node defines or names.

        In the node is any place from its key to its end. At the parent are only its key, the first place in it, and what says by its
        path that it is about the parent as a whole. A name counts where it is all that the diagnostic marks, or the key or id of what
        it marks, or a word of the one line it marks. What points at two places names the other one in its hint, as file:line.
        """
        here = item.file == self.file and (self._in_node(item) or self._at_parent(item))
        return here or self._named(item, files[item.file]) or self._in_hint(item)

    def _in_node(self, item: Diagnostic) -> bool:
        places = _places(self.text)
        return any(places[path].begin <= (item.line, item.column) <= places[path].end for path in self.at if path in places)

    def _at_parent(self, item: Diagnostic) -> bool:
        place = _places(self.text)[self.parent]
        return item.path == written(self.parent) or (item.line, item.column) in (place.begin, place.value)

    def _in_hint(self, item: Diagnostic) -> bool:
        places = _places(self.text)
        lines = {line for path in (self.parent, *self.at) if path in places for line in (places[path].begin[0], places[path].value[0])}
        return any(f"{self.file}:{line}" in re.findall(r"[\w./-]+:\d+", item.hint) for line in lines)

    def _named(self, item: Diagnostic, text: str) -> bool:
        lines = text.split("\n")[item.line - 1 : item.end_line]
        marked = lines[0][item.column - 1 : item.end_column - 1] if len(lines) == 1 and lines else ""
        words = set(re.findall(r"[\w-]+", marked))
        owner = re.sub(r"(\[\d+\])+$", "", item.path).rpartition(".")[2]
        return bool(self.names & (words | {marked.strip("'\""), owner, item.rule}))


@dataclass(frozen=True)
class _Place:
    """Where a node is written, lines and columns from 1: from its key, if it has one, to its end."""

    begin: tuple[int, int]
    value: tuple[int, int]
    end: tuple[int, int]


def written(path: Path) -> str:
    """The path as diagnostics write it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


@cache
def paths(file: str) -> tuple[Path, ...]:
    """Every node of a shipped file but the whole of it."""
    return tuple(path for path in _places(FILES[file]) if path)


@cache
def ids() -> frozenset[str]:
    """Everything by which one part of the shipped policy may name another: ids, languages and the names of deadlines."""
    found: set[str] = set()
    for text in FILES.values():
        for section in yaml.safe_load(text).values():
            if isinstance(section, dict):
                found |= {str(key) for key in section} | set(section.get("languages", ()))
            elif isinstance(section, list):
                found |= {item["id"] for item in section if isinstance(item, dict)}
    return frozenset(found)


def mutate(file: str, path: Path, action: Action, value: Any, other: int) -> Mutated:
    """Change the node at a path. `value` is what a retyped one becomes, `other` with which of its siblings a moved one changes places."""
    root = _composed(FILES[file])
    parent = _at(root, path[:-1])
    position = _position(parent, path[-1])
    before = _words(parent.value[position])
    at, names = _ACTIONS[action](parent.value, position, value, other)
    steps = _steps(parent)
    text: str = yaml.serialize(root, Dumper=yaml.CSafeDumper, allow_unicode=True, width=10_000)
    known = (before | {word for index in at for word in _words(parent.value[index])}) & ids()
    return Mutated(file, text, path[:-1], tuple((*path[:-1], steps[index]) for index in at), frozenset(known | names))


def _drop(children: list[Any], position: int, value: Any, other: int) -> tuple[list[int], set[str]]:
    gone = children.pop(position)
    return [], {gone[0].value} if isinstance(gone, tuple) else set()


def _rename(children: list[Any], position: int, value: Any, other: int) -> tuple[list[int], set[str]]:
    child = children[position]
    target = child[0] if isinstance(child, tuple) else child
    if isinstance(target, yaml.MappingNode):
        target = next((below for key, below in target.value if key.value == "id"), target.value[0][0])
    if not isinstance(target, yaml.ScalarNode):
        return [position], set()
    old = target.value
    target.value += "x"
    return [position], {old, target.value}


def _retype(children: list[Any], position: int, value: Any, other: int) -> tuple[list[int], set[str]]:
    child, node = children[position], _composed(yaml.safe_dump(value, allow_unicode=True))
    children[position] = (child[0], node) if isinstance(child, tuple) else node
    return [position], {child[0].value} if isinstance(child, tuple) else set()


def _repeat(children: list[Any], position: int, value: Any, other: int) -> tuple[list[int], set[str]]:
    children.append(copy.deepcopy(children[position]))
    return [position, len(children) - 1], set()


def _copy(children: list[Any], position: int, value: Any, other: int) -> tuple[list[int], set[str]]:
    """Repeat it under another name, if it has one."""
    children.append(copy.deepcopy(children[position]))
    _, names = _rename(children, len(children) - 1, value, other)
    return [position, len(children) - 1], names


def _move(children: list[Any], position: int, value: Any, other: int) -> tuple[list[int], set[str]]:
    second = other % len(children)
    children[position], children[second] = children[second], children[position]
    return [position, second], set()


_ACTIONS = {"drop": _drop, "rename": _rename, "retype": _retype, "repeat": _repeat, "copy": _copy, "move": _move}
ACTIONS: tuple[Action, ...] = tuple(_ACTIONS)  # type: ignore[arg-type]  # the keys are its members


def _at(root: yaml.Node, path: Path) -> yaml.Node:
    node = root
    for step in path:
        child = node.value[_position(node, step)]
        node = child[1] if isinstance(child, tuple) else child
    return node


def _position(parent: yaml.Node, step: Step) -> int:
    return step if isinstance(step, int) else [key.value for key, _ in parent.value].index(step)


def _steps(parent: yaml.Node) -> list[Step]:
    return [child[0].value if isinstance(child, tuple) else index for index, child in enumerate(parent.value)]


def _words(child: Any) -> set[str]:
    """Every scalar and key of a child, its own key included."""
    key, node = child if isinstance(child, tuple) else (None, child)
    found = {key.value} if key is not None else set()
    if isinstance(node, yaml.ScalarNode):
        return found | {node.value}
    return found.union(*(_words(below) for below in node.value))


@lru_cache(maxsize=16)
def _places(text: str) -> dict[Path, _Place]:
    return dict(_walk(_composed(text), (), None))


def _composed(text: str) -> yaml.Node:
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    assert root is not None
    return root


def _walk(node: yaml.Node, path: Path, key: yaml.Node | None) -> Iterator[tuple[Path, _Place]]:
    begin, value, end = ((mark.line + 1, mark.column + 1) for mark in ((key or node).start_mark, node.start_mark, node.end_mark))
    yield path, _Place(begin, value, end)
    for index, child in enumerate(node.value if not isinstance(node, yaml.ScalarNode) else []):
        if isinstance(child, tuple):
            yield from _walk(child[1], (*path, child[0].value), child[0])
        else:
            yield from _walk(child, (*path, index), None)
