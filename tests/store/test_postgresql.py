"""What only a server can do to a store, and what only a store on a server must do: share, wait, deadlock, go away."""

import random
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from yoyo import read_migrations

from engine.errors import ConfigurationError
from engine.store import Conflict, Store, StoreFailed, TicketQuery, Transaction, open_store
from engine.store.postgresql import store as postgresql_store
from engine.store.postgresql.migrations import Backend
from engine.store.postgresql.session import translated
from engine.store.sql.schema import MIGRATIONS
from tests.store.samples import MINUTE, NOW, customer, message, open_ticket, problems
from tests.support.postgresql import PASSWORD, Server
from tests.support.waiting import wait_until


@pytest.fixture
def stores(database: str) -> Iterator[list[Store]]:
    """Three processes' worth of stores on one database."""
    opened = [open_store(database) for _ in range(3)]
    yield opened
    for store in opened:
        store.close()


# ── many processes ──────────────────────────────────────────────────────────────────────────────────────────────────


def fill(store: Store, count: int) -> list[str]:
    with store.write() as tx:
        numbers = [open_ticket(tx).number for _ in range(count)]
        for n, number in enumerate(numbers):
            tx.accept("email", f"{n}", NOW, "{}", b"")
            tx.start_timer(number, "remind", NOW + n * MINUTE)
            tx.queue_message(message(f"m-{n}", number, created_at=NOW + n * MINUTE))
    return numbers


CLAIMS = {
    "inbox": lambda tx, limit: [row.source_id for row in tx.pending_inbox(NOW + 9 * MINUTE, limit)],
    "timers": lambda tx, limit: [row.ticket[-1] for row in tx.due_timers(NOW + 9 * MINUTE, limit)],
    "outbox": lambda tx, limit: [row.id[-1] for row in tx.claim_messages("email", NOW + 9 * MINUTE, limit)],
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_what_one_has_claimed_another_passes_over_and_gets_when_it_is_given_up(stores: list[Store], claim) -> None:
    fill(stores[0], 4)
    with stores[0].write() as one:
        mine = claim(one, 2)
        with stores[1].write() as two:
            assert len(claim(two, 1)) == 1
            with suppress(InterruptedError), stores[2].write() as three:
                assert len(claim(three, 9)) == 1
                assert claim(three, 9)[:1] != mine[:1]
                raise InterruptedError
    with stores[2].write() as again:
        given_up = claim(again, 9)
    assert len(given_up) == (1 if claim is CLAIMS["outbox"] else 4)


def test_a_timer_waits_for_the_ticket_it_belongs_to(stores: list[Store]) -> None:
    number, other = fill(stores[0], 2)
    with stores[0].write() as one:
        assert one.hold_ticket(number)
        with stores[1].write() as two:
            assert [row.ticket for row in two.due_timers(NOW + 9 * MINUTE, 9)] == [other]


def test_who_holds_a_ticket_changes_it_alone_and_others_may_refer_to_it_meanwhile(stores: list[Store]) -> None:
    (number,) = fill(stores[0], 1)
    order: list[str] = []
    held = threading.Event()

    def second() -> None:
        held.wait(10)
        with stores[1].write() as tx:
            tx.keep_content("c-2", number, "note", "beside")
            order.append("refers")
        with stores[1].write() as tx:
            order.append("waits")
            tx.hold_ticket(number)
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with stores[0].write() as tx:
            tx.hold_ticket(number)
            done = pool.submit(second)
            held.set()
            while "waits" not in order:
                held.wait(0.01)
            assert not done.done()
            order.append("first")
        done.result(timeout=20)
    assert order == ["refers", "waits", "first", "second"]


def test_numbers_never_collide_and_what_is_undone_is_given_again(stores: list[Store], seed: int) -> None:
    draw = random.Random(seed)
    together = threading.Barrier(6)

    def work(store: Store, undone: list[bool]) -> None:
        together.wait()
        for undo in undone:
            try:
                with store.write() as tx:
                    open_ticket(tx)
                    if undo:
                        raise InterruptedError
            except InterruptedError:
                continue

    plans = [[draw.random() < 0.3 for _ in range(20)] for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, stores[n % 3], plan) for n, plan in enumerate(plans)]:
            done.result(timeout=60)
    kept = sum(not undo for plan in plans for undo in plan)
    with stores[0].read() as view:
        numbers = sorted(ticket.number for ticket in view.tickets(TicketQuery(limit=999)))
    assert len(numbers) == kept
    assert int(numbers[-1][8:]) < kept + 6, "only what was undone at the very end is left out"
    assert problems(stores[0]) == []


