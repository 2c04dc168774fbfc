"""The chat as a stranger's browser meets it, without running one."""

import asyncio
import re
from dataclasses import replace
from itertools import count

import httpx
import pytest
from starlette.requests import Request

from engine.core import events as e
from engine.core.contacts import from_text
from engine_web.app import application
from engine_web.customers import chat
from engine_web.doors.throttle import source
from engine_web.settings import Settings
from tests.support.website import Website, fingerprint

ZH, EN = {"accept-language": "zh-CN"}, {"accept-language": "en"}
COUNT = count(1)


def visitor() -> dict[str, str]:
    """A form with an id of its own, as the page gives it."""
    return {"id": f"{next(COUNT):032x}"}


def at(address: str, language: dict[str, str] = EN) -> dict[str, str]:
    """The headers of somebody at an address, which the proxy tells."""
    return {**language, "x-forwarded-for": address}


def handed_over(site: Website, **form: str) -> str:
    """Ask for a person; return the path of the conversation."""
    sent = {**visitor(), "deed": "person", "text": "我的订单还没到", **form}
    answer = site.browser().post("/chat", data=sent, headers=at(f"198.51.100.{next(COUNT) % 250}", ZH))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def page_of(site: Website, number: str) -> str:
    return site.engine.tokens.link(number).removeprefix(site.url)


def number_of(path: str) -> str:
    return path.removeprefix("/chat/").partition(".")[0]


@pytest.mark.parametrize(
    ("language", "question", "title", "glad"),
    [(ZH, "忘记密码怎么办?", "无法登录、忘记密码", "很高兴"), (EN, "I forgot my password", "forgot the password", "We are glad")],
)
def test_the_knowledge_base_answers_first_and_what_it_helped_with_is_not_kept(
    shared_site: Website, language: dict[str, str], question: str, title: str, glad: str
) -> None:
    before = fingerprint(shared_site)
    asked = shared_site.client.post("/chat", data={**visitor(), "deed": "ask", "text": question}, headers=language)
    assert asked.status_code == 200
    assert title in asked.text
    assert question in asked.text
    helped = shared_site.client.post("/chat", data={"deed": "helped"}, headers=language)
    assert glad in helped.text
    assert fingerprint(shared_site) == before


def test_who_asks_what_no_article_says_is_offered_a_person(shared_site: Website) -> None:
    asked = shared_site.client.post("/chat", data={**visitor(), "text": "<b>qwertz</b>"}, headers=EN)
    assert "no ready answer" in asked.text
    assert 'value="person"' in asked.text
    assert "<b>qwertz" not in asked.text
    assert asked.text.count("&lt;b&gt;qwertz") == 2  # as said, and to be changed


def test_a_conversation_is_one_ticket_in_which_answers_appear_until_it_is_confirmed(shared_site: Website) -> None:
    site, form = shared_site, visitor()
    paths = {handed_over(site, **form, name="兰<i>", contact="139 1234 5678") for _ in range(2)}  # pressed twice, asked once
    [path] = paths
    number = number_of(path)
    ticket = site.ticket(number)
    with site.engine.store.read() as reader:
        texts = {id: body for id, _, body in reader.content_of(number)}
    contact = from_text(texts[ticket.contact or ""])
    assert (ticket.channel, ticket.language, contact.name, [*contact.addresses]) == ("chat", "zh", "兰<i>", ["chat"])
    assert form["id"] not in str(contact)  # what the house reads opens nothing
    assert texts[ticket.description or ""] == "我的订单还没到\n\n联系方式：139 1234 5678"
    assert site.act(number, "write", "您好,<u>马上</u>为您查询") is None
    site.work()
    with site.engine.store.read() as reader:
        sent = {(row.channel, row.state) for row in reader.messages(ticket=number) if row.party == "customer"}
    assert sent == {("chat", "sent")}
    page = site.client.get(path, headers=ZH)
    assert "&lt;u&gt;马上" in page.text
    assert f'href="{page_of(site, number)}"' in page.text  # where the promise says {link}
    assert "{link}" not in page.text
    written = {**visitor(), "text": "好的,谢谢,订单号是 8812"}
    for _ in range(2):
        assert site.client.post(path, data=written).headers["location"] == f"{path}#end"
    with site.engine.store.read() as reader:
        assert sum(isinstance(one.event, e.MessageReceived) for one in reader.events(number)) == 1
    assert site.act(number, "resolve", "已补发") is None
    assert site.client.post(path, data={**visitor(), "text": "是的,解决了"}).status_code == 303
    assert site.ticket(number).state == "confirmed"
    assert "已补发" in site.client.get(path, headers=ZH).text


