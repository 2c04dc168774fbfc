"""What is wrong with a policy: where, what, and how to mend it."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from engine.policy.codes import CODES
from engine.policy.nodes import Node, Span
from engine.policy.said import said
from engine.policy.vocabulary import KIND_OF_SECTION

ERROR, WARNING = "error", "warning"
_OF_LANGUAGES, _MOST_ALIKE = "CL315", 3
"""A language that is taken out of company.yaml is in every text of the policy."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem. `code` is stable (see docs/diagnostics.md); `rule` is the id of the rule or entry it lies in; `excerpt` its line."""

    code: str
    severity: str
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    path: str
    rule: str
    message: str
    hint: str
    excerpt: str = field(default="", compare=False)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether one of them is an error, not only a warning."""
    return any(diagnostic.severity == ERROR for diagnostic in diagnostics)


class Problems:
    """Gathers diagnostics; it knows the texts, so that each problem carries its line, and the trees, so that it carries its rule."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []
        self._lines: dict[str, list[str]] = {}
        self._roots: dict[str, Node] = {}

    def know_text(self, file: str, text: str) -> None:
        """Keep the lines of a file for excerpts."""
        self._lines[file] = text.split("\n")

    def know_root(self, file: str, root: Node) -> None:
        """Keep the tree of a file for the names of rules."""
        self._roots[file] = root

    def add(self, code: str, place: Node | Span, message: str, hint: str = "", *, path: str = "") -> None:
        """Note a problem at a node or a span; `path` says where in the tree a bare span lies."""
        span = place if isinstance(place, Span) else place.span
        path = path if isinstance(place, Span) else place.path
        lines = self._lines.get(span.file, [])
        excerpt = lines[span.line - 1].rstrip("\r") if 0 < span.line <= len(lines) else ""
        rule = self._rule(span.file, path)
        place_of = (span.file, span.line, span.column, span.end_line, span.end_column)
        self._found.append(Diagnostic(code, CODES[code].severity, *place_of, path, rule, message, hint, excerpt))

    def unknown(self, code: str, node: Node | None, what: str, known: Collection[str] | None, hint: str = "") -> None:
        """Note a name that is not among the known ones, unless nobody can know them (None). `hint` is for where no other is like it."""
        if node is not None and known is not None and node.text not in known:
            near = suggestion(node.text, known)
            self.add(code, node, said("there is no {what} `{name}`", what=said(what), name=node.text), near or hint)

    def twice(self, place: Node, first: Node) -> None:
        """Note an id that is that of another entry already."""
        hint = said("the first stands in {place}", place=first.source)
        self.add("CL301", place, said("the id `{name}` is used twice", name=place.text), hint)

    def lacking(self, section: str) -> None:
        """Note a section that the policy needs and has not, at the file in which it belongs."""
        file = f"{KIND_OF_SECTION[section]}.yaml"
        hint = said("write it in {file}; the shipped policies show how", file=file)
        self.add("CL316", Span(file, 1, 1, 1, 2), said("the policy has no `{section}`", section=section), hint)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Note problems that were found elsewhere."""
        self._found.extend(diagnostics)

    def file(self, code: str, file: str, message: str, hint: str = "", *, line: int = 1, column: int = 1) -> None:
        """Note a problem of a whole file, or at one point of it."""
        self.add(code, Span(file, line, column, line, column + 1), message, hint)

    def line(self, file: str, number: int) -> Span:
        """Return the span of a whole line without the spaces around it."""
        lines = self._lines.get(file, [])
        text = lines[number - 1].rstrip() if 0 < number <= len(lines) else ""
        return Span(file, number, len(text) - len(text.lstrip()) + 1, number, len(text) + 1)

    def wrong(self, kinds: tuple[str, ...]) -> bool:
        """Whether an error was noted in a file whose name begins with one of these words."""
        return any(item.severity == ERROR and item.file.startswith(kinds) for item in self._found)

    def all(self) -> tuple[Diagnostic, ...]:
        """Return the problems in the order of their places, each once; of those that one word in company.yaml makes, the first few."""
        found = dict.fromkeys(sorted(self._found, key=lambda item: (item.file, item.line, item.column, item.code)))
        told = Counter[str]()
        for item in [item for item in found if item.code == _OF_LANGUAGES]:
            told[item.message] += 1
            if told[item.message] > _MOST_ALIKE:
                del found[item]
        return tuple(found)

    def _rule(self, file: str, path: str) -> str:
        """Return the id of the entry a path lies in: the `id` of a list's item, the key of a map's entry."""
        root = self._roots.get(file)
        section, _, rest = path.partition("[") if "[" in path.split(".")[0] else path.partition(".")
        if root is None or not rest or (entries := root.get(section)) is None:
            return ""
        if isinstance(entries.value, list):
            return entries.items[int(rest.partition("]")[0])].string("id")
        return rest.partition(".")[0].partition("[")[0]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, None when none is near."""
    return next(iter(get_close_matches(word, sorted(set(known)), 1)), None)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known word, or all of them when none is near and they are few."""
    names = sorted(set(known))
    if (near := nearest(word, names)) is not None:
        return said("did you mean `{near}`?", near=near)
    return said("known: {known}", known=", ".join(names)) if 0 < len(names) <= 20 else ""
