import asyncio
import dataclasses
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jsonschema
import pytest
from msgspec.structs import replace

from engine.core.signals import TicketRequested
from engine.services import NewsRow
from engine_web.api import OPERATIONS
from engine_web.api.openapi import document
from engine_web.app import application
from engine_web.doors.roles import TABLE, may, person_of
from engine_web.news import News
from engine_web.settings import Settings
from tests.support.website import Website

NEED = {"from": "lan@customer.test", "text": "软件异常,无法登录", "kind": "complaint", "name": "兰"}


class Program:
    """A program that holds a token of an agent."""

    def __init__(self, site: Website, agent: str) -> None:
        self.site, self.agent, self.token, self._count = site, agent, site.token_of(agent), 0

    def __call__(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        self._count += 1
        own = {"authorization": f"Bearer {self.token}"} | (
            {"idempotency-key": f"{self.token[:9]}-{self._count}"} if body is not None else {}
        )
        return self.site.client.request(method, f"/api/v1{path}", json=body, headers=own | (headers or {}), **more)

    def act(self, number: str, action: str, text: str = "", **more: Any) -> httpx.Response:
        seen = self("GET", f"/tickets/{number}").headers["etag"]
        return self("POST", f"/tickets/{number}/actions", {"action": action, "text": text, **more}, {"if-match": seen})


@pytest.fixture(scope="module")
def house(shared_site: Website) -> Website:
    """The site, with a program, an auditor and others in the team."""
    world = shared_site.engine.world
    extra = {
        role: replace(world.team.agents["zhou"], id=role, roles=() if role in ("agent", "lead") else (role,), queues=())
        for role in TABLE
        if role not in ("lead", "agent")
    }
    agents = {**world.team.agents, **extra}
    shared_site.engine.world = replace(world, team=replace(world.team, agents=agents))
    shared_site.engine.tokens = shared_site.engine.tokens.among(agents)
    return shared_site


@pytest.fixture(scope="module")
def app(house: Website) -> Program:
    return Program(house, "integration")


def test_a_need_comes_in_and_is_seen_with_its_promise(app: Program) -> None:
    opened = app("POST", "/tickets", NEED | {"wish": "尽快恢复"})
    assert opened.status_code == 201, opened.text
    number = opened.json()["ticket"]
    assert opened.headers["location"] == f"/api/v1/tickets/{number}"
    shown = app("GET", f"/tickets/{number}")
    ticket = shown.json()
    assert (ticket["kind"], ticket["channel"], ticket["text"], ticket["wish"]) == ("complaint", "web", NEED["text"], "尽快恢复")
    assert ticket["contact"]["name"] == "兰"
    assert ticket["contact"]["addresses"]["web"] == "lan@customer.test"
    assert ticket["promised"]
    assert shown.headers["etag"] == f'"{ticket["seq"]}"'
    audits = app.site.engine.store
    with audits.read() as reader:
        assert ("integration", "looked at the ticket", number) in {(row.who, row.what, row.about) for row in reader.audits()}


def test_the_same_key_leads_to_the_same_ticket_and_another_request_under_it_is_refused(app: Program) -> None:
    def sent(body: dict[str, str]) -> httpx.Response:
        return app("POST", "/tickets", body, {"idempotency-key": "once"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sent(NEED | {"from": "13912345678"}), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["ticket"] for answer in answers}) == 1
    other = sent(NEED)
    assert (other.status_code, other.headers["content-type"]) == (409, "application/problem+json")


def test_what_the_customer_says_in_the_app_reaches_the_ticket_and_the_answer_is_read_there(app: Program) -> None:
    number = app("POST", "/tickets", NEED | {"from": "app@customer.test"}).json()["ticket"]
    supervisor = Program(app.site, "supervisor")
    assert supervisor.act(number, "resolve", "已修复").status_code == 200
    said = app("POST", f"/tickets/{number}/messages", {"text": "确认"})
    assert (said.status_code, said.json()["ticket"]) == (201, number)
    assert app("GET", f"/tickets/{number}").json()["state"] == "confirmed"
    messages = app("GET", f"/tickets/{number}/messages").json()["messages"]
    assert "确认" in {one["text"] for one in messages if one["by"] == "customer"}
    assert any(one["by"] == "house" and "已修复" in one["text"] for one in messages)


def test_an_app_asks_the_knowledge_base_first_and_reads_there_what_is_written_to_somebody_without_an_address(app: Program) -> None:
    found = app("GET", "/knowledge", params={"question": "how do I reset my password?", "language": "en"}).json()["articles"]
    assert (found[0]["id"], found[0]["title"]) == ("login-problem", "Cannot log in or forgot the password")
    number = app("POST", "/tickets", NEED | {"from": "User-77", "channel": "chat"}).json()["ticket"]
    assert Program(app.site, "supervisor").act(number, "write", "马上为您查询").status_code == 200
    assert app("POST", f"/tickets/{number}/messages", {"text": "好的"}).json()["ticket"] == number
    app.site.work()
    said = [(one["by"], one["channel"], one.get("state")) for one in app("GET", f"/tickets/{number}/messages").json()["messages"]]
    assert set(said) == {("customer", "chat", None), ("house", "chat", "sent")}


def test_an_action_is_done_once_and_only_on_the_ticket_as_it_was_seen(app: Program) -> None:
    number = app("POST", "/tickets", NEED | {"from": "stale@customer.test"}).json()["ticket"]
    supervisor = Program(app.site, "supervisor")
    seen = supervisor("GET", f"/tickets/{number}").headers["etag"]
    path, note = f"/tickets/{number}/actions", {"action": "note", "text": "回电"}
    once = {"if-match": seen, "idempotency-key": "act-once"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: supervisor("POST", path, note, once), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    stale = supervisor("POST", path, note, {"if-match": seen})
    assert (stale.status_code, stale.json()["changed"]) == (412, answers[0].json()["events"])
    assert supervisor("POST", path, note).status_code == 428
    refused = supervisor("POST", path, {"action": "done", "target": "9"}, {"if-match": stale.headers["etag"]})
    assert refused.status_code == 409
    assert "no open step" in refused.json()["detail"]
    with app.site.engine.store.read() as reader:
        assert [row.refused for row in reader.decisions(number) if row.refused]


def test_of_many_who_act_at_once_on_what_they_saw_one_is_heard(app: Program) -> None:
    number = app("POST", "/tickets", NEED | {"from": "race@customer.test"}).json()["ticket"]
    supervisor = Program(app.site, "supervisor")
    seen = supervisor("GET", f"/tickets/{number}").headers["etag"]

    def note(count: int) -> int:
        body, headers = {"action": "note", "text": "我来"}, {"if-match": seen, "idempotency-key": f"race-{count}"}
        return supervisor("POST", f"/tickets/{number}/actions", body, headers).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(note, range(20)))
    assert sorted(codes) == [200] + [412] * 19


def test_lists_come_in_pages_that_leave_nothing_out(app: Program) -> None:
    for count in range(3):
        app("POST", "/tickets", NEED | {"from": f"page{count}@customer.test"})
    whole = [one["number"] for one in app("GET", "/tickets?limit=200").json()["tickets"]]
    paged, after = [], ""
    while after is not None:
        page = app("GET", f"/tickets?limit=2&after={after or '0'}").json()
        paged += [one["number"] for one in page["tickets"]]
        after = page["next"]
    assert paged == whole == sorted(whole)
    assert {one["kind"] for one in app("GET", "/tickets?kind=complaint&state=in_progress&state=new").json()["tickets"]} == {"complaint"}


def test_nothing_is_told_without_a_sound_token(app: Program) -> None:
    for headers in ({}, {"authorization": "Bearer 0"}, {"authorization": f"Basic {app.token}"}):
        answer = app.site.client.get("/api/v1/tickets", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    signed_in = app.site.client_of("zhou")
    assert signed_in.get("/api/v1/tickets").status_code == 401


def sound_request(operation: Any, number: str) -> tuple[str, Any, dict[str, str]]:
    path = operation.path.format(number=number, who="lan@customer.test", digest="0" * 64) if "{" in operation.path else operation.path
    bodies = {"openTicket": NEED, "writeAsCustomer": {"text": "你好"}, "actOnTicket": {"action": "note", "text": "x"}}
    return path, bodies.get(operation.name), {"if-match": '"1"'} if operation.matched else {}


@pytest.mark.parametrize("role", sorted(TABLE))
def test_each_role_reaches_the_operations_that_it_has_a_right_to_and_no_other(house: Website, app: Program, role: str) -> None:
    number = app("POST", "/tickets", NEED | {"from": "lan@customer.test"}).json()["ticket"]
    agent = {"agent": "chen", "lead": "zhou"}.get(role, role)
    program = Program(house, agent)
    person = person_of(agent, house.engine.world.team, house.engine.world.policy)
    assert person is not None
    with house.engine.store.read() as reader:
        ticket = reader.ticket(number)
    for operation in OPERATIONS:
        path, body, headers = sound_request(operation, number)
        answer = program(operation.method, path, body, headers)
        if not may(person, *operation.needs):
            assert answer.status_code == 403, operation.name
        elif "{number}" in operation.path and not may(person, "read", "ticket", ticket):
            assert answer.status_code == 404, operation.name
        elif operation.name == "actOnTicket" and not may(person, "act", "ticket", ticket):
            assert answer.status_code == 403, operation.name
        else:
            assert answer.status_code in (200, 201, 202, 404, 412), (operation.name, answer.text)
            assert (answer.status_code == 404) <= (operation.name in ("showPolicy", "showCustomer")), operation.name


def test_an_agent_sees_the_tickets_and_customers_of_their_own_queues_only(app: Program) -> None:
    number = app("POST", "/tickets", NEED | {"from": "own@customer.test"}).json()["ticket"]
    queue = app("GET", f"/tickets/{number}").json()["queue"]
    team = app.site.engine.world.team.agents
    inside = next(id for id, agent in team.items() if queue in agent.queues and "supervisor" not in agent.roles)
    outside = "chen"
    assert queue not in team[outside].queues
    for agent, there in ((inside, True), (outside, False)):
        program = Program(app.site, agent)
        assert (number in {one["number"] for one in program("GET", "/tickets?limit=200").json()["tickets"]}) is there
        assert (program("GET", f"/tickets/{number}").status_code == 200) is there
        assert (program("GET", "/customers/own@customer.test").status_code == 200) is there
        assert (number in {one["ticket"] for one in program("GET", "/events?limit=500").json()["events"]}) is there


def test_a_follow_up_is_heard_of_by_its_own_role_alone(app: Program) -> None:
    requested = TicketRequested("follow_up", "supervisors", "请回访", "email", "zh", actor="zhou")
    number = app.site.engine.handle(requested).ticket
    for role, seen in (("supervisor", False), ("manager", False), ("auditor", False), ("follow_up", True)):
        program = Program(app.site, role)
        assert (program("GET", f"/tickets/{number}").status_code == 200) is seen, role
        assert (number in {one["number"] for one in program("GET", "/tickets?limit=200").json()["tickets"]}) is seen, role
        assert number not in {told["ticket"] for told in program("GET", "/events?limit=500").json().get("events", ())}, role


def test_errors_are_problems_in_words(app: Program) -> None:
    cases = [
        (app("GET", "/nothing"), 404),
        (app("GET", "/customers/a%0Ab"), 404),
        (app("DELETE", "/tickets"), 405),
        (app("GET", "/tickets?limit=0"), 400),
        (app("GET", "/tickets?colour=red"), 400),
        (app("GET", "/tickets?limit=1&limit=2"), 400),
        (app("POST", "/tickets", {"from": "a@b.test"}), 400),
        (app("POST", "/tickets", NEED | {"text": "a\x00b"}), 400),
        (app("POST", "/tickets", NEED | {"text": "x" * 300_000}), 413),
        (app("POST", "/tickets", NEED | {"channel": "email"}), 409),
        (app("POST", "/tickets", NEED, {"idempotency-key": ""}), 400),
        (app("GET", "/tickets/999"), 404),
        (app.site.client.post("/api/v1/tickets", content=b"{", headers=json_of(app)), 400),
        (app.site.client.post("/api/v1/tickets", content=b'{"from": "a@b.test", "text": "\\ud800"}', headers=json_of(app)), 400),
        (app.site.client.post("/api/v1/tickets", content=b'{"from": NaN}', headers=json_of(app)), 400),
        (app.site.client.post("/api/v1/tickets", content=b"[" * 100_000, headers=json_of(app)), 400),
        (app.site.client.post("/api/v1/tickets", content=b"a=b", headers=json_of(app) | {"content-type": "text/plain"}), 415),
    ]
    for answer, status in cases:
        assert answer.status_code == status, (answer.request.url, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        jsonschema.validate(answer.json(), document(OPERATIONS)["components"]["schemas"]["problem"])


def json_of(app: Program) -> dict[str, str]:
    return {"authorization": f"Bearer {app.token}", "content-type": "application/json", "idempotency-key": "j"}


def test_every_answer_is_as_the_document_says(house: Website, app: Program) -> None:
    told = app.site.client.get("/api/v1/openapi.json").json()
    assert told["openapi"] == "3.1.0"
    number = app("POST", "/tickets", NEED | {"from": "shape@customer.test"}).json()["ticket"]
    supervisor, auditor = Program(house, "supervisor"), Program(house, "auditor")
    supervisor.act(number, "plan", "更换设备", steps=[{"text": "上门", "who": "zhao", "due": "2099-01-01T00:00:00+08:00"}])
    digest = auditor("GET", "/policies").json()["active"]
    for path, asked in (
        ("/tickets", "/tickets"),
        ("/tickets/{number}", f"/tickets/{number}"),
        ("/tickets/{number}/messages", f"/tickets/{number}/messages"),
        ("/customers/{who}", "/customers/shape@customer.test"),
        ("/surveys", "/surveys"),
        ("/kpis", "/kpis?by=tier&kpi=response_time"),
        ("/policies", "/policies"),
        ("/policies/{digest}", f"/policies/{digest}"),
        ("/events", "/events"),
    ):
        answer = auditor("GET", asked)
        assert answer.status_code == 200, answer.text
        schema = told["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), schema)


def test_what_happens_is_told_at_once_to_whoever_listens_and_goes_on_where_they_left_off(app: Program) -> None:
    auth = {"authorization": f"Bearer {app.token}", "accept": "text/event-stream"}
    begun, heard = threading.Event(), list[dict[str, Any]]()

    def listen() -> None:
        with app.site.browser().stream("GET", "/api/v1/events", headers=auth) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in lines_of(answer, begun):
                heard.append(json.loads(line.removeprefix("data: ")))
                if len(heard) == 1:
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    assert begun.wait(10)
    number = app("POST", "/tickets", NEED | {"from": "stream@customer.test"}).json()["ticket"]
    thread.join(10)
    assert [one["ticket"] for one in heard] == [number]
    missed = app("GET", f"/events?after={heard[0]['id'] - 1}").json()["events"]
    assert missed[0] == heard[0]


def lines_of(answer: httpx.Response, begun: threading.Event) -> Iterator[str]:
    for line in answer.iter_lines():
        begun.set()
        if line.startswith("data: "):
            yield line


def test_however_many_watch_the_store_is_asked_once(app: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    news, asked = News(app.site.engine), list[int]()
    since = news.since

    def counted(after: int) -> list[NewsRow]:
        asked.append(after)
        return since(after)

    async def watch() -> list[list[NewsRow]]:
        streams = [news.follow(0) for _ in range(50)]
        return await asyncio.gather(*(anext(stream) for stream in streams))

    monkeypatch.setattr(news, "since", counted)
    heard = asyncio.run(watch())
    assert asked == [0]
    assert all(rows == heard[0] != [] for rows in heard)


def test_while_too_much_waits_programs_are_told_when_to_come_back(app: Program) -> None:
    engine = dataclasses.replace(app.site.engine, project=replace(app.site.engine.project, waiting_limit=0))
    transport = httpx.ASGITransport(application(Settings(), engine))

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post("/api/v1/tickets", json=NEED, headers=json_of(app) | {"idempotency-key": "full"})

    answer = asyncio.run(send())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_who_asks_too_often_is_told_to_wait(app: Program) -> None:
    transport = httpx.ASGITransport(application(Settings(requests=3), app.site.engine))

    async def five(headers: dict[str, str]) -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return [await client.get("/api/v1/tickets", headers=headers) for _ in range(5)]

    for headers in ({}, {"authorization": f"Bearer {app.token}"}):
        answers = asyncio.run(five(headers))
        assert [answer.status_code == 429 for answer in answers] == [False] * 3 + [True] * 2
        assert int(answers[-1].headers["retry-after"]) >= 1
