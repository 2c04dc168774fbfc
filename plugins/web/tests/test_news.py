"""News where several processes decide on one PostgreSQL: in order, and nothing is ever left out."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.store import Store, Transaction, open_store
from engine_web import news as news_room
from engine_web.news import News
from tests.store.samples import NOW, folded, opening, record
from tests.support.counts import scaled
from tests.support.postgresql import Server
from tests.support.waiting import wait_until

WRITERS = 4


@pytest.fixture(scope="module")
def stores(postgresql: Server) -> Iterator[list[Store]]:
    """As many processes' worth of stores on one database."""
    url = postgresql.url(postgresql.new_database())
    opened = [open_store(url) for _ in range(WRITERS)]
    yield opened
    for store in opened:
        store.close()


@pytest.fixture
def begin(stores: list[Store]) -> int:
    """What is the latest decision before anything happens."""
    return News(stores[0]).latest()


def decided(tx: Transaction, **changes: Any) -> int:
    """Open a ticket; return the id of the decision."""
    events = opening(tx.next_number(NOW.date()))
    return tx.append(0, folded(None, events, NOW), events, record(**changes))


def ids(news: News, after: int, patience: float = 0.0) -> list[int]:
    return [row.id for row in news.since(after, patience=patience)]


def test_what_was_kept_is_no_news_before_those_that_took_a_lower_id_have_kept_or_undone_theirs(stores: list[Store], begin: int) -> None:
    news = News(stores[2])
    with stores[0].write() as slow:
        first = decided(slow)
        with suppress(InterruptedError), stores[1].write() as undone:
            decided(undone)
            with stores[3].write() as quick:
                last = decided(quick)
            with stores[2].read() as view:
                assert [row.id for row in view.news(begin, last, 9)] == [last], "it is kept"
            assert ids(news, begin) == []
            raise InterruptedError
        assert ids(news, begin) == []
    assert ids(news, begin) == [first, last]


def test_whoever_only_reads_and_writes_other_things_holds_nothing_up(stores: list[Store], begin: int) -> None:
    with stores[0].write() as other, stores[1].read() as long:
        other.set_meta("something", "else")
        assert long.latest_news() == begin
        with stores[2].write() as tx:
            kept = decided(tx)
        assert ids(News(stores[3]), begin) == [kept]


def test_a_crowd_that_is_never_gone_holds_nothing_up(stores: list[Store], begin: int) -> None:
    news, kept, heard = News(stores[3]), list[int](), list[list[int]]()
    with ExitStack() as one:
        kept.append(decided(one.enter_context(stores[0].write())))
        for n in range(1, 6):
            other = ExitStack()
            kept.append(decided(other.enter_context(stores[n % 2].write())))
            one.close()  # somebody is always deciding
            heard.append(ids(news, begin))
            one = other
        one.close()
    assert heard == [[], *(kept[:n] for n in range(1, 5))]


def test_one_that_waits_in_the_middle_of_its_first_statement_is_waited_for(stores: list[Store], begin: int) -> None:
    """It has a number then, and no transaction id before."""
    news = News(stores[3])

    def decide() -> int:
        with stores[1].write() as tx:
            return decided(tx, inbox=77)

    with ThreadPoolExecutor(1) as pool:
        with suppress(InterruptedError), stores[0].write() as held:
            held.record_refusal(None, record(inbox=77))
            waits = pool.submit(decide)
            wait_until(lambda: len(deciding(stores[3])) == 2, "the second waits for the first")
            with stores[2].write() as tx:
                last = decided(tx)
            assert ids(news, begin) == []
            raise InterruptedError
        first = waits.result(timeout=20)
    assert first < last
    assert ids(news, begin) == [first, last]


def deciding(store: Store) -> frozenset[str]:
    with store.read() as view:
        return view.deciding()


def test_who_asks_once_waits_for_those_who_are_just_deciding(stores: list[Store], begin: int) -> None:
    news = News(stores[3])
    with ThreadPoolExecutor(1) as pool:
        with stores[0].write() as slow:
            first = decided(slow)
            with stores[1].write() as quick:
                last = decided(quick)
            asked = pool.submit(ids, news, begin, 60.0)
            wait_until(lambda: news._mark == last, "somebody asks")
            assert not asked.done()
        assert asked.result(timeout=20) == [first, last]


def test_who_asks_once_does_not_wait_for_ever(stores: list[Store], begin: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news_room, "PATIENCE", 0.05)
    settled = News(stores[3])
    assert settled.latest() == begin
    with stores[0].write() as slow:
        decided(slow)
        assert ids(settled, begin, 0.05) == []
        assert settled.latest() == begin
        with pytest.raises(EngineError, match="cannot be told yet"):
            News(stores[2]).latest()


def test_a_process_hears_of_what_another_did_without_being_told(stores: list[Store], begin: int) -> None:
    def write() -> int:
        with stores[1].write() as tx:
            return decided(tx)

    async def watch() -> tuple[int, list[int]]:
        stream = News(stores[0]).follow(begin)
        hears = asyncio.ensure_future(anext(stream))
        kept = await asyncio.to_thread(write)
        return kept, [row.id for row in await asyncio.wait_for(hears, 5)]

    kept, heard = asyncio.run(watch())
    assert heard == [kept]


STEPS = st.lists(
    st.tuples(st.integers(0, WRITERS - 2), st.sampled_from(["decide", "decide", "undo one", "keep", "undo", "look"])), max_size=40
)


@settings(max_examples=scaled(500))
@given(STEPS)
def test_however_transactions_overlap_all_that_is_kept_is_news_once_and_in_order(stores: list[Store], steps: list[tuple[int, str]]) -> None:
    news = News(stores[-1])
    begin = after = news.latest()
    opened: dict[int, tuple[ExitStack, Transaction, list[int]]] = {}
    kept, heard = list[int](), list[int]()

    def end(who: int, undo: bool) -> None:
        stack, _, mine = opened.pop(who)
        with suppress(InterruptedError), stack:
            if undo:
                raise InterruptedError
            kept.extend(mine)

    for who, step in steps:
        if step == "look":
            heard += [row.id for row in news.since(after)]
            after = heard[-1] if heard else begin
            if not opened:
                assert heard == sorted(kept)
            continue
        if who not in opened:
            stack = ExitStack()
            opened[who] = stack, stack.enter_context(stores[who].write()), []
        _, tx, mine = opened[who]
        if step == "decide":
            mine.append(decided(tx))
        elif step == "undo one":
            with suppress(InterruptedError), tx.savepoint():
                decided(tx)
                raise InterruptedError
        else:
            end(who, undo=step == "undo")
    for who in list(opened):
        end(who, undo=False)
    assert heard + ids(news, after) == sorted(kept)


def test_while_many_write_at_once_whoever_follows_hears_all_of_it_in_order(stores: list[Store], begin: int, seed: int) -> None:
    def work(store: Store, chance: random.Random) -> list[int]:
        kept = list[int]()
        for _ in range(scaled(500)):
            with suppress(InterruptedError), store.write() as tx:
                mine = [decided(tx) for _ in range(chance.randint(1, 3))]
                if chance.random() < 0.2:
                    raise InterruptedError
                kept += mine
        return kept

    news, heard = News(stores[-1]), [begin]
    with ThreadPoolExecutor(WRITERS - 1) as pool:
        working = [pool.submit(work, store, random.Random(seed + n)) for n, store in enumerate(stores[:-1])]
        while not all(one.done() for one in working):
            heard += ids(news, heard[-1])
        kept = [id for one in working for id in one.result()]
    heard += ids(news, heard[-1])
    assert heard[1:] == sorted(kept)
