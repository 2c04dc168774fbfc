"""What the knowledge base says to a question, before a person is asked."""

from dataclasses import dataclass

from engine.services import NEEDS, Policy


@dataclass(frozen=True, slots=True)
class Answered:
    """An article in one language."""

    id: str
    title: str
    text: str


def answers(policy: Policy, question: str, language: str) -> list[Answered]:
    """Return the articles that fit a question, of whatever kind it is, the best first: those a keyword of which it says."""
    fitting = {one.id for kind in NEEDS for one in policy.knowledge.offers(question, kind)}
    found = (article for article, _ in policy.knowledge.search(question) if article.id in fitting)
    return [Answered(one.id, policy.text(one.title, language), policy.text(one.text, language)) for one in found]
