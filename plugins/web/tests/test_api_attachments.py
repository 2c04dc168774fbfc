"""Files of messages over the API: sent as base64, typed by what is in them, and handed out by the same rights as the message."""

import socket
from base64 import b64encode

import jsonschema
import pytest

from engine_web.api import OPERATIONS
from engine_web.api.openapi import document
from engine_web.customers.uploads import LARGEST_FILE, MOST_FILES
from engine_web.guards import LARGEST_BODY
from tests.support.downloads import links, saved
from tests.support.programs import NEED, Program
from tests.support.website import fingerprint

PNG = b"\x89PNG\r\n\x1a\n....IHDR"


def file(name: str, content: bytes) -> dict[str, str]:
    return {"name": name, "content": b64encode(content).decode()}


def opened(app: Program, sender: str, *files: dict[str, str]) -> str:
    answer = app("POST", "/tickets", NEED | {"from": sender, "kind": "after_sales"} | ({"attachments": [*files]} if files else {}))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["ticket"])


def attached(app: Program, number: str, by: str) -> dict[str, str]:
    """Ids of the files of messages, by name."""
    messages = app("GET", f"/tickets/{number}/messages").json()["messages"]
    return {file["name"]: file["id"] for one in messages if one["by"] == by for file in one["attachments"]}


def test_files_come_in_with_needs_and_messages_once_and_are_seen_as_any_others(app: Program) -> None:
    number = opened(app, "enclosing@customer.test", file("run.exe", PNG))
    more = {"attachments": [file("发票.pdf", b"%PDF-1.7"), file("../a.htm", b"<script>alert(1)</script>")]}  # and no word beside them
    for _ in range(2):
        answer = app("POST", f"/tickets/{number}/messages", more, {"idempotency-key": "enclosing"})
        assert (answer.status_code, answer.json()["ticket"]) == (201, number)
    ids = attached(app, number, "customer")
    assert list(ids) == ["run.png", "发票.pdf", "a.txt"]
    found = [saved(app("GET", f"/tickets/{number}/attachments/{id}")) for id in ids.values()]
    assert [one[1] for one in found] == ["image/png", "application/pdf", "text/plain; charset=utf-8"]
    assert found[0] == ("run.png", "image/png", PNG)
    assert sorted(links(app.site.client_of("zhou").get(f"/console/tickets/{number}"))) == sorted(ids)
    shape = document(OPERATIONS)["paths"]["/tickets/{number}/messages"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(app("GET", f"/tickets/{number}/messages").json(), shape)
    with app.site.engine.store.read() as reader:
        looks = [row.what for row in reader.audits() if row.about == number and row.who == app.agent]
    assert looks.count("looked at an attachment") == 3


def test_files_that_the_house_sends_are_read_by_the_app_and_what_it_notes_is_not(app: Program) -> None:
    number = opened(app, "reading@customer.test")
    assert Program(app.site, "supervisor").act(number, "article", target="return-exchange").status_code == 200
    ids = attached(app, number, "house")
    assert list(ids) == ["return-form.txt"]
    assert saved(app("GET", f"/tickets/{number}/attachments/{ids['return-form.txt']}"))[0] == "return-form.txt"
    with app.site.engine.store.read() as reader:
        others = [f"{id}.0" for id, _, _ in reader.content_of(number) if f"{id}.0" not in ids.values()]
    assert others
    for wrong in (*others, "x", "..%2f..%2fengine.yaml"):
        assert app("GET", f"/tickets/{number}/attachments/{wrong}").status_code == 404, wrong
    other = opened(app, "other@customer.test")
    assert app("GET", f"/tickets/{other}/attachments/{ids['return-form.txt']}").status_code == 404


def test_a_file_is_read_by_whoever_may_read_its_message(app: Program) -> None:
    number = opened(app, "rights@customer.test", file("a.png", PNG))
    [id] = attached(app, number, "customer").values()
    path = f"/tickets/{number}/attachments/{id}"
    codes = [Program(app.site, who)("GET", path).status_code for who in ("auditor", "chen")]
    assert codes == [200, 404]
    assert app.site.client.get(f"/api/v1{path}").status_code == 401


@pytest.mark.parametrize(
    ("attachments", "status", "why"),
    [
        ([file("a.exe", b"MZ\x90\x00\x03")], 422, "of a kind that we cannot take"),
        ([{"name": "a.png", "content": "AAAAA"}], 422, "no base64"),
        ([{"name": "a.png", "content": "*AAA"}], 400, "pattern"),
        ([file("a.png", PNG + b"x" * LARGEST_FILE)], 400, "maxLength"),
        ([file("a.png", PNG)] * (MOST_FILES + 1), 400, "maxItems"),
        ([], 400, "minItems"),
        ([file("a.png", PNG + b"x" * (LARGEST_FILE - 1000))] * 3, 413, ""),
    ],
)
def test_what_is_not_taken_is_told_and_leaves_nothing(app: Program, attachments: list[dict[str, str]], status: int, why: str) -> None:
    before = fingerprint(app.site)
    answer = app("POST", "/tickets", NEED | {"attachments": attachments})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert why in answer.text
    assert fingerprint(app.site) == before


def test_a_stranger_is_refused_before_what_they_send_is_read(app: Program) -> None:
    site = app.site
    for who, status in (("", 401), ("auditor", 403)):
        with socket.create_connection(("127.0.0.1", site.client.base_url.port or 80), timeout=20) as line:
            token = f"Authorization: Bearer {site.token_of(who)}\r\n" if who else ""
            line.sendall(
                f"POST /api/v1/tickets/1/messages HTTP/1.1\r\nHost: here\r\n{token}Content-Length: {LARGEST_BODY}\r\n\r\n{{".encode()
            )
            assert line.recv(12) == f"HTTP/1.1 {status}".encode()
