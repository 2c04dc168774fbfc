import asyncio
import re
import time
from datetime import timedelta

import httpx
import msgspec
import pytest

from engine.runtime import accounts
from engine_web import doors
from engine_web.app import application
from engine_web.doors.roles import ALL, OBJECTS, OWN, TABLE, VERBS, Person, may, person_of
from engine_web.doors.throttle import Throttle
from engine_web.settings import Settings
from tests.core.worlds import MINUTE
from tests.support.website import PASSWORD, Website

# read/create/act: a = of all, o = of one's own, - = never. Written by hand: the table in roles.py must say the same.
RIGHTS = """
              ticket message customer answer survey kpi knowledge improvement quality incident policy news operation audit
agent         oao    ---     o--      ---    ---    --- a--       ---         ---     ---      a--    o--  ---       ---
lead          oao    ---     o--      ---    ---    a-- ---       ---         o--     a--      ---    o--  ---       ---
supervisor    aaa    ---     a--      ---    a--    a-- ---       aaa         aaa     aaa      ---    a--  ---       ---
manager       aaa    ---     a--      ---    a--    a-- ---       aaa         aaa     aaa      ---    a--  ---       a--
follow_up     ---    ---     ---      a-a    a--    --- ---       ---         ---     ---      ---    ---  ---       ---
trainer       ---    ---     ---      ---    a--    a-- ---       a--         aaa     ---      ---    ---  ---       ---
product_owner ---    ---     ---      ---    a--    a-- ---       aaa         ---     ---      ---    ---  ---       ---
operations    ---    ---     ---      ---    ---    a-- ---       ---         ---     aaa      ---    a--  a-a       ---
auditor       a--    ---     a--      ---    a--    a-- a--       a--         a--     a--      a--    a--  a--       a--
integration   aa-    -a-     ---      ---    ---    --- a--       ---         ---     ---      ---    a--  ---       ---
"""
EXPECTED = {
    (line.split()[0], what, verb): {"a": ALL, "o": OWN, "-": None}[marks[place]]
    for head, *lines in [RIGHTS.strip().splitlines()]
    for line in lines
    for what, marks in zip(head.split(), line.split()[1:], strict=True)
    for place, verb in enumerate(VERBS)
}


def somebody(*roles: str, queues: tuple[str, ...] = (), led: tuple[str, ...] = ()) -> Person:
    return Person("zhao", "赵敏", frozenset(roles), frozenset(queues), frozenset(led))


def test_the_table_of_rights_is_what_was_meant_for_each_role_object_and_verb() -> None:
    assert {what for _, what, _ in EXPECTED} == set(OBJECTS)
    assert {role for role, _, _ in EXPECTED} == set(TABLE)
    assert {key: TABLE[key[0]].get(key[1], {}).get(key[2]) for key in EXPECTED} == EXPECTED


def test_no_role_reaches_more_than_its_rights_on_its_own_and_on_others_tickets(shared_site: Website) -> None:
    number = shared_site.take()
    with shared_site.engine.store.read() as reader:
        ticket = reader.ticket(number)
    assert ticket is not None
    assert ticket.queue is not None
    for (role, what, verb), right in EXPECTED.items():
        stranger = somebody(role, queues=("nowhere",), led=("nowhere",))
        owner = somebody(role, queues=(ticket.queue,), led=(ticket.queue,))
        assert may(stranger, verb, what, ticket) is (right == ALL), (role, what, verb)
        assert may(owner, verb, what, ticket) is (right is not None), (role, what, verb)
        assert may(stranger, verb, what) is (right is not None), (role, what, verb)
    bad_score = msgspec.structs.replace(ticket, kind="follow_up", assignee="zhao")
    for what in OBJECTS:
        people = {role: somebody(role, queues=(ticket.queue,), led=(ticket.queue,)) for role in TABLE}
        assert {role for role, who in people.items() if may(who, "read", what, bad_score)} == {"follow_up"}, what
    assert not may(somebody("lead", queues=(ticket.queue,)), "read", "ticket", ticket)


def test_rights_come_with_the_team_and_end_with_it(shared_site: Website) -> None:
    team, policy = shared_site.engine.world.team, shared_site.engine.world.policy
    zhao, zhou = person_of("zhao", team, policy), person_of("zhou", team, policy)
    assert zhao is not None
    assert zhou is not None
    assert "agent" in zhao.roles
    assert "manager" in zhou.roles
    assert person_of("nobody", team, policy) is None


