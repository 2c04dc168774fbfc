"""The trees of all files as one document: sections merged, entries that are not sound set aside."""

from collections.abc import Iterable, Mapping

from engine.policy.diagnostics import Problems
from engine.policy.nodes import Node, Span
from engine.policy.said import said
from engine.policy.vocabulary import KIND_OF_SECTION, NEEDED, ON_CHANGE, SECTIONS

_WHOLE = "*"


class Document:
    """What the files say together. Only sound entries are handed out, so that later checks neither crash nor repeat an earlier fault.

    `roots` are (kind of file, tree) by file; a section that does not belong into its file is not looked at. `faults` are the places of
    schema errors by file, `unread` the kinds of which a file could not be read: then nobody knows which ids it defines, and references
    to them are not judged. What is `proven` was found sound before.
    """

    def __init__(
        self,
        roots: Mapping[str, tuple[str, Node]],
        faults: Mapping[str, Iterable[list[str | int]]],
        unread: frozenset[str],
        problems: Problems,
        proven: bool = False,
    ) -> None:
        self.proven = proven
        self._parts: dict[str, list[Node]] = {}
        self._unread = unread
        self._unsound: set[int] = set()
        self._ids: dict[str, set[str]] = {}
        self._names: dict[tuple[str, str], Node] = {}
        for file in sorted(roots):
            kind, root = roots[file]
            for section in root.map.keys() & set(SECTIONS.get(kind, ())):
                self._parts.setdefault(section, []).append(root[section])
            for path in faults.get(file, ()):
                self._set_aside(root, path)
        self._entries = {section: self._merge(section, problems) for section in KIND_OF_SECTION}
        self._holes()

    def entries(self, section: str) -> dict[str, Node]:
        """Return the sound entries of a section of named entries, or of a list of entries with an `id`."""
        return {name: node for name, node in self._entries[section].items() if id(node) not in self._unsound}

    def name(self, section: str, id: str) -> Node:
        """Return the place where the id of an entry is defined: its key, or the value of its `id`."""
        return self._names[section, id]

    def single(self, section: str) -> Node | None:
        """Return the section's only value if it is there and sound."""
        return next(iter(self.parts(section)), None)

    def parts(self, section: str) -> list[Node]:
        """Return what each file has of the section, as far as it is sound."""
        return [part for part in self._parts.get(section, []) if id(part) not in self._unsound]

    def find(self, path: str) -> list[Node]:
        """Return every place that a path leads to, as far as it is sound: `routes.*.queue`. `*` stands for every entry or item (a single
        value is a list of one), `@` for the keys.
        """
        section, *steps = path.split(".")
        found = [Node(entries, Span("", 0, 0, 0, 0), section)] if (entries := self.entries(section)) else self.parts(section)[:1]
        for step in steps:
            if step == "*":
                found = [below for node in found for below in (node.map.values() if node.map else node.items)]
            elif step == "@":
                found = [Node(key, place, node[key].path) for node in found for key, place in node.keys.items()]
            else:
                found = [below for node in found if (below := node.get(step)) is not None]
        return found

    def ids(self, section: str) -> frozenset[str] | None:
        """Return every id the section defines, sound or not; None when that cannot be known because of a fault reported elsewhere."""
        parts = self._parts.get(section, [])
        shapeless = any(not isinstance(part.value, (dict, list)) for part in parts)
        absent = not parts and section in NEEDED
        if shapeless or absent or KIND_OF_SECTION[section] in self._unread:
            return None
        return frozenset(self._ids[section])

    def has(self, section: str) -> bool:
        """Whether some file has the section, or may have it."""
        return section in self._parts or KIND_OF_SECTION[section] in self._unread

    def _set_aside(self, root: Node, path: list[str | int]) -> None:
        """Mark the section and the entry that a fault lies in; all its entries when the section itself has the wrong shape."""
        if path:
            section = root.at(path[:1])
            self._unsound.add(id(section))
            at_fault = [root.at(path[:2])] if len(path) > 1 else section.children()
            self._unsound.update(id(entry) for entry in at_fault)

    def _merge(self, section: str, problems: Problems) -> dict[str, Node]:
        merged: dict[str, Node] = {}
        ids = self._ids.setdefault(section, set())
        parts = self._parts.get(section, [])
        if section in _SINGLE:
            for part in parts[1:]:
                hint = said("the first stands in {place}; keep one of them", place=parts[0].source)
                problems.add("CL301", part, said("`{section}` is written in two files", section=section), hint)
        if section in _SINGLE | _JOINED:
            return merged
        for part in parts:
            for name, node, place in _named(part):
                ids.add(name)
                self._names.setdefault((section, name), place)
                if name in merged:
                    problems.twice(place, merged[name])
                else:
                    merged[name] = node
        return merged

    def _holes(self) -> None:
        """Set aside the entries in which the reader refused a value."""
        for parts in self._parts.values():
            for part in parts:
                if part.gaps:
                    self._unsound.add(id(part))
                self._unsound.update(id(entry) for entry in part.children() if any(node.gaps for node in entry.walk()))


_SINGLE = frozenset({"company", "replies", "negation", *ON_CHANGE, "on_later_promise", "assignment", "handover", "limits", "chain"}) | {
    "currency",
    "approvals",
    "incidents",
    "quality",
    "manager",
    "ignored_words",
    "retention_runs",
}
_JOINED = frozenset({"glossary"})


def _named(part: Node) -> list[tuple[str, Node, Node]]:
    """Return the entries of a section as (id, entry, where the id stands); tests have their name for an id."""
    if isinstance(part.value, list):
        named = [(entry.get("id") or entry.get("name"), entry) for entry in part.value]
        return [(name.text, entry, name) for name, entry in named if name is not None]
    return [(name, entry, Node(name, part.keys[name], entry.path)) for name, entry in part.map.items()]
