"""`engine account`: who may sign in, and which programs may use the API."""

from datetime import timedelta
from random import SystemRandom

import pytest

from engine.runtime import accounts
from engine.runtime.clock import SystemClock
from engine.store import Store, open_store
from tests.cli.conftest import Command


def store_of(engine: Command) -> Store:
    return open_store("sqlite:///var/engine.db", engine.root)


def row(engine: Command, agent: str) -> dict:
    return next(one for one in engine.json("account", "list") if one["id"] == agent)


def test_a_password_is_set_from_standard_input_or_made_up_and_shown_once(engine: Command) -> None:
    assert "the password of 赵敏 is set" in engine("account", "set", "zhao", "--password", "-", stdin="correct horse battery\n").stdout
    said, made = engine("account", "set", "wang", "--generate").stdout.splitlines()
    assert "王芳" in said
    store = store_of(engine)
    with store.read() as reader:
        assert accounts.proven(reader.account("zhao"), "correct horse battery")
        assert accounts.proven(reader.account("wang"), made)
        assert not accounts.proven(reader.account("wang"), "correct horse battery")
    store.close()
    assert (row(engine, "zhao")["password"], row(engine, "lin")["password"]) == (True, False)
    assert "赵敏" in engine("account", "list", "--lang", "zh").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "zhao", "--password", "secret secret"), "shell's history"),
        (("set", "nobody", "--generate"), "there is no agent 'nobody'"),
        (("lock", "nobody"), "there is no agent 'nobody'"),
        (("token", "nobody", "crm"), "there is no agent 'nobody'"),
        (("token", "zhao", "crm", "--end"), "zhao has no token 'crm'"),
        (("token", "zhao", " "), "zhao has no token ' '"),
    ],
)
def test_what_cannot_be_done_is_said(engine: Command, arguments: tuple[str, ...], said: str) -> None:
    assert said in engine("account", *arguments, code=2).stderr


def test_a_short_password_is_refused(engine: Command) -> None:
    assert "10 to 200 characters" in engine("account", "set", "zhao", "--password", "-", stdin="short", code=2).stderr


def test_a_token_is_shown_once_and_ends_when_it_is_said_so(engine: Command) -> None:
    secret = engine("account", "token", "sun", "crm", "--days", "30").stdout.strip()
    assert "has a token 'crm'" in engine("account", "token", "sun", "crm", code=2).stderr
    [token] = row(engine, "sun")["tokens"]
    assert (token["name"], token["expires_at"] is None) == ("crm", False)
    store, now = store_of(engine), SystemClock().now()
    with store.read() as reader:
        found = accounts.recognised(reader, "token", secret, now)
        assert found is not None
        assert (found.agent, found.name) == ("sun", "crm")
    engine("account", "token", "sun", "crm", "--end")
    with store.read() as reader:
        assert accounts.recognised(reader, "token", secret, now) is None
    store.close()


def test_a_token_that_has_expired_is_shown_as_such_and_gives_way_to_another_of_its_name(engine: Command) -> None:
    store, long_ago = store_of(engine), SystemClock().now() - timedelta(days=2)
    with store.write() as tx:
        accounts.let_in(tx, SystemRandom(), "token", "sun", "old", long_ago, timedelta(days=1))
    assert [token["good"] for token in row(engine, "sun")["tokens"]] == [False]
    assert "old (no longer good)" in engine("account", "list", "--lang", "en").stdout
    engine("account", "token", "sun", "old")
    assert [(token["good"], token["expires_at"]) for token in row(engine, "sun")["tokens"]] == [(True, None)]
    store.close()


def test_what_somebody_has_who_left_the_team_is_shown_as_no_longer_good_and_can_be_ended(engine: Command) -> None:
    store, now = store_of(engine), SystemClock().now()
    with store.write() as tx:
        for name in ("one", "two"):
            accounts.let_in(tx, SystemRandom(), "token", "gone", name, now, None)
    assert (row(engine, "gone")["name"], [token["good"] for token in row(engine, "gone")["tokens"]]) == (None, [False, False])
    assert "not in the team" in engine("account", "list", "--lang", "en").stdout
    assert "there is no agent 'gone'" in engine("account", "token", "gone", "three", code=2).stderr
    engine("account", "token", "gone", "one", "--end")
    assert [token["name"] for token in row(engine, "gone")["tokens"]] == ["two"]
    engine("account", "lock", "gone")
    assert row(engine, "gone")["tokens"] == []
    store.close()


def test_a_lock_ends_all_that_the_account_has_until_it_is_undone(engine: Command) -> None:
    engine("account", "set", "chen", "--password", "-", stdin="correct horse battery\n")
    engine("account", "token", "chen", "app")
    assert "locked out" in engine("account", "lock", "chen").stdout
    assert (row(engine, "chen")["locked_at"] is None, row(engine, "chen")["tokens"]) == (False, [])
    assert "is locked" in engine("account", "token", "chen", "app", code=1).stderr
    engine("account", "set", "chen", "--generate")
    assert row(engine, "chen")["locked_at"] is not None
    assert "may sign in again" in engine("account", "lock", "chen", "--undo").stdout
    assert (row(engine, "chen")["locked_at"], row(engine, "chen")["password"]) == (None, True)