def test_who_is_not_signed_in_is_led_to_the_door_and_back_to_where_they_wanted_to_go(shared_site: Website) -> None:
    client = shared_site.browser()
    wrong = client.post("/login", data={"agent": "zhao", "password": "wrong password"}, headers={"accept-language": "en"})
    assert wrong.status_code == 401
    assert "Account or password is wrong" in wrong.text
    shared_site.account_of("zhao")
    entered = client.post("/login", data={"agent": "zhao", "password": PASSWORD, "next": "/somewhere?x=1"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/somewhere?x=1")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert client.get("/login").status_code == 303


@pytest.mark.parametrize("target", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/a\r\nset-cookie: x=1"])
def test_the_door_leads_to_no_other_site(shared_site: Website, target: str) -> None:
    client = shared_site.client_of("wang")
    assert client.get("/login", params={"next": target}).headers["location"] == "/console/"


def test_a_session_ends_by_leaving_by_its_time_and_by_a_lock(shared_site: Website) -> None:
    def inside(client: httpx.Client) -> bool:
        return client.get("/login").status_code == 303

    shared_site.account_of("sun")
    first, second = shared_site.client_of("sun"), shared_site.client_of("sun")
    assert inside(first)
    assert first.post("/logout", data={"csrf": "made up"}).status_code == 403
    assert inside(first)
    with shared_site.engine.store.read() as reader:
        assert {row.kind for row in reader.accesses("session")} == {"session"}
        assert first.cookies["session"] not in {row.hash for row in reader.accesses("session")}
    with shared_site.engine.store.write() as tx:
        accounts.lock(tx, "sun", shared_site.clock.now())
    assert not inside(first)
    assert second.post("/login", data={"agent": "sun", "password": PASSWORD}).status_code == 401
    with shared_site.engine.store.write() as tx:
        accounts.lock(tx, "sun", None)
    assert second.post("/login", data={"agent": "sun", "password": PASSWORD}).status_code == 303
    assert inside(second)
    shared_site.clock.set(shared_site.clock.now() + timedelta(hours=12))
    assert not inside(second)


def test_guessing_of_passwords_is_slowed_down_but_locks_nobody_else_out(shared_site: Website) -> None:
    client = shared_site.browser()
    codes = [client.post("/login", data={"agent": "chen", "password": f"guess {n} guess"}).status_code for n in range(7)]
    assert codes == [401] * 5 + [429] * 2
    assert int(client.post("/login", data={"agent": "chen", "password": "x"}).headers["retry-after"]) > 0
    assert shared_site.client_of("wang").get("/login").status_code == 303


def entering(site: Website, tries: list[tuple[str, str]]) -> list[int]:
    """Try to sign in from these addresses as these agents, all at once; return how each was answered."""
    served = application(Settings(), site.engine)

    async def enter(address: str, agent: str) -> int:
        transport = httpx.ASGITransport(served, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.post("/login", data={"agent": agent, "password": "x"})).status_code

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(enter(*one) for one in tries))

    return asyncio.run(all_of_them())


def test_a_household_is_one_address_and_its_limit_uses_up_no_tries_of_an_account(
    shared_site: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(doors, "_TRIES_OF_AN_ADDRESS", 3)
    monkeypatch.setattr(accounts, "proven", lambda account, password: False)
    wait = Throttle.wait

    def noted(bucket: Throttle, who: str) -> float:
        asked.append(who)
        return wait(bucket, who)

    monkeypatch.setattr(Throttle, "wait", noted)
    codes = entering(shared_site, [(f"2001:db8::{n}", f"somebody {n} {'x' * 4000}") for n in range(5)])
    assert sorted(codes) == [401] * 3 + [429] * 2
    assert asked.count("2001:db8::/64") == 5
    assert len(asked) == 5 + 3
    assert all(len(who) <= 64 for who in asked)


def test_few_passwords_are_looked_at_at_once_for_each_takes_much_memory(shared_site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0

    def slowly(account: object, password: str) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1
        return False

    monkeypatch.setattr(accounts, "proven", slowly)
    assert entering(shared_site, [(f"192.0.2.{n}", "zhao") for n in range(12)]) == [401] * 12
    assert most == 2


def test_behind_tls_the_session_stands_in_a_cookie_that_goes_by_tls_alone_and_browsers_are_told_so(shared_site: Website) -> None:
    application_ = application(Settings(public="https://service.example.com"), shared_site.engine)
    form = {"agent": "wu", "password": shared_site.account_of("wu")}

    async def enter() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application_), base_url="https://service.example.com") as client:
            return await client.post("/login", data=form)

    entered = asyncio.run(enter())
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert "; Secure" in cookie
    assert entered.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert "strict-transport-security" not in shared_site.client.get("/login").headers


def test_forms_of_other_sites_are_not_taken(shared_site: Website) -> None:
    told = shared_site.client.post("/login", data={"agent": "zhao", "password": PASSWORD}, headers={"sec-fetch-site": "cross-site"})
    assert told.status_code == 403


def test_what_a_stranger_typed_at_the_door_comes_back_as_text_only(shared_site: Website) -> None:
    page = shared_site.client.post("/login", data={"agent": '"><script>alert(1)</script>', "password": "x"}).text
    assert "<script" not in re.sub(r"<script[^>]*src=", "", page)


def test_tries_come_back_with_time_and_the_memory_for_them_is_bounded() -> None:
    now = [0.0]
    throttle = Throttle(2, 60, lambda: now[0])
    assert [throttle.wait("a"), throttle.wait("a"), throttle.wait("a")] == [0, 0, 30]
    now[0] = 30
    assert [throttle.wait("a"), throttle.wait("a") > 0] == [0, True]
    throttle.forgive("a")
    assert throttle.wait("a") == 0
    for number in range(12_000):  # none of which is full again
        throttle.wait(str(number))
    assert len(throttle._buckets) == 10_000


def test_a_password_is_kept_as_argon2_only_and_neither_short_nor_endless(shared_site: Website) -> None:
    with shared_site.engine.store.write() as tx:
        for unfit in ("short", "x" * 201):
            with pytest.raises(Exception, match="10 to 200 characters"):
                accounts.set_password(tx, "lin", unfit)
        accounts.set_password(tx, "lin", PASSWORD)
        kept = tx.account("lin")
    assert kept is not None
    assert str(kept.password).startswith("$argon2id$")
    assert accounts.proven(kept, PASSWORD)
    assert not accounts.proven(None, PASSWORD)
    token = shared_site.token_of("lin")
    with shared_site.engine.store.read() as reader:
        now = shared_site.clock.now()
        assert accounts.recognised(reader, "token", token, now) is not None
        assert accounts.recognised(reader, "session", token, now + MINUTE) is None