def test_one_slot_of_a_job_and_one_first_value_for_all(stores: list[Store]) -> None:
    together = threading.Barrier(3)

    def work(n: int) -> tuple[bool, str]:
        together.wait()
        with stores[n].write() as tx:
            return tx.take_slot("weekly", NOW, NOW), tx.first_meta("key", str(n))

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(work, range(3)))
    assert sorted(taken for taken, _ in found) == [False, False, True]
    assert len({key for _, key in found}) == 1


def test_two_who_wait_for_each_other_are_told_to_try_again(stores: list[Store]) -> None:
    one, other = fill(stores[0], 2)
    together = threading.Barrier(2)

    def hold(store: Store, first: str, second: str) -> str:
        try:
            with store.write() as tx:
                tx.hold_ticket(first)
                together.wait(10)
                tx.hold_ticket(second)
        except Conflict as conflict:
            return str(conflict)
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = [pool.submit(hold, stores[0], one, other), pool.submit(hold, stores[1], other, one)]
        results = sorted(done.result(timeout=30) for done in said)
    assert results[0] == ""
    assert "try again" in results[1]


def test_who_does_nothing_inside_a_transaction_loses_it_to_the_others(stores: list[Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_store, "_WRITE", postgresql_store._WRITE.replace("'30s'", "'200ms'"))
    fill(stores[0], 1)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(StoreFailed, match=r"COMMIT|idle|connection"))
        stopped = stack.enter_context(stores[0].write())
        assert len(stopped.pending_inbox(NOW, 1)) == 1
        with stores[1].write() as tx:
            assert tx.pending_inbox(NOW, 1) == []
        for _ in range(100):
            threading.Event().wait(0.05)
            with stores[1].write() as tx:
                if tx.pending_inbox(NOW, 1):
                    break
        else:
            pytest.fail("the transaction of the stopped process still holds what it claimed")
    with stores[0].write() as tx:
        assert len(tx.pending_inbox(NOW, 1)) == 1


def test_a_holder_is_not_waited_for_for_ever(stores: list[Store], monkeypatch: pytest.MonkeyPatch) -> None:
    (number,) = fill(stores[0], 1)
    monkeypatch.setattr(postgresql_store, "_WRITE", f"{postgresql_store._WRITE}; SET LOCAL lock_timeout = '50ms'")
    with stores[0].write() as one:
        one.hold_ticket(number)
        with pytest.raises(Conflict, match="try again"), stores[1].write() as two:
            two.hold_ticket(number)


def test_who_is_not_patient_gives_way_and_keeps_what_it_did_before(stores: list[Store]) -> None:
    (number,) = fill(stores[0], 1)
    with stores[0].write() as one:
        one.hold_ticket(number)
        with stores[1].write(timedelta(milliseconds=50)) as two:
            two.set_meta("done", "before")
            with pytest.raises(Conflict, match="try again"), two.savepoint():
                two.hold_ticket(number)
    with stores[1].write(timedelta(milliseconds=50)) as two:
        assert two.meta("done") == "before"
        assert two.hold_ticket(number) is not None


