"""Tokens, addresses, timers."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.model import CUSTOMER
from engine.runtime import timers
from engine.runtime.addresses import normalise
from engine.runtime.tokens import Tokens
from tests.core.worlds import DAY, HOUR, House

AGENTS = ("qian", "a_b", "a-b", "Ann", "ann", "钱伟", "x" * 64)
TOKENS = Tokens(b"key", AGENTS)


@given(st.integers(1, 10**13), st.sampled_from((CUSTOMER, *AGENTS)))
def test_a_token_proves_its_ticket_and_party_and_fits_into_an_address(number: int, party: str) -> None:
    ticket = f"{number:012d}"
    token = TOKENS.make(ticket, party)
    assert TOKENS.read(token) == (ticket, party)
    assert TOKENS.read(token.upper()) == (ticket, party)
    assert len(token) <= 60
    assert token.isascii()
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_token_with_any_character_changed_proves_nothing(position: int, character: str) -> None:
    token = TOKENS.make("202603040001", CUSTOMER)
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    assert (TOKENS.read(changed) is None) is (changed.casefold() != token)


@pytest.mark.parametrize("text", ["", ".", "..", "202603040001.c", "202603040001.c.", "é.c.x", "ſ.c.x"])
def test_what_is_no_token_proves_nothing(text: str) -> None:
    assert TOKENS.read(text) is None


def test_a_token_of_another_installation_or_of_one_who_left_proves_nothing() -> None:
    assert Tokens(b"other", AGENTS).read(TOKENS.make("202603040001", CUSTOMER)) is None
    assert Tokens(b"key", ()).read(TOKENS.make("202603040001", "qian")) is None


def test_a_link_leads_to_its_ticket_only_and_is_believed_by_no_mail() -> None:
    tokens = Tokens(b"key", AGENTS, "https://service.example.test")
    link = tokens.among(()).link("202603040001")
    start, _, end = link.rpartition("/")
    assert (start, len(end)) == ("https://service.example.test/r", 39)
    assert tokens.linked(end) == tokens.linked(end.upper()) == "202603040001"
    assert tokens.read(end) is None
    wrong = ["", ".", "202603040001", end[:-1], end.replace("1.", "2."), tokens.make("202603040001", CUSTOMER), "é.é"]
    assert [tokens.linked(text) for text in wrong] == [None] * len(wrong)
    assert Tokens(b"other", AGENTS).linked(end) is None


def test_without_a_public_address_there_is_no_link() -> None:
    assert TOKENS.link("202603040001") == ""


@pytest.mark.parametrize(
    ("kind", "raw", "stored"),
    [
        ("phone", "13912345678", "+8613912345678"),
        ("phone", " 139-1234-5678 ", "+8613912345678"),
        ("phone", "0086 139 1234 5678", "+8613912345678"),
        ("phone", "8613912345678", "+8613912345678"),
        ("phone", "(010) 8888 8888", "+861088888888"),
        ("phone", "+1 212 555 2368", "+12125552368"),
        ("phone", "10086", "10086"),
        ("phone", "MingYuan", "MingYuan"),
        ("phone", "", ""),
        ("email", " Chen@Example.TEST ", "chen@example.test"),
    ],
)
def test_an_address_is_stored_in_one_form(kind: str, raw: str, stored: str) -> None:
    assert normalise(kind, raw, "CN") == stored


@given(st.text(max_size=30), st.sampled_from(["phone", "email"]))
def test_the_stored_form_is_stored_as_it_is(raw: str, kind: str) -> None:
    once = normalise(kind, raw, "CN")
    assert normalise(kind, once, "CN") == once


# ── timers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_timer_fires_once_when_it_is_due_and_not_before() -> None:
    house = House()
    number = house.mail("你好")
    assert timers.fire(house.store, house.world, house.now + HOUR - timedelta(seconds=1), hold=False) == []
    fired = timers.fire(house.store, house.world, house.now + HOUR, hold=False)
    assert [outcome.ticket for outcome in fired] == [number]
    assert timers.fire(house.store, house.world, house.now + HOUR, hold=False) == []


def test_a_timer_that_fails_is_tried_again_and_set_aside_and_the_others_fire() -> None:
    house = House()
    number = house.mail("你好")
    with house.store.write() as tx:
        tx.start_timer(number, "deadline/plan/step/response-and-plan/nonsense/1", house.now)
    house.now += HOUR
    assert len(timers.fire(house.store, house.world, house.now, hold=False)) == 1
    for _ in range(house.world.retries.attempts):
        with house.store.read() as reader:
            assert reader.due_timers(house.now, 10) == []
        house.now += DAY
        timers.fire(house.store, house.world, house.now, hold=False)
    with house.store.read() as reader:
        [dead] = reader.dead_timers(10)
    assert "ValueError" in (dead.error or "")
