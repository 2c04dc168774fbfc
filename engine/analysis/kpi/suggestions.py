"""What customers suggest: how many speak of each subject of the policy, of which other words, and in which words of their own.

Nothing is said of fewer than five answers, and quotes hold no address, number or name.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

import re2

from engine.analysis.kpi.answers import SMALLEST_GROUP, Months
from engine.core.kpis import Subject
from engine.core.text import KeywordIndex, Negation, compatible, normalise
from engine.store.contract import Reader
from engine.store.rows import AnswerRow

MOST_QUOTES = 3
MOST_WORDS = 20
LONGEST_QUOTE = 200
"""How much is shown: quotes of a subject, other words, characters of a quote."""

_SHORTEST_NAME, _SHORTEST_PART = 2, 4
"""Characters of a name, and of a word of one, that are masked: shorter ones would blot out half of every sentence."""
_PAGE = 10_000
_NOTHING_DENIES = Negation((), (), (), ())
_PRIVATE = re2.compile(
    r"(?P<email>[^\s<>\"'(),:;@=。]+@[^\s<>\"'(),:;@=。]+)"
    r"|(?P<number>\d(?:[\s().\-/]{0,2}\d){4,}|[零〇一二三四五六七八九幺两]{5,})|(?P<code>[A-Za-z0-9_-]{5,})"
)
"""Letters and digits together are a code, which may be an order or an account."""
_LATIN = re.compile(r"[a-z][a-z'-]{2,}")
_CHINESE = re.compile("[\u3400-\u9fff]{2,}")
_MASK = re.compile("‹[a-z]+›")

Cell: TypeAlias = tuple[str, str]
"""A survey and a month."""
Cut: TypeAlias = Callable[[str], list[str]]
"""Cuts a Chinese text into words."""
Mask: TypeAlias = Callable[[str], str]
"""Makes a text fit to be quoted."""


@dataclass(frozen=True, slots=True)
class Said:
    """How many answers speak of a subject (its id) or use a word; 0 where it is not shown, because fewer than five do."""

    name: str
    count: int
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The subjects in the order of the policy, and the other words, the most frequent first. They overlap, and are no parts of a whole."""

    subjects: tuple[Said, ...]
    words: tuple[Said, ...]


def suggestions(
    answers: Iterable[AnswerRow], subjects: Sequence[Subject], ignored: Iterable[str], names: Iterable[str], months: Months, cut: Cut | None
) -> Suggestions:
    """Return what was suggested in the months of a period. `names` are those of people; without `cut` no Chinese words."""
    told = [one for one in answers if one.suggestion.strip()]
    known = KeywordIndex((word for subject in subjects for word in subject.keywords), _NOTHING_DENIES)
    found = [(one, known.mentions(one.suggestion).keys()) for one in told]
    mask = masking(names)
    counted = tuple(_subject(subject, found, months, mask) for subject in subjects)
    taken = set(map(normalise, ignored))
    by_word: dict[str, list[AnswerRow]] = defaultdict(list)
    for one in told:
        for word in set(_words(mask(one.suggestion), cut)) - taken:
            by_word[word].append(one)
    words = (Said(word, len(shown(rows, months))) for word, rows in by_word.items() if not known.mentions(word))
    most = sorted((word for word in words if word.count), key=lambda word: (-word.count, word.name))
    return Suggestions(counted, tuple(most[:MOST_WORDS]))


def _subject(subject: Subject, found: Sequence[tuple[AnswerRow, Set[str]]], months: Months, mask: Mask) -> Said:
    rows = shown([one for one, mentioned in found if not mentioned.isdisjoint(subject.keywords)], months)
    quotes = dict.fromkeys(quote for one in sorted(rows, key=lambda one: one.id) if (quote := mask(one.suggestion)[:LONGEST_QUOTE].strip()))
    return Said(subject.id, len(rows), tuple(quotes)[:MOST_QUOTES])


def shown(rows: Sequence[AnswerRow], months: Months) -> list[AnswerRow]:
    """Return which of these answers may be counted in the months of a period, so that no difference tells of a few.

    A month of fewer than five goes with the next such months of its survey until there are five: they count together or not at all.
    """
    cells: dict[Cell, list[AnswerRow]] = defaultdict(list)
    for one in rows:
        cells[one.survey, one.month].append(one)
    return [
        one
        for block in _blocks(cells)
        if all(months[0] <= month <= months[1] for _, month in block)
        for cell in block
        for one in cells[cell]
    ]


def _blocks(cells: Mapping[Cell, Sequence[AnswerRow]]) -> Iterator[list[Cell]]:
    few: list[Cell] = []
    for cell in sorted(cells):
        if len(cells[cell]) >= SMALLEST_GROUP:
            yield [cell]
            continue
        few = [*(one for one in few if one[0] == cell[0]), cell]
        if sum(len(cells[one]) for one in few) >= SMALLEST_GROUP:
            yield few
            few = []


def masking(names: Iterable[str]) -> Mask:
    """Return what puts ‹email›, ‹number› and ‹name› for what would tell who wrote a text; it gives "" where a name cannot be cut out."""
    parts = (part for name in names for part in (name.strip(), *(one for one in name.split() if len(one) >= _SHORTEST_PART)))
    known = KeywordIndex((part for part in parts if len(normalise(part).strip()) >= _SHORTEST_NAME), _NOTHING_DENIES)

    def mask(text: str) -> str:
        plain = _PRIVATE.sub(_masked, compatible(text))
        if people := sorted(map(compatible, known.mentions(plain)), key=len, reverse=True):
            plain = re.sub("|".join(map(re.escape, people)), "‹name›", plain, flags=re.IGNORECASE)
        return "" if known.mentions(_MASK.sub(" ", plain)) else plain

    return mask


def _masked(found: re.Match[str]) -> str:
    what = found.lastgroup
    return found[0] if what == "code" and not any(map(str.isdecimal, found[0])) else f"‹{what}›"


def people(reader: Reader) -> Iterator[str]:
    """Yield the names of all customers of the archive."""
    last = ""
    while page := reader.customers(_PAGE, last):
        yield from (one.name for one in page)
        last = page[-1].id


def _words(text: str, cut: Cut | None) -> Iterator[str]:
    plain = _MASK.sub(" ", normalise(text))
    yield from _LATIN.findall(plain)
    if cut is not None:
        yield from (word for run in _CHINESE.findall(plain) for word in cut(run) if len(word) > 1)
