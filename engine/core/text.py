"""Matching text that strangers wrote: one form for comparing, the keywords that a text affirms, its language, and masking.

Everything here takes any string, lone surrogates and control characters included, and needs time linear in its length.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

import re2
from ahocorasick_rs import AhoCorasick
from msgspec import Struct

_APOSTROPHES: Final = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u00b4\uff07"), "'")
_INVISIBLE: Final = dict.fromkeys([0x00AD, 0x034F, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)])
_LIGATURES: Final = {0x0149: "'n"}
_SURROGATES: Final = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_VISIBLE: Final = {**_APOSTROPHES, **_INVISIBLE, **_LIGATURES, **_SURROGATES}
_UNWANTED: Final = re.compile(f"[\ud800-\udfff{re.escape(''.join(map(chr, _VISIBLE.keys() - _SURROGATES.keys())))}]")
# Nearly every Chinese text has full-width punctuation and nothing else to normalise; by itself it is cheaper than all of NFKC.
_FULL_WIDTH: Final = re.compile("[\uff01-\uff5e]")

# Putting a run of combining marks in canonical order takes quadratic time, and no language needs more than a few of them. UAX #15
# ("Stream-Safe Text Format") allows 30.
# No mark is a word character, so that this cheap pattern finds every text worth a closer look.
_LONG_UNWORDED: Final = re.compile(r"[^\w\s]{31}")
_MARKS: Final = re2.compile(r"\p{M}+")
_MOST_MARKS: Final = 30
_LINE_ENDS: Final = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACES: Final = re.compile(r"[^\S\n]{2,}|[^\S\n ]")

IDEOGRAPHS: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Chinese characters, as ranges for a class of a pattern."""

_IDEOGRAPHS: Final = re.compile(f"[{IDEOGRAPHS}]")
_KANA_AND_HANGUL: Final = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\uac00-\ud7a3\uff66-\uff9f]")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f\uff21-\uff3a\uff41-\uff5a]")

_PHONE: Final = re.compile(r"\+?[\d\s().\-/]+", re.ASCII)
_NOT_DIGITS: Final = re.compile(r"\D+", re.ASCII)
_DOMAIN: Final = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_SHORTEST_PHONE, _LONGEST_PHONE = 7, 15  # ITU-T E.164 allows 15 digits
_MASKED = "***"

_PLURAL: Final = re.compile(r"e?s(?![0-9a-z])")
_PLURALISED: Final = re.compile(r"[a-z][a-z][a-z]$")

_Occurrence = tuple[int, int, str]  # start, end, phrase


def compatible(text: str) -> str:
    r"""`text` in Unicode's compatibility form (NFKC) with its case kept: full-width letters and digits become plain ones.

    Invisible characters go, every apostrophe becomes `'`, each run of spaces one space, each line end `\n`.
    """
    if not text.isascii():
        if _UNWANTED.search(text):
            text = text.translate(_VISIBLE)
        if _LONG_UNWORDED.search(text):
            text = _MARKS.sub(lambda marks: marks[0][:_MOST_MARKS], text)
        text = unicodedata.normalize("NFKC", _FULL_WIDTH.sub(_half_width, text))
    if text.isprintable() and "  " not in text:  # no line end is printable, and no space but the plain one
        return text
    return _SPACES.sub(" ", _LINE_ENDS.sub("\n", text))


def _half_width(match: re.Match[str]) -> str:
    return chr(ord(match[0]) - 0xFEE0)


def normalise(text: str) -> str:
    """The copy of `text` that is used for matching: `compatible` and without case (Unicode's full case folding)."""
    folded = compatible(text).casefold()
    return folded if folded.isascii() else unicodedata.normalize("NFKC", folded)


class Negation(Struct, frozen=True):
    """How a text denies a keyword, in the words of the policy.

    A clause ends at each of `clause_breaks`: characters, or words such as `但是` and `but` if given one by one. A mark between two
    digits and a full stop inside a name (`3,5`, `example.test`) end nothing. Within a clause, one of `negators` denies every keyword
    after it, and one of `resolved`, not denied itself, every keyword before it. `transparent` phrases contain a negator or a resolved
    word that must not count (`是不是`, `not only`, `to be fixed`).
    """

    negators: tuple[str, ...]
    transparent: tuple[str, ...]
    clause_breaks: Sequence[str]
    resolved: tuple[str, ...]


