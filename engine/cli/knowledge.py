"""`engine knowledge`: the answers to frequent problems, found by what a customer says."""

import click

from engine.cli.session import FORMAT, Session, options
from engine.errors import NotFound


@click.group()
def group() -> None:
    """Find articles of the knowledge base. `engine ticket article` sends one; `engine kpi knowledge_use knowledge_accuracy` counts them."""


@group.command()
@options(FORMAT)
@click.argument("text")
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="How many at most.")
def search(session: Session, text: str, limit: int) -> None:
    """List the articles that share words with TEXT, the best first."""
    from engine.cli.output import say, say_json, table

    with session.desk() as desk:
        found = desk.policy.knowledge.search(text)[:limit]
        words = desk.words
    if session.json:
        say_json([{"id": one.id, "title": words.text(one.title), "score": score, "source": str(one.source)} for one, score in found])
    elif found:
        headings = [words.name(key) for key in ("article", "title", "score", "source")]
        table(headings, [(one.id, words.text(one.title), f"{score:.2f}", str(one.source)) for one, score in found])
    else:
        say(words.name("nothing"))


@group.command()
@options(FORMAT)
@click.argument("id")
def show(session: Session, id: str) -> None:
    """Show article ID as the customer gets it."""
    from engine.cli.output import clean, say, say_json
    from engine.policy.diagnostics import suggestion

    with session.desk() as desk:
        article, words = desk.policy.knowledge.articles.get(id), desk.words
        if article is None:
            raise NotFound(f"there is no article {id!r}; {suggestion(id, desk.policy.knowledge.articles)}")
    if session.json:
        say_json(article)
        return
    say(words.text(article.title), "bold")
    say(f"\n{clean(words.text(article.text))}\n")
    about = {"kind": map(words.name, article.kinds), "keywords": article.keywords, "attachments": article.attachments}
    for key, values in about.items():
        if said := ", ".join(values):
            say(f"  {words.name(key)}: {said}", "dim")
