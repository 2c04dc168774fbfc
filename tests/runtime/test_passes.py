"""The secrets in links: one thing, once, for a time; and none of them in the database."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.runtime import passes
from tests.core.worlds import DAY, WEDNESDAY, House

SECOND = DAY / 86_400


@pytest.fixture
def issued() -> tuple[House, str, str]:
    house = House()
    number = house.mail("你好")
    with house.store.write() as tx:
        secret = passes.issue(tx, random.SystemRandom(), "survey", number, "customer", WEDNESDAY + DAY)
    return house, number, secret


def test_a_secret_is_good_for_its_purpose_once(issued: tuple[House, str, str]) -> None:
    house, number, secret = issued
    assert (len(secret), int(secret, 16) > 0) == (48, True)
    with house.store.read() as reader:
        assert passes.look(reader, secret, "confirm", WEDNESDAY) is None
        for _ in range(2):  # looking uses nothing up
            found = passes.look(reader, secret, "survey", WEDNESDAY)
            assert found is not None
            assert (found.ticket, found.party) == (number, "customer")
    with house.store.write() as tx:
        assert passes.use(tx, secret, "confirm", WEDNESDAY) is None
        assert passes.use(tx, secret, "survey", WEDNESDAY) is not None
        assert passes.use(tx, secret, "survey", WEDNESDAY) is None
        assert passes.look(tx, secret, "survey", WEDNESDAY) is None


def test_it_is_over_at_the_instant_it_expires(issued: tuple[House, str, str]) -> None:
    house, _, secret = issued
    with house.store.write() as tx:
        assert passes.look(tx, secret, "survey", WEDNESDAY + DAY - SECOND) is not None
        assert passes.use(tx, secret, "survey", WEDNESDAY + DAY) is None


def test_of_many_at_once_one_wins(issued: tuple[House, str, str]) -> None:
    house, _, secret = issued

    def use(_: int) -> bool:
        with house.store.write() as tx:
            return passes.use(tx, secret, "survey", WEDNESDAY) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(50))) == 1


def test_the_database_holds_no_secret(issued: tuple[House, str, str]) -> None:
    house, _, secret = issued
    assert secret.encode() not in b"".join(path.read_bytes() for path in house.folder.glob("engine.db*"))


def test_what_was_never_issued_opens_nothing(issued: tuple[House, str, str]) -> None:
    house, _, secret = issued
    other = f"{int(secret, 16) ^ 1:048x}"
    with house.store.write() as tx:
        for wrong in (other, secret[:-1], "", "'; DROP TABLE pass; --"):
            assert passes.use(tx, wrong, "survey", WEDNESDAY) is None
