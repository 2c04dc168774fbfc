"""What the reader makes of YAML: a tree of nodes that know where they were written."""

from collections.abc import Iterator, Mapping, Reversible
from typing import NamedTuple, TypeAlias

from msgspec import Struct, field

from engine.core.conditions import Source

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain]"


class Span(NamedTuple):
    """A stretch of a file; lines and columns count from 1, the end column is the one behind the last character."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class Node(Struct, frozen=True):
    """One value with its place. `path` reads like `tiers[0].when.field`; `keys` has the place of each key of a mapping.

    `block` says that a text was written as a block (`|` or `>`), so that its first line stands one below its beginning;
    `gaps` that the reader refused a value directly below.
    """

    value: "str | int | float | bool | list[Node] | dict[str, Node]"
    span: Span
    path: str
    keys: Mapping[str, Span] = field(default_factory=dict)
    block: bool = False
    gaps: bool = False

    @property
    def source(self) -> Source:
        """Where it was written, as the compiled policy keeps it."""
        return Source(self.span.file, self.span.line, self.path)

    @property
    def text(self) -> str:
        """The value of a scalar as text."""
        return str(self.value)

    @property
    def map(self) -> "dict[str, Node]":
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "list[Node]":
        """The items of a list; a single value stands for a list of one."""
        return self.value if isinstance(self.value, list) else [self]

    def get(self, key: str) -> "Node | None":
        """Return the entry of that key, None without one."""
        return self.map.get(key)

    def __getitem__(self, key: str) -> "Node":
        return self.map[key]

    def string(self, key: str, default: str = "") -> str:
        """Return the entry's value as text, `default` without one."""
        found = self.get(key)
        return default if found is None else found.text

    def strings(self, key: str) -> tuple[str, ...]:
        """Return the entry's items as texts; a single value stands for a list of one, nothing for none."""
        return tuple(item.text for item in self.each(key))

    def each(self, key: str) -> "list[Node]":
        """Return the entry's items; a single value stands for a list of one, nothing for none."""
        found = self.get(key)
        return [] if found is None else found.items

    def children(self) -> "Reversible[Node]":
        """Return the nodes directly below."""
        if isinstance(self.value, dict):
            return self.value.values()
        return self.value if isinstance(self.value, list) else ()

    def walk(self) -> "Iterator[Node]":
        """Yield this node and all below it, top down."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.children()))

    def plain(self) -> Plain:
        """Return the bare value, as schemas see it."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def at(self, steps: "list[str | int]") -> "Node":
        """Return the node that the steps (keys and indexes) lead to."""
        node = self
        for step in steps:
            node = node.items[step] if isinstance(step, int) else node[step]
        return node