def test_two_who_open_tickets_and_give_them_to_the_same_people_do_not_wait_for_each_other(stores: list[Store], database: str) -> None:
    with stores[0].write() as one, stores[1].write(timedelta(milliseconds=50)) as two:
        for number, tx in ((1, one), (2, two), (3, one), (4, two)):
            assert tx.next_number(NOW.date()) == f"20240512{number:04d}"
            for agent in ("zhao", "wang") if tx is one else ("wang", "zhao"):
                tx.take_turn(agent)
        assert {agent.id: agent.turn for agent in one.agents().values()} == {"zhao": 3, "wang": 4}
    with stores[0].write() as tx:
        tx.take_turn("qian")
        assert {agent.id: agent.turn for agent in tx.agents().values()} == {"qian": 5, "wang": 4, "zhao": 4}
        tx.take_turn("zhao")
    with psycopg.connect(database) as look:
        assert look.execute("SELECT count(*) FROM agent_turn WHERE agent = 'zhao'").fetchone() == (1,), "what is past is taken away"


def test_numbers_that_a_day_left_over_go_two_days_later(stores: list[Store], database: str) -> None:
    with stores[0].write() as tx:
        for day in range(3):
            assert tx.next_number((NOW + timedelta(days=day)).date()).endswith("0001")
    with psycopg.connect(database) as look:
        left = look.execute("SELECT DISTINCT series FROM free_number ORDER BY series").fetchall()
    assert left == [("ticket 20240513",), ("ticket 20240514",)]


def test_a_transaction_is_set_for_safety(database: str) -> None:
    store = postgresql_store.PostgresStore(database)  # on a server that would not wait for its disk by itself
    with store.write() as tx:
        settings = ("synchronous_commit", "transaction_isolation", "idle_in_transaction_session_timeout", "lock_timeout")
        assert [tx._session.value(f"SHOW {name}") for name in settings] == ["on", "read committed", "30s", "10s"]
    store.close()


LAST: dict[str, Callable[[Transaction], object]] = {
    "an insert": lambda tx: tx.keep_content("one", None, "note", "x"),
    "inserts": lambda tx: tx.keep_contents(None, [(f"{n}", "note", "x") for n in range(250)]),
    "updates": lambda tx: tx.claim_messages("email", NOW + 9 * MINUTE, 9),
    "a look": lambda tx: tx.contents(["one"]),
}


@pytest.mark.parametrize("last", LAST)
def test_who_stands_still_in_a_transaction_loses_it_whatever_came_last(database: str, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_store, "_WRITE", postgresql_store._WRITE.replace("30s", "100ms"))
    with closing(postgresql_store.PostgresStore(database)) as store:
        fill(store, 3)
        with pytest.raises(StoreFailed, match="idle"), store.write() as tx:
            stand_still(tx, last, database)
        with store.write(timedelta(seconds=1)) as tx:
            assert tx.meta("held") is None


def stand_still(tx: Transaction, last: str, database: str) -> None:
    """Do something last, and nothing more until the server has had enough of it."""
    tx.set_meta("held", "by who stands still")
    LAST[last](tx)
    assert database_says(database, "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'", "0")


def database_says(database: str, question: LiteralString, expected: str) -> bool:
    """Whether the server comes to give this answer."""
    with psycopg.connect(database, autocommit=True) as look:
        return bool(wait_until(lambda: [str(value) for (value,) in look.execute(question)] == [expected], question, 20))


