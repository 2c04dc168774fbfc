"""A case by itself (`engine explain --ticket`): when it begins, and what is refused."""

from datetime import UTC, datetime

import pytest

from engine.policy.cases import USUAL, CaseLoad, load_case, load_cases, with_usual
from tests.policy.support import SHIPPED, shipped_policy, shipped_team

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)
TICKET = "ticket: {channel: sms, text: 发票}\n"
START = 'start: "2026-03-04T10:00:00+08:00"\n'


def load(text: str | bytes, at: datetime | None = None) -> CaseLoad:
    people = shipped_team().team
    assert people is not None
    return load_case("case.yaml", text if isinstance(text, bytes) else text.encode(), shipped_policy(), people, USUAL, NOW, at)


@pytest.mark.parametrize(
    ("text", "at", "start"),
    [
        (TICKET, None, NOW),
        (START + TICKET, None, datetime(2026, 3, 4, 2, 0, tzinfo=UTC)),
        (START + TICKET, LATER, LATER),
        (TICKET, LATER, LATER),
        ('{"ticket": {"channel": "email", "text": "a bill"}}', None, NOW),
    ],
)
def test_a_case_begins_when_the_caller_says_else_when_it_says_itself_else_now(text: str, at: datetime | None, start: datetime) -> None:
    loaded = load(text, at)
    assert loaded.diagnostics == ()
    [case] = loaded.cases
    assert (case.name, case.start, case.times) == ("case.yaml", start, ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff", "CL102"),
        ("ticket: [", "CL101"),
        ("", "CL116"),
        ("- ticket", "CL203"),
        (START, "CL202"),
        (TICKET + "call: {direction: inbound, outcome: answered}\n", "CL202"),
        (TICKET + "steps: []\n", "CL201"),
        (TICKET + "customer: {phone: no}\n", "CL113"),
        (TICKET + 'start: "2026-02-30T10:00:00+08:00"\n', "CL502"),
        (TICKET.replace("sms", "smoke"), "CL641"),
    ],
)
def test_whatever_is_wrong_is_one_diagnostic(text: str | bytes, said: str) -> None:
    loaded = load(text)
    assert (loaded.cases, [item.code for item in loaded.diagnostics]) == ((), [said])


def test_the_shipped_cases_are_sound() -> None:
    people = shipped_team().team
    assert people is not None
    loaded = load_cases(SHIPPED, shipped_policy(), people)
    assert (bool(loaded.cases), loaded.diagnostics) == (True, ())


def test_a_deployments_own_channels_may_be_named_beside_the_usual_ones_and_its_first_sender_is_preferred() -> None:
    found = with_usual({"letter": "email", "sms": "phone", "hook": "url"}, ["hook", "sms", "letter"], "DE")
    assert found.kinds == {**USUAL.kinds, "letter": "email"}
    assert (found.senders, found.region) == (("sms", "letter", "email"), "DE")
