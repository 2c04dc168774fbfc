"""Reviews of quality: what points come to, who scores, and that a review is work of the house like any other."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core import events as e
from engine.core.conditions import Source
from engine.core.quality import Form, Item, Review, score
from engine.core.signals import TicketRequested
from tests.core.worlds import DAY, WEDNESDAY, House, shipped

ITEMS = (Item("greeting", {}, 0.2, 5, False), Item("identity", {}, 0.3, 2, True), Item("calming", {}, 0.5, 4, False))
FORM = Form(queue="supervisors", share=0.1, at_least=1, by=("agent",), items=ITEMS, source=Source("quality.yaml", 1))
ALL_FIVE = {"greeting": 5, "identity": 5, "calming": None, "correctness": 4, "closing": 5}


def test_a_score_is_the_weighted_mean_of_what_was_reached() -> None:
    """100 (0.2 · 4/5 + 0.3 · 2/2 + 0.5 · 1/4) / 1 = 58.5."""
    value, failed = score(FORM, {"greeting": 4, "identity": 2, "calming": 1})
    assert value == pytest.approx(58.5)
    assert failed is False


def test_what_did_not_apply_is_in_neither_sum() -> None:
    """100 (0.2 · 4/5 + 0.3) / 0.5 = 92."""
    value, _ = score(FORM, {"greeting": 4, "identity": 2, "calming": None})
    assert value == pytest.approx(92)


def test_a_critical_item_without_any_point_fails_the_whole() -> None:
    assert score(FORM, {"greeting": 5, "identity": 0, "calming": 4}) == (0, True)
    assert score(FORM, {"greeting": 0, "identity": 1, "calming": 0})[0] == pytest.approx(15)


@given(st.fixed_dictionaries({one.id: st.none() | st.integers(0, one.points) for one in ITEMS}))
def test_a_score_lies_between_0_and_100_and_more_points_never_lower_it(points: dict[str, int | None]) -> None:
    if all(got is None for got in points.values()):
        return
    value, failed = score(FORM, points)
    assert 0 <= value <= 100 + 1e-9
    for one in ITEMS:
        if (got := points[one.id]) is not None and got < one.points and not failed:
            assert score(FORM, {**points, one.id: got + 1})[0] >= value


def drawn(house: House, review: Review, reviewer: str = "li") -> str:
    signal = TicketRequested("review", "supervisors", str(review.ticket), "email", "zh", assignee=reviewer, actor="zhou", review=review)
    ticket = house.handle(signal).first.ticket
    assert ticket is not None
    return ticket.number


WORK = Review("zhao", "202603040001", "inquiry", "general", "email", "front_desk")


def test_a_review_is_its_reviewers_and_due_in_a_week() -> None:
    house = House()
    number = drawn(house, WORK)
    ticket = house.ticket(number)
    assert (ticket.kind, ticket.assignee, ticket.review) == ("review", "li", WORK)
    assert ticket.deadlines["review"].due == WEDNESDAY + 7 * DAY
    house.until(WEDNESDAY + 8 * DAY)
    assert {row.party for row in house.messages(number, script="breach_notice")} >= {"li"}


def test_scoring_ends_a_review_and_keeps_points_score_and_words() -> None:
    house = House()
    number = drawn(house, WORK)
    house.done(number, "score", "li", "没有自报姓名", points=ALL_FIVE)
    ticket = house.ticket(number)
    assert ticket.state == "closed"
    assert ticket.deadlines["review"].met is True
    expected = 100 * (0.10 + 0.15 + 0.45 * 4 / 5 + 0.15) / 0.85
    assert ticket.review is not None
    assert ticket.review.score == pytest.approx(expected)
    assert ticket.review == replace(WORK, reviewer="li", points=ALL_FIVE, score=ticket.review.score)
    (event,) = [one for one in house.log(number) if isinstance(one, e.ReviewScored)]
    assert house.text(event.content) == "没有自报姓名"
    assert "cannot happen" in str(house.act(number, "score", "li", points=ALL_FIVE).refused), "once only"


def test_a_visit_of_a_mystery_shopper_is_scored_as_it_is_entered() -> None:
    house = House()
    number = drawn(house, Review("zhao", channel="phone", points=ALL_FIVE | {"identity": 0}))
    ticket = house.ticket(number)
    assert ticket.review is not None
    assert (ticket.state, ticket.review.score, ticket.review.failed, ticket.review.reviewer) == ("closed", 0, True, "zhou")


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ({}, "greeting is missing"),
        ({**ALL_FIVE, "greeting": 6}, "greeting=6"),
        ({**ALL_FIVE, "greeting": -1}, "greeting=-1"),
        ({**ALL_FIVE, "smile": 1}, "smile=1"),
        (dict.fromkeys(ALL_FIVE), "not everywhere"),
    ],
)
def test_points_that_the_form_does_not_have_are_refused(points: Mapping[str, int | None], said: str) -> None:
    house = House()
    assert said in str(house.act(drawn(house, WORK), "score", "li", points=points).refused)


def test_nobody_scores_their_own_work() -> None:
    house = House()
    number = drawn(house, WORK)
    assert "zhao did this work and cannot review it" in str(house.act(number, "score", "zhao", points=ALL_FIVE).refused)
    own = TicketRequested("review", "supervisors", "x", "email", "zh", assignee="li", actor="li", review=Review("li", points=ALL_FIVE))
    assert "li did this work" in str(house.handle(own).first.refused)


def test_only_a_review_is_scored_and_only_by_a_form() -> None:
    house = House()
    assert "is no review" in str(house.act(house.mail("请问营业时间"), "score", "li", points=ALL_FIVE).refused)
    formless = House(replace(shipped(), quality=None))
    assert "no form" in str(formless.act(drawn(formless, WORK), "score", "li", points=ALL_FIVE).refused)


def test_a_score_of_no_review_changes_nothing_of_a_ticket() -> None:
    """A log that was written otherwise still replays."""
    from engine.core.lifecycle import evolve

    house = House()
    ticket = house.ticket(house.mail("请问营业时间"))
    assert evolve(ticket, e.ReviewScored("li", 90.0, False), WEDNESDAY).review is None
