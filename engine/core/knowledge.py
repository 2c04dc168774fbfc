"""The knowledge base: articles that answer frequent problems, and how the right one is found.

Search ranks by Okapi BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework") over words and, as Chinese has no spaces,
over each character and each two beside each other.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from math import log
from operator import add
from typing import Final

from msgspec import Struct

from engine.core.conditions import Source
from engine.core.scripts import Text
from engine.core.text import IDEOGRAPHS, KeywordIndex, Negation, normalise

MOST_OFFERED: Final = 3
"""How many answers are offered for a ticket: whoever works on it reads no more."""

_SATURATION: Final = 1.2  # k1, its usual value: how soon a word that is said again counts no more
_LENGTH: Final = 0.75  # b, its usual value: how much a long text is marked down
_IN_TITLE: Final = 3  # a word of the title or a keyword counts as one said three times in the text
_RUN: Final = re.compile(f"[{IDEOGRAPHS}]+|[^\\W_{IDEOGRAPHS}]+")
_PLURAL: Final = re.compile(r"(?<=[a-z]{2}[a-rt-z])s$")
_DENIES_NOTHING: Final = Negation((), (), (), ())


class Article(Struct, frozen=True):
    """One answer. It fits tickets of `kinds` (none: of every kind) that say one of its `keywords`; `attachments` are names of files."""

    id: str
    title: Text
    text: Text
    kinds: tuple[str, ...]
    keywords: tuple[str, ...]
    attachments: tuple[str, ...]
    source: Source


class Knowledge:
    """All articles, and their index, which is made when it is first asked. `files` are attachments by name, in Base64."""

    def __init__(self, articles: Mapping[str, Article], files: Mapping[str, str]) -> None:
        self.articles = articles
        self.files = files

    def search(self, text: str) -> list[tuple[Article, float]]:
        """Return the articles that share words with `text`, the best first, each with its score; of equals the first by its id."""
        scores: dict[str, float] = defaultdict(float)
        for term in dict.fromkeys(_asked(text)):
            for id, weight in self._weights.get(term, {}).items():
                scores[id] += weight
        return [(self.articles[id], score) for id, score in sorted(scores.items(), key=lambda one: (-one[1], one[0]))]

    def offers(self, text: str, kind: str) -> list[Article]:
        """Return what to answer a ticket of this kind with: articles a keyword of which its text says, the best first."""
        said = self._keywords.mentions(text)
        fitting = (article for article, _ in self.search(text) if kind in article.kinds or not article.kinds)
        return [article for article in fitting if not said.keys().isdisjoint(article.keywords)][:MOST_OFFERED]

    @cached_property
    def _keywords(self) -> KeywordIndex:
        return KeywordIndex((word for article in self.articles.values() for word in article.keywords), _DENIES_NOTHING)

    @cached_property
    def _weights(self) -> Mapping[str, Mapping[str, float]]:
        """What each term adds to the score of each article that has it."""
        counted = {id: _counted(article) for id, article in self.articles.items()}
        mean = sum(terms.total() for terms in counted.values()) / max(len(counted), 1)
        holders = Counter(term for terms in counted.values() for term in terms)
        rarity = {term: (_SATURATION + 1) * log(1 + (len(counted) - held + 0.5) / (held + 0.5)) for term, held in holders.items()}
        weights: dict[str, dict[str, float]] = defaultdict(dict)
        for id, terms in counted.items():
            dulled = _SATURATION * (1 - _LENGTH + _LENGTH * terms.total() / mean)
            for term, times in terms.items():
                weights[term][id] = rarity[term] * times / (times + dulled)
        return weights


def _counted(article: Article) -> Counter[str]:
    heads = "\n".join([*article.title.values(), *article.keywords])
    return Counter([*_terms("\n".join(article.text.values())), *_IN_TITLE * _terms(heads)])


def _terms(text: str) -> list[str]:
    """Return the words of a text, English ones without their plural, and of Chinese each character and each two."""
    terms: list[str] = []
    for run in _RUN.findall(normalise(text)):
        if run[0] <= "\u2e80":
            terms.append(_PLURAL.sub("", run))
        else:
            terms += run
            terms += _pairs(run)
    return terms


def _asked(text: str) -> Iterator[str]:
    """Yield the terms to look for: single characters say too much, unless nothing else was said."""
    for run in _RUN.findall(normalise(text)):
        yield from (_PLURAL.sub("", run),) if len(run) == 1 or run[0] <= "\u2e80" else _pairs(run)


def _pairs(run: str) -> Iterator[str]:
    return map(add, run, run[1:])