class KeywordIndex:
    """Finds any number of keywords in one pass and says which of them a text affirms.

    Width, case and kinds of spaces do not matter. Where a phrase begins or ends with a letter of an alphabet or a digit, a word must
    begin or end there: `art` is not in `start`, while Chinese matches anywhere. A keyword of three Latin letters or more also
    matches its plural in -s or -es, because a missed outage costs more than a mistaken one. A negator inside a keyword (`无法使用`)
    denies nothing but shorter keywords inside the same keyword (`使用`).

    Raises:
        ValueError: a keyword or phrase in which nothing is visible.
    """

    __slots__ = ("_breaks", "_cues", "_given", "_keywords", "_negators", "_resolved", "_transparent")

    def __init__(self, keywords: Iterable[str], negation: Negation) -> None:
        self._given: dict[str, list[str]] = {}
        for keyword in dict.fromkeys(keywords):
            self._given.setdefault(_phrase(keyword), []).append(keyword)
        self._negators = frozenset(map(_phrase, negation.negators))
        self._transparent = frozenset(map(_phrase, negation.transparent))
        self._resolved = frozenset(map(_phrase, negation.resolved))
        self._keywords = _Phrases(self._given, plurals=True)
        self._cues = _Phrases(self._negators | self._transparent | self._resolved, plurals=False)
        self._breaks = _clause_breaks(negation.clause_breaks)

    def find(self, text: str) -> frozenset[str]:
        """The keywords, as given, that `text` affirms at least once."""
        return frozenset(keyword for keyword, affirmed in self.mentions(text).items() if affirmed)

    def mentions(self, text: str) -> dict[str, bool]:
        """Every keyword, as given, that occurs in `text`: whether it is affirmed at least once."""
        text = normalise(text)
        found = self._keywords.find(text)
        if not found:
            return {}
        cues = self._cues.find(text)
        affirmed = dict.fromkeys((phrase for _, _, phrase in found), not cues)
        if cues:
            self._affirm(affirmed, text, found, cues)
        return {keyword: is_affirmed for phrase, is_affirmed in affirmed.items() for keyword in self._given[phrase]}

    def _affirm(self, affirmed: dict[str, bool], text: str, found: Sequence[_Occurrence], cues: Sequence[_Occurrence]) -> None:
        """Mark each phrase in `affirmed` of which an occurrence is not denied."""
        breaks = [mark.start() for mark in self._breaks.finditer(text)]
        negators, resolved = self._denials(text, found, cues, breaks)
        for start, end, phrase in found:
            following = bisect_left(resolved, end)
            is_resolved = following < len(resolved) and resolved[following] < _clause_end(end, breaks, text)
            affirmed[phrase] |= not is_resolved and negators.reach(start) <= start

    def _denials(
        self, text: str, found: Sequence[_Occurrence], cues: Sequence[_Occurrence], breaks: Sequence[int]
    ) -> "tuple[_Reach, list[int]]":
        """From where to where negators deny in `text`, and where the words stand that tell of a problem resolved."""
        keywords = _Reach((start, end) for start, end, _ in found)
        transparent = _Reach((start, end) for start, end, phrase in cues if phrase in self._transparent)
        counted = [cue for cue in cues if transparent.reach(cue[0]) < cue[1]]
        negators = _Reach(
            (end, keywords.reach(start) if keywords.has_inside(start, end) else _clause_end(end, breaks, text))
            for start, end, phrase in counted
            if phrase in self._negators
        )
        resolved = sorted(
            start
            for start, end, phrase in counted
            if phrase in self._resolved and not keywords.has_inside(start, end) and negators.reach(start) <= start
        )
        return negators, resolved