def test_an_answer_is_told_as_it_is_written_to_so_many_pages(shared_site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    path = handed_over(shared_site)
    monkeypatch.setattr(chat, "MOST_LIVE", 1)
    drawn, draw = list[str](), chat._drawn

    def counted(request: Request) -> str:
        drawn.append(draw(request))
        return drawn[-1]

    monkeypatch.setattr(chat, "_drawn", counted)
    with shared_site.client.stream("GET", f"{path}/live") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(line for line in lines if "我的订单" in line).startswith("data: ")
        assert len(drawn) == 1
        for spelled in (path, f"/chat/{path.removeprefix('/chat/').upper()}"):
            assert shared_site.browser().get(f"{spelled}/live").status_code == 429
        assert shared_site.act(number_of(path), "write", "马上为您查询") is None
        assert next(line for line in lines if "马上" in line).startswith("data: ")


def test_looking_at_a_conversation_changes_nothing_and_needs_its_link(shared_site: Website) -> None:
    path = handed_over(shared_site)
    mail = page_of(shared_site, shared_site.take()).removeprefix("/r/")
    before = fingerprint(shared_site)
    assert {shared_site.client.request(verb, one).status_code for verb in ("GET", "HEAD") for one in ("/chat", path)} == {200}
    assert shared_site.client.head(f"{path}/live").status_code == 200  # and is not kept waiting
    for wrong in (f"{path}a", path[:-1], "/chat/x", f"/chat/{mail}"):
        for answer in (
            shared_site.client.get(wrong),
            shared_site.client.get(f"{wrong}/live"),
            shared_site.client.post(wrong, data={"text": "x"}),
        ):
            assert answer.status_code == 404, wrong
    assert fingerprint(shared_site) == before


def test_who_comes_back_is_led_to_their_conversation(shared_site: Website) -> None:
    browser = shared_site.browser()
    path = browser.post("/chat", data={**visitor(), "deed": "person", "text": "x"}, headers=at("192.0.2.77")).headers["location"]
    assert f'href="{path}"' in browser.get("/chat").text
    assert path not in shared_site.browser().get("/chat").text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": " "}, "Please say what it is about"),
        ({"text": "x" * 5001}, "too long"),
        ({"name": "x" * 81}, "too long"),
        ({"contact": "nobody"}, "an e-mail address or a telephone number"),
    ],
)
def test_what_is_wrong_is_said_and_opens_nothing(shared_site: Website, wrong: dict[str, str], said: str) -> None:
    before = fingerprint(shared_site)
    answer = shared_site.client.post("/chat", data={**visitor(), "deed": "person", "text": "late", **wrong}, headers=EN)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert fingerprint(shared_site) == before


def test_a_message_that_is_empty_or_endless_stays_in_its_form(shared_site: Website) -> None:
    path = handed_over(shared_site)
    for text in (" ", "y" * 5001):
        answer = shared_site.client.post(path, data={**visitor(), "text": text}, headers=EN)
        assert (answer.status_code, text.strip() in answer.text) == (422, True)


def test_a_conversation_takes_so_many_messages_a_minute_and_keeps_what_was_too_many_in_the_form(shared_site: Website) -> None:
    path = handed_over(shared_site)

    def sent(text: str) -> httpx.Response:
        return shared_site.client.post(path, data={**visitor(), "text": text}, headers=at(f"192.0.2.{next(COUNT) % 250}"))

    codes = [sent(str(nth)).status_code for nth in range(Settings().conversation)]
    refused = sent("once more")
    assert codes == [303] * Settings().conversation
    assert (refused.status_code, "once more" in refused.text, "a little too often" in refused.text) == (429, True, True)
    assert int(refused.headers["retry-after"]) >= 1


def test_what_is_done_on_a_page_counts_as_what_is_said_in_its_conversation_does(shared_site: Website) -> None:
    page = page_of(shared_site, shared_site.take(sender="fan@customer.test"))

    def done(deed: str, address: str) -> httpx.Response:
        return shared_site.client.post(f"{page}/{deed}", data={**visitor(), "text": "once more"}, headers=at(address))

    deeds = ["message", "confirm", "object", "rate", "withdraw", "allow"] * 2
    codes = [done(deed, f"192.0.2.{next(COUNT) % 250}").status_code for deed in deeds]
    assert [code == 429 for code in codes] == [nth >= Settings().conversation for nth in range(len(deeds))]
    refused = done("message", "192.0.2.251")
    assert (refused.status_code, "once more" in refused.text, "a little too often" in refused.text) == (429, True, True)
    assert int(refused.headers["retry-after"]) >= 1


def test_an_address_sends_so_much_a_minute_by_chat_and_form_together(shared_site: Website) -> None:
    def form(address: str) -> httpx.Response:
        sent = {**visitor(), "text": "late & later", "contact": "lan@customer.test"}
        return shared_site.client.post("/request", data=sent, headers=at(address))

    def asked(address: str) -> httpx.Response:
        return shared_site.client.post("/chat", data={**visitor(), "text": "?"}, headers=at(address))

    assert {asked("203.0.113.9").status_code for _ in range(Settings().strangers)} == {200}
    for refused in (asked("203.0.113.9"), form("203.0.113.9")):
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
    assert "late &amp; later" in refused.text
    assert form("203.0.113.10").status_code == 303


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("somewhere", "somewhere"),
    ],
)
def test_a_limit_counts_an_address_or_the_network_of_a_household(address: str, counted: str) -> None:
    assert source(Request({"type": "http", "client": (address, 1)})) == counted


def test_nobody_knows_of_a_chat_where_there_is_none(shared_site: Website) -> None:
    path = handed_over(shared_site)
    engine = replace(shared_site.engine, types={name: kind for name, kind in shared_site.engine.types.items() if name != "chat"})
    transport = httpx.ASGITransport(application(Settings(), engine))

    async def asked() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return [await client.request(verb, at) for at in ("/chat", path) for verb in ("GET", "POST")] + [await client.get("/")]

    *answers, home = asyncio.run(asked())
    assert {answer.status_code for answer in answers} == {404}
    assert "/chat" not in home.text
    assert "/chat" in shared_site.client.get("/").text


def test_forms_hold_an_id_that_nobody_guesses(shared_site: Website) -> None:
    seen = {re.findall(r'name="id" value="([0-9a-f]{32})"', shared_site.client.get("/chat").text)[0] for _ in range(3)}
    assert len(seen) == 3
