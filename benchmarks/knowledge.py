"""How well the search of the knowledge base finds: precision at 3 and recall on questions as customers put them; and what it costs.

python -P benchmarks/knowledge.py
"""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import yaml

from engine.core.conditions import Source
from engine.core.knowledge import MOST_OFFERED, Article, Knowledge
from engine.policy import compile_policy
from engine.resources import shipped_policies

_SET = Path(__file__).with_suffix(".yaml")
_MANY = 500


def main() -> None:
    """Print the figures."""
    known, questions = knowledge()
    found = {text: [one.id for one, _ in known.search(text)] for text, _ in questions}
    figures = measured([(found[text], wanted) for text, wanted in questions])
    click.echo(f"{len(known.articles)} articles, {len(questions)} questions, {sum(len(wanted) for _, wanted in questions)} answers to find")
    for name, value in figures.items():
        click.echo(f"{name:18} {value:.2f}")
    for text, wanted in questions:
        if missed := set(wanted) - set(found[text][:MOST_OFFERED]):
            click.echo(f"  not in the first three: {', '.join(sorted(missed))} for {text!r}")
    copies = range(_MANY // len(known.articles))
    many = Knowledge({f"{id}-{copy}": one for copy in copies for id, one in known.articles.items()}, {})
    built, begun = _timed(many, "退款"), perf_counter()
    for text, _ in questions:
        many.search(text)
    each = (perf_counter() - begun) / len(questions)
    click.echo(f"{len(many.articles)} articles: index {1000 * built:.0f} ms once, a search {1000 * each:.2f} ms")


def knowledge() -> tuple[Knowledge, list[tuple[str, list[str]]]]:
    """Return the shipped articles with those of the set, and the questions with the articles that answer each."""
    written: Mapping[str, Any] = yaml.safe_load(_SET.read_text(encoding="utf-8"))
    shipped = compile_policy(shipped_policies()).policy
    here = Source(_SET.name, 1)
    more = {one["id"]: Article(one["id"], one["title"], one["text"], (), tuple(one["keywords"]), (), here) for one in written["articles"]}
    return Knowledge({**(shipped.knowledge.articles if shipped else {}), **more}, {}), [
        (text, wanted) for text, wanted in written["questions"]
    ]


def measured(answers: list[tuple[list[str], list[str]]]) -> dict[str, float]:
    """Return the means over questions. What is found at most is as many as are wanted, so that the best precision is that share of 3."""
    n = len(answers)
    hits = [(found[:MOST_OFFERED], wanted) for found, wanted in answers]
    return {
        "first is right": sum(found[:1] != [] and found[0] in wanted for found, wanted in hits) / n,
        "precision at 3": sum(len(set(found) & set(wanted)) / MOST_OFFERED for found, wanted in hits) / n,
        "  best there can be": sum(len(wanted) / MOST_OFFERED for _, wanted in hits) / n,
        "recall at 3": sum(len(set(found) & set(wanted)) / len(wanted) for found, wanted in hits) / n,
        "recall": sum(len(set(found) & set(wanted)) / len(wanted) for found, wanted in answers) / n,
    }


def _timed(known: Knowledge, text: str) -> float:
    begun = perf_counter()
    known.search(text)
    return perf_counter() - begun


if __name__ == "__main__":
    main()