def language_of(text: str, default: str) -> str:
    """`zh` for a text with Chinese characters, else `en` for one with Latin letters, else `default`.

    One Chinese character among Latin ones is enough, because product names, addresses and error messages stay Latin in Chinese
    texts. A text with more kana or Hangul than Chinese characters is neither: `default`.
    """
    ideographs = len(_IDEOGRAPHS.findall(text))
    if len(_KANA_AND_HANGUL.findall(text)) > ideographs:
        return default
    if ideographs:
        return "zh"
    return "en" if _LATIN.search(text) else default


def mask(value: str) -> str:
    """`value` fit for logs: `138****8000`, `z***@example.test`, of anything else the first character and `***`.

    At least four digits of a phone number stay hidden, and all but two of a short one; separators are dropped.
    """
    if _PHONE.fullmatch(value):
        digits = _NOT_DIGITS.sub("", value)
        if _SHORTEST_PHONE <= len(digits) <= _LONGEST_PHONE:
            return ("+" if value.startswith("+") else "") + _masked_digits(digits)
    first = value[:1] if value[:1].isprintable() else ""
    name, _, domain = value.rpartition("@")
    if name and _DOMAIN.fullmatch(domain):
        return f"{first}{_MASKED}@{domain}"
    return first + _MASKED


def _masked_digits(digits: str) -> str:
    shown_last = 4 if len(digits) > _SHORTEST_PHONE else 2
    hidden = max(4, len(digits) - 3 - shown_last)
    shown_first = len(digits) - hidden - shown_last
    return digits[:shown_first] + "*" * hidden + digits[-shown_last:]


class _Phrases:
    """Finds where normalised phrases occur as words, overlapping ones too."""

    __slots__ = ("_automaton", "_phrases", "_plurals")

    def __init__(self, phrases: Iterable[str], *, plurals: bool) -> None:
        self._phrases = tuple(phrases)
        self._automaton = AhoCorasick(self._phrases)
        self._plurals = plurals

    def find(self, text: str) -> list[_Occurrence]:
        found = []
        for index, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            phrase = self._phrases[index]
            if _is_boundary(text, start) and (
                _is_boundary(text, end) or (self._plurals and _PLURAL.match(text, end) and _PLURALISED.search(phrase))
            ):
                found.append((start, end, phrase))
        return found


class _Reach:
    """Of spans (from, to): how far those reach that begin at or before a position. Linear to build, a bisect to ask."""

    __slots__ = ("_froms", "_reaches")

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(spans)
        self._froms = [start for start, _ in ordered]
        self._reaches = list(accumulate((end for _, end in ordered), max))

    def reach(self, position: int) -> int:
        index = bisect_right(self._froms, position) - 1
        return self._reaches[index] if index >= 0 else -1

    def has_inside(self, start: int, end: int) -> bool:
        """Whether one of the spans contains [start, end) and is longer."""
        return self.reach(start) > end or self.reach(start - 1) >= end


def _phrase(text: str) -> str:
    phrase = normalise(text).strip()
    if not phrase:
        raise ValueError(f"a keyword or phrase needs at least one visible character, not {text!r}")
    return phrase


def _is_boundary(text: str, position: int) -> bool:
    if position in (0, len(text)):
        return True
    return not (is_alphabetic(text[position - 1]) and is_alphabetic(text[position]))


def is_alphabetic(character: str) -> bool:
    """A digit or a letter of Latin, Greek or Cyrillic, which put spaces between words."""
    return character.isalnum() and (character < "\u0530" or "\u1e00" <= character < "\u2000")


def _clause_end(position: int, breaks: Sequence[int], text: str) -> int:
    index = bisect_left(breaks, position)
    return breaks[index] if index < len(breaks) else len(text)


def _clause_breaks(marks: Sequence[str]) -> re.Pattern[str]:
    alternatives = ["(?!)"]
    for mark in filter(None, map(normalise, marks)):
        word = re.escape(mark)
        if mark == ".":
            alternatives.append(rf"(?<![0-9a-z]){word}|{word}(?![0-9a-z])")
        elif mark[:1].isalpha():
            alternatives.append(rf"(?<![0-9a-z]){word}(?![0-9a-z])" if mark.isascii() else word)
        else:
            alternatives.append(rf"(?<![0-9]){word}|{word}(?![0-9])")
    return re.compile("|".join(alternatives))
