"""What a customer says by a form, put into the words by which the engine reads a reply: a form is a reply that cannot be misread.

So what customers may do on their page is decided where their mails and text messages are, by the same rules.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.services import Policy, Survey, Ticket, scores, verdict

Given = Callable[[str], Sequence[str]]
"""What a form holds under a name."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as a page asks it: `points` are what can be chosen (value, words); without any it is answered in words.

    `number` is the question's place in the questionnaire, by which a reply names it; `name` is that of its field.
    """

    number: int
    ask: str
    points: tuple[tuple[str, str], ...]
    many: bool
    score: bool

    @property
    def name(self) -> str:
        """What its field is called."""
        return f"question_{self.number}"


def confirmation(ticket: Ticket, policy: Policy) -> str | None:
    """Return the words that agree that it is solved; None where nothing waits for that."""
    return _first(policy.replies.confirm, ticket, policy, agrees=True)


def objection(ticket: Ticket, policy: Policy, reason: str) -> str | None:
    """Return the words that disagree, and why; None where there is nothing to disagree with."""
    # What stands before the reason keeps its own words from being read as a yes.
    lead = {"zh": "原因:", "en": "Reason: "}.get(ticket.language, "")
    texts = (f"{word}\n{lead}{reason}" if reason else word for word in policy.replies.object)
    return _first(texts, ticket, policy, agrees=False)


def _first(texts: Iterable[str], ticket: Ticket, policy: Policy, agrees: bool) -> str | None:
    for text in texts:
        said = verdict(ticket, text, policy.replies)
        if said is not None and said.agrees is agrees:
            return text
    return None


def survey_of(ticket: Ticket, policy: Policy) -> Survey | None:
    """Return the survey that waits for this customer's answer."""
    if ticket.survey is None or not ticket.survey.awaited:
        return None
    return next((one for one in policy.surveys if one.id == ticket.survey.survey), None)


def questions(survey: Survey, policy: Policy, language: str) -> list[Question]:
    """Return the questions of a survey in a language."""
    found = []
    for number, question in enumerate(survey.questions, 1):
        scale, points = question.scale, policy.points(question, language)
        ask = policy.text(question.ask, language)
        found.append(Question(number, ask, points, scale.many, bool(points) and not scale.options))
    return found


def unanswered(asked: Iterable[Question], given: Given) -> list[str]:
    """Return the names of the questions that are not answered, or with what cannot be chosen."""
    return [question.name for question in asked if question.points and not _chosen(question, given)]


def rating(ticket: Ticket, policy: Policy, asked: Sequence[Question], given: Given, call: str = "") -> str | None:
    """Return the reply that gives these answers, `call` behind the suggestion; None where the engine would not read it so."""
    lines, suggestion = [], ""
    for question in asked:
        if question.points:
            lines.append(f"{question.number}:{''.join(_chosen(question, given))}")
        elif words := " ".join(part for part in (*given(question.name), call) if part).strip():
            suggestion = f"{question.number}: {words}"
    text = "\n".join(filter(None, (*lines, suggestion)))
    return text if scores(ticket, text, policy) is not None else None


def _chosen(question: Question, given: Given) -> list[str]:
    known = [value for value, _ in question.points]
    chosen = [value for value in given(question.name) if value in known]
    return sorted(set(chosen), key=known.index) if question.many else chosen[:1]


def call_word(survey: Survey) -> str:
    """Return the word that asks for a call where nobody is called without it; empty where the survey needs none."""
    low = survey.low_score
    return low.opt_in[0] if survey.anonymity == "strict" and low is not None and low.opt_in else ""


def consent(policy: Policy, withdrawn: bool) -> str | None:
    """Return the word that ends automatic messages, or allows them again; None where the policy has none."""
    words = policy.replies.opt_out if withdrawn else policy.replies.opt_in
    return words[0] if words else None


def first(values: Mapping[str, Sequence[str]], name: str) -> str:
    """Return the first value under a name, trimmed; empty without one."""
    return next(iter(values.get(name, ())), "").strip()
