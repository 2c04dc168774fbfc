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
        for was, now in _changes(before.get(path), node):
            yield Change("changed", section, id, path, was, now, str(node.source))
    for path, node in before.items():
        if path not in after:
            yield Change("changed", section, id, path, _shown(node), None, str(new.source))


def _changes(old: Node | None, new: Node) -> Iterator[tuple[str | None, str | None]]:
    """Yield what differs at one path: of lists the values that went and came, and where none did their order."""
    if old is None or not (_is_list(old) and _is_list(new)):
        if old is None or old.value != new.value:
            yield _shown(old) if old else None, _shown(new)
        return
    before, after = ([item.text for item in node.items] for node in (old, new))
    gone, come = [text for text in before if text not in after], [text for text in after if text not in before]
    if len(gone) == len(come) == 1:
        yield gone[0], come[0]
    elif gone or come:
        yield from ((text, None) for text in gone)
        yield from ((None, text) for text in come)
    elif before != after:
        yield _shown(old), _shown(new)


def _leaves(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    """Yield every value below, by its path; a list of scalars and an empty mapping count as a value."""
    if isinstance(node.value, dict) and node.value:
        for key, below in node.value.items():
            yield from _leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(node.value, list) and not _is_list(node):
        for position, below in enumerate(node.value):
            yield from _leaves(below, f"{path}[{position}]")
    else:
        yield path, node


def _is_list(node: Node) -> bool:
    return isinstance(node.value, list) and not any(isinstance(item.value, dict | list) for item in node.value)


def _shown(node: Node) -> str:
    return ", ".join(item.text for item in node.items) if _is_list(node) else node.text


def _moved(section: str, common: list[str], new: Mapping[str, Node]) -> Iterator[Change]:
    """Rules are asked in order, so an entry of a list that stands behind one it stood before has moved."""
    order = [id for id in new if id in common]
    for id in order:
        if order != common and order.index(id) != common.index(id) and "[" in new[id].path:
            yield Change("moved", section, id, "", str(common.index(id) + 1), str(order.index(id) + 1), str(new[id].source))