def test_of_two_who_put_the_same_policy_in_force_at_once_one_does(stores: list[Store], database: str) -> None:
    with stores[0].write() as tx:
        tx.save_policy("d1", {}, NOW)
        tx.save_policy("d2", {}, NOW)
        tx.activate("d1", NOW, "daemon")

    def second() -> bool:
        with stores[1].write() as tx:
            return tx.activate("d2", NOW, "right")

    with ThreadPoolExecutor(1) as pool:
        with stores[0].write() as tx:
            assert tx.activate("d2", NOW, "left")
            waits = pool.submit(second)
            assert database_says(database, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1")
        assert not waits.result(20)
    with stores[2].read() as view:
        assert [row.by for row in view.activations()] == ["left", "daemon"]


# ── statements that fail ────────────────────────────────────────────────────────────────────────────────────────────


def go_on_after_a_failure(tx: Transaction) -> None:
    tx.set_meta("a", "1")
    with suppress(StoreFailed):
        tx.keep_content("c-1", "202405120001", "note", "x")


def test_a_commit_after_a_failed_statement_says_that_nothing_was_kept(stores: list[Store]) -> None:
    with pytest.raises(StoreFailed, match="nothing was kept"), stores[0].write() as tx:
        go_on_after_a_failure(tx)
    with stores[0].read() as view:
        assert view.meta("a") is None


def test_what_the_server_refuses_is_said_without_the_values(stores: list[Store]) -> None:
    with stores[0].write() as tx:
        tx.queue_message(message("wang@example.test"))
        with pytest.raises(StoreFailed, match="unique constraint") as caught, tx.savepoint():
            tx.queue_message(message("wang@example.test"))
    assert "wang" not in str(caught.value)


def test_statements_are_translated() -> None:
    assert translated("a = ? AND b /*pg I*/LIKE :b ESCAPE '%' /*pg FOR UPDATE*/") == "a = %s AND b ILIKE %(b)s ESCAPE '%%' FOR UPDATE"
    assert translated("x /*pg ::json*/ ->> 'by' IN (SELECT value FROM json_each(?))") == (
        "x ::json ->> 'by' IN (SELECT value FROM json_array_elements_text(%s))"
    )


# ── a server that goes away ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Iterator[Server]:
    """The session's server, which a test may stop; it runs again afterwards."""
    yield postgresql
    if not (postgresql.data / "postmaster.pid").exists():
        postgresql.start()


def write_while_it_is_restarted(tx: Transaction, server: Server) -> None:
    tx.set_meta("a", "2")
    server.stop()
    server.start()
    tx.set_meta("b", "2")


def test_a_server_that_was_restarted_costs_only_what_was_under_way(own_server: Server, database: str) -> None:
    store = open_store(database)
    with store.write() as tx:
        tx.set_meta("a", "1")
    with pytest.raises(StoreFailed, match=r"could not (carry out a statement|COMMIT)"), store.write() as tx:
        write_while_it_is_restarted(tx, own_server)
    with store.read() as view:
        assert (view.meta("a"), view.meta("b")) == ("1", None)
    own_server.stop()
    own_server.start()
    with store.write() as tx:  # the connections that waited are replaced without a word
        tx.set_meta("a", "3")
    own_server.stop()
    for door in (store.read, store.write):
        with pytest.raises(StoreFailed, match=r"test_\d+ of postgres at 127\.0\.0\.1 cannot be reached: .*refused") as caught, door():
            raise AssertionError("a server that is down opened its door")
        assert PASSWORD not in str(caught.value)
    own_server.start()
    with store.read() as view:
        assert view.meta("a") == "3"
    store.close()


# ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_wrong_password_is_said_and_never_shown(postgresql: Server, database: str) -> None:
    for role, password in (("postgres", "wr0ng-p@ss"), ("nobody", "wr0ng")):
        with pytest.raises(ConfigurationError, match=f'cannot be reached: .*authentication failed for user "{role}"') as caught:
            open_store(postgresql.url("test_1", role, password))
        assert "wr0ng" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:wr0ng@127.0.0.1:1/x", r"database x of u at 127\.0\.0\.1 cannot be reached: .*port 1 failed.*refused"),
        ("postgresql://u@127.0.0.1:1/x", r"database x of u at 127\.0\.0\.1 cannot be reached: .*port 1 failed.*refused"),
        ("postgresql://u:wr@ng@localhost/x", "with %40 for @"),
        ("postgresql://u:a/wr0ng@localhost/x", "with %40 for @"),
        ("postgresql://u:wr0ng@localhost:x9/x", "cannot be reached|with %40"),
        ("postgresql://u:wr0ng@localhost/x?nonsense=1", "with %40 for @"),
        ("postgresql://u:wr0ng@nowhere.invalid/x", "nowhere.invalid"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        open_store(url)
    assert not re.search("wr0ng|wr@?ng", str(caught.value))


def test_a_database_that_is_not_there_or_not_in_unicode_is_named(postgresql: Server) -> None:
    with pytest.raises(ConfigurationError, match='database "nowhere" does not exist'):
        open_store(postgresql.url("nowhere"))
    latin = postgresql.new_database("ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(ConfigurationError, match=f"{latin} of postgres at 127.0.0.1 is encoded as LATIN1; .*UTF8"):
        open_store(postgresql.url(latin))


def test_another_programs_tables_are_left_alone(postgresql: Server) -> None:
    name = postgresql.new_database()
    with postgresql.connection(name) as owner:
        owner.execute("CREATE TABLE theirs (x int)")
    with pytest.raises(ConfigurationError, match=f"{name} of postgres at 127.0.0.1 is a database of another program"):
        open_store(postgresql.url(name))


def test_a_role_that_may_make_no_tables_is_told_so(postgresql: Server) -> None:
    name = postgresql.new_database()
    with postgresql.connection(name) as owner:
        owner.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    with pytest.raises(ConfigurationError, match="permission denied for schema public"):
        open_store(postgresql.url(name, "guest", "guest"))


def test_without_its_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'closedloop\[postgresql\]'"):
        open_store("postgresql://u:wr0ng@localhost/x")


def test_an_old_server_is_refused(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_store, "_OLDEST", 99)
    with pytest.raises(ConfigurationError, match="needs 99 or newer"):
        open_store(database)


# ── migrations ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The migrations of a version to come, with two more steps."""
    directory = tmp_path / "migrations"
    shutil.copytree(postgresql_store.MIGRATIONS, directory)
    (directory / "9001.add_a_column.sql").write_text("ALTER TABLE customer ADD COLUMN note TEXT;")
    (directory / "9001.add_a_column.rollback.sql").write_text("ALTER TABLE customer DROP COLUMN note;")
    (directory / "9002.fill_it.sql").write_text("UPDATE customer SET note = '100 % seen';\nCREATE INDEX by_note ON customer (note);")
    (directory / "9002.fill_it.rollback.sql").write_text("DROP INDEX by_note;")
    return directory


@pytest.fixture
def old(postgresql: Server) -> str:
    """A database of this version with a customer in it."""
    name = postgresql.new_database()
    store = open_store(postgresql.url(name))
    with store.write() as tx:
        tx.add_customer(customer(tx.new_customer_id()))
    store.close()
    return name


def test_there_is_the_same_step_for_each_database() -> None:
    assert [sorted(path.name for path in (MIGRATIONS / dialect).iterdir()) for dialect in ("sqlite", "postgresql")] == [
        sorted(path.name for path in postgresql_store.MIGRATIONS.iterdir())
    ] * 2


def test_steps_are_applied_in_order_and_once(postgresql: Server, old: str, newer: Path) -> None:
    with postgresql.connection(old) as connection:
        for _ in range(2):
            postgresql_store.migrate(connection, old, newer)
        assert connection.execute("SELECT note FROM customer").fetchall() == [("100 % seen",)]
        assert connection.execute("SELECT DISTINCT username, hostname FROM _yoyo_log").fetchall() == [("", "")]
    with pytest.raises(ConfigurationError, match=r"newer version.*9001\.add_a_column, 9002\.fill_it"):
        open_store(postgresql.url(old))


def test_a_step_that_fails_leaves_everything_as_it_was(postgresql: Server, old: str, newer: Path) -> None:
    (newer / "9002.fill_it.sql").write_text("UPDATE customer SET note = 'seen';\nUPDATE nowhere SET x = 1;")
    with postgresql.connection(old) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable, match="nowhere"):
            postgresql_store.migrate(connection, old, newer)
        with pytest.raises(psycopg.errors.UndefinedColumn):
            connection.execute("SELECT note FROM customer")
    open_store(postgresql.url(old)).close()


def test_every_step_can_be_taken_back(postgresql: Server, newer: Path) -> None:
    name = postgresql.new_database()
    with postgresql.connection(name) as connection:
        postgresql_store.migrate(connection, name, newer)
        backend = Backend(connection)
        with backend.transaction():
            backend.rollback_migrations(backend.to_rollback(read_migrations(str(newer))))
        left = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '%yoyo%'"
        assert connection.execute(left).fetchall() == []
        postgresql_store.migrate(connection, name, newer)
        assert connection.execute("SELECT count(note) FROM customer").fetchone() == (0,)


# ── one schema for both ─────────────────────────────────────────────────────────────────────────────────────────────

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable = 'NO', coalesce(column_default, ''), coalesce(collation_name, '')
FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '%yoyo%' ORDER BY table_name, ordinal_position
"""
REFERENCES = """
SELECT conrelid::regclass::text, a.attname, confrelid::regclass::text, b.attname FROM pg_constraint
JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = conkey[1]
JOIN pg_attribute AS b ON b.attrelid = confrelid AND b.attnum = confkey[1] WHERE contype = 'f' ORDER BY 1, 2
"""
KEYS = """
SELECT conrelid::regclass::text, (SELECT string_agg(attname, ',' ORDER BY n) FROM unnest(conkey) WITH ORDINALITY AS key(c, n)
JOIN pg_attribute ON attrelid = conrelid AND attnum = c) FROM pg_constraint
WHERE contype IN ('p', 'u') AND connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '%yoyo%'
"""
CHECKS = "SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
INDEXES = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '%yoyo%'"
TYPES = {"INTEGER": ("bigint", ""), "TEXT": ("text", "C"), "BLOB": ("bytea", ""), "REAL": ("double precision", "")}
# In SQLite these are unique by their columns; in PostgreSQL by a hash of them, and found by another.
BY_HASH = {("inbox", "channel,source_id"), ("customer_address", "kind,address"), ("opt_out", "channel,address")}
HASHES = {"inbox_expr_excl", "inbox_by_source"} | {
    f"{t}_{what}" for t in ("customer_address", "opt_out") for what in ("expr_excl", "by_address")
}


def test_both_databases_have_the_same_schema(postgresql: Server, tmp_path: Path) -> None:
    name = postgresql.new_database()
    open_store(postgresql.url(name)).close()
    open_store(f"sqlite:///{tmp_path / 'store.db'}").close()
    lite = sqlite3.connect(tmp_path / "store.db")
    tables = [row[0] for row in lite.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%yoyo%' ORDER BY 1")]
    tables.remove("sqlite_sequence")
    with postgresql.connection(name) as server:
        columns = [
            (table, column, *TYPES[kind][:1], bool(required or key), default or "", TYPES[kind][1])
            for table in tables
            for _, column, kind, required, default, key in lite.execute(f"PRAGMA table_info({table})")
        ]
        found = [(*row[:4], row[4].removesuffix("::text"), row[5]) for row in server.execute(COLUMNS)]
        assert found == columns
        references = sorted((t, row[3], row[2], row[4]) for t in tables for row in lite.execute(f"PRAGMA foreign_key_list({t})"))
        assert server.execute(REFERENCES).fetchall() == references
        assert set(server.execute(KEYS)) == keys(lite, tables) - BY_HASH
        definitions = "".join(sql for (sql,) in lite.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'"))
        assert server.execute(CHECKS).fetchone() == (definitions.count("CHECK ("),)
        indexes = {row[0] for row in lite.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")}
        made = {index for (index,) in server.execute(INDEXES) if not index.endswith(("_pkey", "_key"))}
        assert made == indexes | HASHES
    lite.close()


def keys(lite: sqlite3.Connection, tables: list[str]) -> set[tuple[str, str]]:
    found = set()
    for table in tables:
        primary = [(row[5], row[1]) for row in lite.execute(f"PRAGMA table_info({table})") if row[5]]
        found.add((table, ",".join(column for _, column in sorted(primary))))
        for _, index, _, origin, _ in lite.execute(f"PRAGMA index_list({table})"):
            if origin == "u":
                found.add((table, ",".join(row[2] for row in lite.execute(f"PRAGMA index_info({index})"))))
    return found
