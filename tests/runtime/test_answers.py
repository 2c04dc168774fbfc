"""Answers move into storage together; nothing there leads back to whose they are."""

import json
import random
import sqlite3
from collections import defaultdict

from msgspec.structs import replace

from engine.runtime.answers import settle
from tests.core.worlds import DAY, HOUR, House, shipped
from tests.support.counts import scaled

ASKED = scaled(1_000)


def stored(house: House) -> dict[str, dict[str, int]]:
    with house.store.read() as reader:
        return {row.id: dict(row.scores) for row in reader.answers()}


def waiting(house: House) -> int:
    with house.store.read() as reader:
        return len(reader.waiting_answers())


def answer(house: House, scores: str) -> None:
    number = house.surveyed(sender=f"c{scores.replace(' ', '')}-{house.now.timestamp():.0f}@example.test")
    house.mail(scores, number)
    settle(house.store, house.world, house.now, hold=False)


def test_four_wait_and_the_fifth_takes_all_along() -> None:
    house = House()
    for nth in range(1, 5):
        answer(house, "5 5 5")
        assert (stored(house), waiting(house)) == ({}, nth)
    answer(house, "4 4 4")
    assert (len(stored(house)), waiting(house)) == (5, 0)


def test_a_follow_up_does_not_wait_for_others_and_takes_only_its_own_answer_along() -> None:
    house = House()
    answer(house, "5 5 5")
    answer(house, "1 1 1")
    assert stored(house) == {}
    house.wait(4 * HOUR)
    assert ([row["speed"] for row in stored(house).values()], waiting(house)) == ([1], 1)
    house.wait(30 * DAY)
    assert waiting(house) == 1


def test_what_a_policy_that_has_no_such_survey_any_more_left_waiting_is_kept() -> None:
    house = House()
    answer(house, "5 5 5")
    house.world = replace(house.world, policy=replace(shipped(), surveys=()))
    settle(house.store, house.world, house.now, hold=False)
    assert (len(stored(house)), waiting(house)) == (1, 0)


def test_nothing_in_the_database_or_its_journal_links_an_answer_in_storage_to_its_ticket() -> None:
    """Each answer carries a mark that only the test knows; what the files hold must not lead from it to the ticket.

    Linking by order (of row, of id, in the file) is tried with the tickets in the order of their answers: as many hits as chance gives.
    """
    day_and_night = tuple(replace(one, quiet=None) for one in shipped().surveys)
    house = House(replace(shipped(), surveys=day_and_night))
    truth: dict[str, str] = {}
    order: list[str] = []
    chance = random.Random(5)
    for nth in range(ASKED):
        number = house.surveyed(sender=f"c{nth}@example.test")
        mark = f"{chance.getrandbits(64):016x}"
        house.mail(f"{chance.randint(4, 5)} {chance.randint(4, 5)} {chance.randint(4, 5)} {mark}", number)
        settle(house.store, house.world, house.now, hold=False)
        truth[mark] = number
        order.append(number)
    whole = len(order) // 5 * 5
    with sqlite3.connect(house.folder / "engine.db") as connection:
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables_of(connection)}
    connection.close()
    holding = defaultdict(set)
    for table, found in rows.items():
        text = json.dumps(found, default=repr)
        for mark in truth:
            if mark in text:
                holding[mark].add(table)
    assert {mark for mark in truth if holding[mark] == {"survey_answer"}} == set(list(truth)[:whole])
    assert not [mark for mark in list(truth)[whole:] if holding[mark]]

    kept = [(id, suggestion) for id, _, _, _, suggestion, _ in rows["survey_answer"]]
    assert not [
        id for id, _ in kept if any(id in json.dumps(found, default=repr) for name, found in rows.items() if name != "survey_answer")
    ]
    raw = b"".join(path.read_bytes() for path in sorted(house.folder.glob("engine.db*")))
    assert all(raw.count(mark.encode()) == 1 for mark in list(truth)[:whole])  # nothing of the mails, nothing of a row that moved
    by_place = [mark for _, mark in sorted((raw.index(mark.encode()), mark) for _, mark in kept)]
    by_id = [mark for _, mark in sorted(kept)]
    for guess in (by_place, by_id, [*reversed(by_place)]):
        hits = sum(truth[mark] == number for mark, number in zip(guess, order, strict=False))
        assert hits <= 8  # by chance one in the mean, whatever their number; more than eight is one in a million


def tables_of(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'") if "sqlite" not in name]
