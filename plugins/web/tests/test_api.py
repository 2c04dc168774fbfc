import asyncio
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import jsonschema
import pytest
from msgspec.structs import replace

from engine.channels import Attachment
from engine.errors import EngineError
from engine.services import Engine, TicketQuery
from engine_web.api import OPERATIONS, tickets
from engine_web.api.openapi import document
from engine_web.app import application
from engine_web.settings import Settings
from tests.core.worlds import MINUTE
from tests.support.programs import NEED, Program, json_of, staffed
from tests.support.website import Website, website


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


def test_a_key_is_kept_with_what_came_under_it_so_that_no_need_is_lost_or_doubled(app: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def sent(sender: str) -> httpx.Response:
        return app("POST", "/tickets", NEED | {"from": sender}, {"idempotency-key": "kept"})

    def away(_: Engine, limit: int = 100) -> int:
        raise EngineError("the database is away")

    with monkeypatch.context() as once:
        once.setattr(Engine, "work_inbox", away)
        assert sent("kept@customer.test").status_code == 503
    assert sent("+8613912345679").status_code == 409  # which would come in by another channel
    first = sent("kept@customer.test")
    assert (first.status_code, sent("kept@customer.test").json()) == (201, first.json())
    monkeypatch.setattr(tickets, "KEPT", -MINUTE)  # whatever comes next finds all keys forgotten
    app("POST", "/tickets", NEED)
    again = sent("kept@customer.test")
    assert again.status_code == 201
    assert again.json()["ticket"] != first.json()["ticket"]


def test_a_key_is_one_of_its_account_only(app: Program) -> None:
    opened = [who("POST", "/tickets", NEED, {"idempotency-key": "shared"}) for who in (app, Program(app.site, "supervisor"))]
    assert {answer.status_code for answer in opened} == {201}
    assert len({answer.json()["ticket"] for answer in opened}) == 2


def test_a_key_is_used_once_where_transactions_run_beside_each_other(tmp_path: Path, database: str) -> None:
    with website(tmp_path / "project", database=database) as site, ThreadPoolExecutor(6) as pool:
        app, supervisor = Program(staffed(site), "integration"), Program(site, "supervisor")

        def opened(sender: str) -> httpx.Response:
            return app("POST", "/tickets", NEED | {"from": sender}, {"idempotency-key": "one"})

        answers = list(pool.map(opened, ("lan@customer.test", "+8613912345678") * 6))
        assert {answer.status_code for answer in answers} <= {201, 202, 409}  # 202: another of them was deciding on it just then
        with site.engine.store.read() as reader:
            [number] = [ticket.number for ticket in reader.tickets(TicketQuery())]
        headers = {"idempotency-key": "act", "if-match": f'"{site.ticket(number).seq}"'}

        def noted(_: int) -> httpx.Response:
            return supervisor("POST", f"/tickets/{number}/actions", {"action": "note", "text": "回电"}, headers)

        done = list(pool.map(noted, range(6)))
        assert {(answer.status_code, answer.text, answer.headers.get("etag")) for answer in done} == {
            (200, done[0].text, f'"{site.ticket(number).seq}"')
        }


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


def test_messages_are_what_was_said_and_neither_names_of_files_nor_what_the_house_notes(app: Program) -> None:
    photo = Attachment("photo.png", "image/png", b"\x89PNG\r\n\x1a\n")
    number = app.site.take(sender="files@customer.test", text="软件异常,见附件", attachments=(photo,))
    assert Program(app.site, "supervisor").act(number, "note", "难缠").status_code == 200
    messages = app("GET", f"/tickets/{number}/messages").json()["messages"]
    assert [one["text"] for one in messages if one["by"] == "customer"] == ["软件异常,见附件"]


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
    # What is no request is told to be none, however the ticket is now.
    assert supervisor("POST", path, note | {"due": "2026-03-06T12:99:00Z"}, {"if-match": seen}).status_code == 422
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
        (app("POST", "/tickets", NEED | {"text": "x" * 300_000}), 400),
        (Program(app.site, "supervisor")("POST", "/tickets/1/actions", {"action": "note", "text": "x" * 300_000}), 413),
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


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("from=0001-01-01T00:00:00Z&to=0001-03-01T00:00:00Z&by=day", "is no instant"),
        ("from=9999-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&by=day", "is no instant"),
        ("from=2026-02-30T00:00:00Z", "is no instant"),
        ("from=2026-02-20T00:00:00", "has no offset"),
        ("from=1990-01-01T00:00:00Z&by=day", "too long"),
        ("from=1901-01-01T00:00:00Z&by=tier", "too long"),
    ],
)
def test_a_period_that_there_is_not_or_that_would_take_minutes_to_count_is_refused(house: Website, asked: str, why: str) -> None:
    answer = Program(house, "supervisor")("GET", f"/kpis?{asked}")
    assert (answer.status_code, why in answer.json()["detail"]) == (422, True), answer.text


def test_every_link_of_the_document_leads_to_an_operation_by_parameters_that_it_has() -> None:
    described = [one for path in document(OPERATIONS)["paths"].values() for one in path.values()]
    known = {one["operationId"]: {each["name"] for each in one["parameters"]} for one in described}
    links = [link for one in described for told in one["responses"].values() for link in told.get("links", {}).values()]
    assert len(links) > len(OPERATIONS)
    for link in links:
        assert link["parameters"].keys() <= known[link["operationId"]], link


def test_while_too_much_waits_programs_are_told_when_to_come_back_and_the_log_why(app: Program, caplog: pytest.LogCaptureFixture) -> None:
    engine = dataclasses.replace(app.site.engine, project=replace(app.site.engine.project, waiting_limit=0))
    transport = httpx.ASGITransport(application(Settings(), engine))

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post("/api/v1/tickets", json=NEED, headers=json_of(app) | {"idempotency-key": "full"})

    answer = asyncio.run(send())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    [line] = [record for record in caplog.records if record.message == "cannot answer"]
    assert "too much waits" in vars(line)["facts"]["reason"]


def test_who_asks_too_often_is_told_to_wait(app: Program) -> None:
    transport = httpx.ASGITransport(application(Settings(requests=3), app.site.engine))

    async def five(headers: dict[str, str]) -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return [await client.get("/api/v1/tickets", headers=headers) for _ in range(5)]

    for headers in ({}, {"authorization": f"Bearer {app.token}"}):
        answers = asyncio.run(five(headers))
        assert [answer.status_code == 429 for answer in answers] == [False] * 3 + [True] * 2
        assert int(answers[-1].headers["retry-after"]) >= 1
