"""What differs between two versions of a policy, in terms of rules and entries, not of lines."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from engine.policy.compilation import read_document
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.vocabulary import DATA, KIND_OF_SECTION


class Change(Struct, frozen=True):
    """One difference: `what` is added, removed, changed or moved; of a changed entry, `path` says which key, `old` and `new` its values.

    `place` is file:line in the new version, in the old one for what was removed.
    """

    what: str
    section: str
    id: str
    path: str
    old: str | None
    new: str | None
    place: str


def compare(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """Return what differs between two sets of policy files (text by name), section by section, in the order of the new version.

    Both must have been sound: what cannot be read is left out.
    """
    before, after = (read_document(files, frozenset(), Problems(), proven=True) for files in (old, new))
    return [change for section, kind in KIND_OF_SECTION.items() if kind not in DATA for change in _section(section, before, after)]


def _section(section: str, before: Document, after: Document) -> Iterator[Change]:
    old, new = (_entries(section, document) for document in (before, after))
    for id, node in new.items():
        if id not in old:
            yield Change("added", section, id, "", None, None, str(node.source))
        else:
            yield from _entry(section, id, old[id], node)
    for id, node in old.items():
        if id not in new:
            yield Change("removed", section, id, "", None, None, str(node.source))
    yield from _moved(section, [id for id in old if id in new], new)


def _entries(section: str, document: Document) -> dict[str, Node]:
    """The entries of a section by id; a section that is one value is an entry without an id, the second of them has the id 2."""
    return document.entries(section) or {str(number) if number > 1 else "": part for number, part in enumerate(document.parts(section), 1)}


def _entry(section: str, id: str, old: Node, new: Node) -> Iterator[Change]:
    before, after = dict(_leaves(old, "")), dict(_leaves(new, ""))
    for path, node in after.items():
        was = before.get(path)
        if was is None or was.value != node.value:
            yield Change("changed", section, id, path, was.text if was else None, node.text, str(node.source))
    for path, node in before.items():
        if path not in after:
            yield Change("changed", section, id, path, node.text, None, str(new.source))


def _leaves(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    """Yield every value below, by its path; an empty list or mapping counts as a value."""
    if isinstance(node.value, dict) and node.value:
        for key, below in node.value.items():
            yield from _leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(node.value, list) and node.value:
        for position, below in enumerate(node.value):
            yield from _leaves(below, f"{path}[{position}]")
    else:
        yield path, node


def _moved(section: str, common: list[str], new: Mapping[str, Node]) -> Iterator[Change]:
    """Rules are asked in order, so an entry of a list that stands behind one it stood before has moved."""
    order = [id for id in new if id in common]
    for id in order:
        if order != common and order.index(id) != common.index(id) and "[" in new[id].path:
            yield Change("moved", section, id, "", str(common.index(id) + 1), str(order.index(id) + 1), str(new[id].source))
