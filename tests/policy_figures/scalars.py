"""Every value that the shipped policy files state, with its place, so that each can be changed alone in the file's own text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from engine.resources import shipped_policies


@dataclass(frozen=True)
class Scalar:
    """One value of a file: `start` and `end` are where it is written, quotes included; `before` is where its key or item begins."""

    file: str
    path: str
    value: str
    text: str
    line: int
    start: int
    end: int
    before: int
    style: str | None

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line} {self.path}"

    @property
    def last(self) -> str:
        """The last key of the path, without the position in a list."""
        return re.sub(r"(\[\d+\])+$", "", self.path).rpartition(".")[2]


def shipped_files() -> dict[str, str]:
    """The texts of all shipped policy files by name, team.yaml included."""
    root = shipped_policies()
    names = [path.relative_to(root) for path in [*root.glob("*.yaml"), *root.glob("calendars/*.yaml")]]
    return {Path(name).as_posix(): (root / name).read_text(encoding="utf-8") for name in sorted(names)}


def scalars(files: dict[str, str]) -> list[Scalar]:
    """Every scalar of every file that is a value, not a key, in the order in which it is written."""
    return [scalar for file, text in files.items() for scalar in _of_file(file, text)]


def _of_file(file: str, text: str) -> Iterator[Scalar]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None
    yield from _walk(file, text, root, "", 0)


def _walk(file: str, text: str, node: yaml.Node, path: str, before: int) -> Iterator[Scalar]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            yield from _walk(file, text, value, below, key.start_mark.index)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield from _walk(file, text, item, f"{path}[{position}]", item.start_mark.index)
    elif isinstance(node, yaml.ScalarNode):
        start, end = node.start_mark.index, node.end_mark.index
        yield Scalar(
            file=file,
            path=path,
            value=str(node.value),
            text=text[start:end],
            line=node.start_mark.line + 1,
            start=start,
            end=end,
            before=before,
            style=node.style,
        )
