"""A form is a reply that cannot be misread: whatever somebody writes into it."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from msgspec.structs import replace as changed

from engine.core.answers import read_confirmation
from engine.core.model import SurveyState, Ticket
from engine.services import scores, verdict
from engine_web.customers import replies
from tests.core.worlds import WEDNESDAY, opened, shipped

POLICY = shipped()
TEXTS = st.text(max_size=60) | st.sampled_from(
    ["Y", "是的,解决了", "yes it works", "?", "满意吗?", "5 5 5", "1:1 2:1", "4: 5", "退订", "T", "谢谢", "N", "AC", "还没解决", "1.5 2.5"]
)


@cache
def ticket(language: str = "zh") -> Ticket:
    found = opened("你好" if language == "zh" else "hello there, my order is late").ticket
    assert found is not None
    assert found.language == language
    return found


def resolved(language: str = "zh", state: str = "resolved") -> Ticket:
    return changed(ticket(language), state=state)


def asked(survey: str) -> Ticket:
    return changed(ticket(), state="confirmed", survey=SurveyState(survey, WEDNESDAY, WEDNESDAY))


@pytest.mark.parametrize("language", ["zh", "en"])
@given(reason=TEXTS.map(str.strip).filter(bool))
def test_an_objection_is_read_as_one_whatever_its_reason(language: str, reason: str) -> None:
    text = replies.objection(resolved(language), POLICY, reason)
    assert text is not None
    assert text.endswith(reason)
    said = verdict(resolved(language), text, POLICY.replies)
    assert said is not None
    assert not said.agrees


def test_a_confirmation_is_offered_only_where_one_is_awaited() -> None:
    text = replies.confirmation(resolved(), POLICY)
    assert text is not None
    said = read_confirmation(text, POLICY.replies)
    assert said is not None
    assert said.agrees
    assert replies.confirmation(resolved(state="unconfirmed"), POLICY) is not None
    assert [replies.confirmation(resolved(state=state), POLICY) for state in ("new", "in_progress", "confirmed", "closed")] == [None] * 4
    assert [replies.objection(resolved(state=state), POLICY, "") for state in ("new", "in_progress", "closed")] == [None] * 3


@pytest.mark.parametrize("survey", ["after-closure", "relationship"])
@given(data=st.data())
def test_a_rating_is_read_as_it_was_given(survey: str, data: st.DataObject) -> None:
    of = asked(survey)
    found = replies.survey_of(of, POLICY)
    assert found is not None
    questions = replies.questions(found, POLICY, "zh")
    given_: dict[str, list[str]] = {}
    for question in questions:
        values = [value for value, _ in question.points]
        if not values:
            given_[question.name] = [data.draw(TEXTS)]
        elif question.many:
            given_[question.name] = data.draw(st.lists(st.sampled_from(values), min_size=1))
        else:
            given_[question.name] = [data.draw(st.sampled_from(values))]
    text = replies.rating(of, POLICY, questions, lambda name: given_.get(name, []))
    assert text is not None
    read = scores(of, text, POLICY)
    assert read is not None
    assert list(read.values.values()) == [int(given_[question.name][0]) for question in questions if question.score]
    for question, chosen in zip([one for one in questions if one.points and not one.score], read.choices.values(), strict=True):
        assert len(chosen) == len(set(given_[question.name]))


def test_what_is_not_answered_or_cannot_be_chosen_is_named() -> None:
    found = replies.survey_of(asked("after-closure"), POLICY)
    assert found is not None
    questions = replies.questions(found, POLICY, "zh")
    given_ = {"question_1": ["6"], "question_2": ["5"], "question_3": []}
    assert replies.unanswered(questions, lambda name: given_.get(name, [])) == ["question_1", "question_3"]


def test_a_survey_that_is_answered_or_over_asks_nothing_more() -> None:
    for more in ({"answered_at": WEDNESDAY}, {"expired": True}, {"sent_at": None}):
        state = replace(SurveyState("after-closure", WEDNESDAY, WEDNESDAY), **more)
        assert replies.survey_of(changed(ticket(), survey=state), POLICY) is None
