"""Quality reviews: which are drawn, what points come to, and a review that nobody does."""

from collections.abc import Iterator

from engine.core.quality import Review, score
from engine.core.signals import TicketRequested
from tests.policy_figures.house import House
from tests.policy_figures.lab import Lab, probe

ABOUT = r"quality\.yaml|sla\.yaml:(deadlines\.review|escalations\[2\])"


def review(house: House) -> str:
    work = Review("wang", house.mail("请问营业时间"), "inquiry", "general", "email", "front_desk")
    request = TicketRequested("review", "supervisors", "质检", "email", "zh", assignee="li", actor="zhou", review=work)
    return house.handle(request) or ""


@probe(ABOUT)
def the_form(lab: Lab) -> Iterator[str]:
    form = lab.policy.quality
    assert form is not None
    yield f"{form.queue} {form.share} {form.at_least} {form.by} {form.twice} {form.schedule}"
    yield from (f"{item.id} {item.label} {item.points} {item.critical}" for item in form.items)
    for spared in form.items:
        yield str(score(form, {item.id: 1 if item is spared else item.points for item in form.items}))


@probe(ABOUT)
def a_review_left_alone_and_one_that_is_done(lab: Lab) -> Iterator[str]:
    for english in (False, True):
        with lab.house(english_team=english) as house:
            review(house)
            house.later(days=12)
        yield from house.log
    with lab.house() as house:
        number = review(house)
        form = lab.policy.quality
        house.act(number, "score", "很好", actor="li", points={item.id: item.points for item in form.items} if form else {})
        house.later(days=12)
    yield from house.log
