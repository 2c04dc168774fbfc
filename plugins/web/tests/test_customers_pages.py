"""What customers see and do on their pages, without a browser."""

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count, product

import httpx
import pytest
from msgspec.structs import replace

from engine.core import events as e
from engine.core.signals import TicketRequested
from engine.runtime.erasure import erase
from engine.runtime.schedule import upcoming
from engine.store import TicketQuery
from engine_web import guards
from tests.core.worlds import changed
from tests.support.counts import scaled
from tests.support.website import Website, fingerprint, website

ZH, EN = {"accept-language": "zh-CN"}, {"accept-language": "en"}
COUNT = count(1)
MANY = 50
"""How many try at once."""


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    """One where a whole town may write from one address."""
    with website(tmp_path_factory.mktemp("web") / "project", more="strangers: 100000, conversation: 100000") as served:
        yield served


def path_of(site: Website, number: str) -> str:
    return site.engine.tokens.link(number).removeprefix(site.url)


def post(site: Website, number: str, deed: str, **form: str) -> httpx.Response:
    return site.client.post(f"{path_of(site, number)}/{deed}", data=form, headers=EN)


def names(site: Website, number: str) -> list[str]:
    with site.engine.store.read() as reader:
        return [stored.event.type for stored in reader.events(number)]


def opened(site: Website, **more: str) -> str:
    """A ticket of somebody who was not here before, for nobody gets more than some automatic messages in an hour."""
    return site.take(**{"sender": f"lan{next(COUNT)}@customer.test", **more})


def resolved(site: Website) -> str:
    number = opened(site)
    assert site.act(number, "resolve", "已恢复") is None
    return number


def surveyed(site: Website) -> str:
    number = resolved(site)
    assert post(site, number, "confirm").status_code == 303
    site.clock.set(site.clock.now() + timedelta(hours=25))
    site.work()
    return number


# ── handing in ──────────────────────────────────────────────────────────────────────────────────────────────────────

ID = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("contact", "channel", "address"), [("Lan@Customer.test", "email", "lan@customer.test"), ("139 1234 5678", "sms", "+8613912345678")]
)
def test_a_request_becomes_a_ticket_and_its_sender_gets_the_link(shared_site: Website, contact: str, channel: str, address: str) -> None:
    id = hashlib.md5(contact.encode(), usedforsecurity=False).hexdigest()
    form = {"id": id, "kind": "complaint", "text": "等了三天", "wish": "尽快发货", "expected_by": "明天", "name": "兰", "contact": contact}
    for _ in range(2):  # whoever presses twice has asked once
        answer = shared_site.client.post("/request", data=form, files={"files": ("a.exe", b"\xff\xd8\xff")}, headers=ZH)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/request/{id}")
    page = shared_site.client.get(f"/request/{id}", headers=ZH)
    [number] = set(re.findall(r"\d{12}", page.text))
    ticket = shared_site.ticket(number)
    with shared_site.engine.store.read() as reader:
        texts = [body for _, kind, body in reader.content_of(number) if kind in ("wish", "expected_by", "attachment")]
        [sent] = [row for row in reader.messages(ticket=number, limit=10) if row.party == "customer"]
    assert (ticket.kind, ticket.language, sorted(texts)[-2:]) == ("complaint", "zh", ["尽快发货", "明天"])
    assert any(text.endswith(" a.jpg") for text in texts)
    assert (sent.channel, sent.address) == (channel, address)
    assert "前" in page.text
    assert "兰" not in page.text  # who gives somebody else's address learns nothing of them
    assert path_of(shared_site, number) not in page.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": " "}, "Please say what it is about."),
        ({"contact": "nobody"}, "an e-mail address or a telephone number"),
        ({"contact": "123"}, "an e-mail address or a telephone number"),
        ({"contact": "a@b.test, c@d.test"}, "an e-mail address or a telephone number"),
        ({"wish": "x" * 1001}, "too long"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_written_stays(shared_site: Website, wrong: dict[str, str], said: str) -> None:
    form = {"id": ID, "text": "<b>late</b>", "contact": "lan@customer.test", **wrong}
    answer = shared_site.client.post("/request", data=form, headers=EN)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{ID}"' in answer.text
    assert "<b>" not in answer.text
    assert "&lt;b&gt;late" in answer.text or "text" in wrong
    assert shared_site.client.get(f"/request/{ID}").status_code == 404


@pytest.mark.parametrize(
    ("files", "said"),
    [([b"MZ\x00"], "of a kind that we cannot take"), ([b"x" * 300_000] * 4, "less than 30 MB"), ([b"x"] * 12, "too many files")],
)
@pytest.mark.parametrize("door", ["request", "message"])
def test_files_that_are_not_taken_are_said_and_nothing_that_was_written_is_lost(
    shared_site: Website, monkeypatch: pytest.MonkeyPatch, door: str, files: list[bytes], said: str
) -> None:
    monkeypatch.setattr(guards, "LARGEST_BODY", 1_000_000)
    form = {"id": ID, "text": "late & later", "contact": "lan@customer.test"}
    path = "/request" if door == "request" else f"{path_of(shared_site, opened(shared_site))}/message"
    before = fingerprint(shared_site)
    answer = shared_site.client.post(path, data=form, files=[("files", ("a.txt", one)) for one in files], headers=EN)
    assert (answer.status_code, said in answer.text, "late &amp; later" in answer.text) == (422, True, True)
    assert f'value="{ID}"' in answer.text
    assert fingerprint(shared_site) == before


def test_a_form_that_did_not_come_whole_does_nothing(shared_site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    number = resolved(shared_site)
    monkeypatch.setattr(guards, "LARGEST_BODY", 1_000_000)
    page, much = path_of(shared_site, number), {"reason": "x", "deed": "person", "text": "late", "more": ["x" * 150_000] * 8}
    assert shared_site.client.post(f"{page}/object", data=much).status_code == 413
    assert shared_site.client.post("/chat", data=much).status_code == 413
    assert shared_site.client.post(f"{page}/object", data={"reason": "x"}, files={"files": b"x" * 1_000_000}).status_code == 422
    assert shared_site.ticket(number).state == "resolved"


@pytest.mark.parametrize("id", ["", "short", ID.upper(), "../../x", "0" * 33])
def test_a_form_without_its_own_id_is_shown_again(shared_site: Website, id: str) -> None:
    answer = shared_site.client.post("/request", data={"id": id, "text": "late", "contact": "lan@customer.test"}, headers=EN)
    assert answer.status_code == 422
    assert re.search(r'name="id" value="[0-9a-f]{32}"', answer.text)


# ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_only_follows_links_changes_nothing(shared_site: Website) -> None:
    numbers = [opened(shared_site), resolved(shared_site), surveyed(shared_site)]
    shared_site.client.post("/request", data={"id": "f" * 32, "text": "late", "contact": "lan@customer.test"})
    links = ["/", "/request", f"/request/{'f' * 32}", "/request/unknown"]
    links += [path_of(shared_site, number) for number in numbers]
    deeds = ("confirm", "object", "rate", "message", "withdraw", "allow")
    links += [f"{links[-2]}/{deed}" for deed in deeds] + [f"{links[-1]}?done=confirmed"]
    before = fingerprint(shared_site)
    crawls = product(range(scaled(1000)), links)
    codes = {shared_site.client.request("HEAD" if turn % 2 else "GET", link).status_code for turn, link in crawls}
    assert codes == {200, 404, 405}
    assert fingerprint(shared_site) == before
    assert post(shared_site, numbers[1], "confirm").status_code == 303  # what is posted does
    assert fingerprint(shared_site) != before


def test_a_page_shows_what_was_promised_and_said_and_no_note_of_a_colleague(shared_site: Website) -> None:
    number = opened(shared_site, text="<script>alert(1)</script> 无法登录 {link}")
    assert shared_site.act(number, "note", "客户很难缠") is None
    assert shared_site.act(number, "contact", "内部通话记录") is None
    page = shared_site.client.get(path_of(shared_site, number), headers=ZH)
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>" not in page.text
    assert "首次响应" in page.text
    assert "难缠" not in page.text
    assert "内部" not in page.text
    assert page.headers["x-robots-tag"].startswith("noindex")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


def test_pages_stay_small(shared_site: Website) -> None:
    number = surveyed(shared_site)
    parts = [path_of(shared_site, number), "/static/base.css", "/static/customers.css", "/static/icon.svg"]
    assert sum(len(shared_site.client.get(part).content) for part in parts) <= 60_000


def test_a_link_that_nobody_sent_shows_and_does_nothing(shared_site: Website) -> None:
    number = resolved(shared_site)
    start, _, end = path_of(shared_site, number).rpartition("/")
    before = fingerprint(shared_site)
    for wrong in (end[:-1], f"{end}a", end.replace("1.", "2."), "x", shared_site.engine.tokens.make(number, "customer")):
        assert shared_site.client.get(f"{start}/{wrong}").status_code == 404
        assert shared_site.client.post(f"{start}/{wrong}/confirm").status_code == 404
    assert shared_site.client.post(f"{start}/{end}/erase").status_code == 404
    assert fingerprint(shared_site) == before


def test_a_link_ends_some_time_after_its_ticket(site: Website) -> None:
    number = resolved(site)
    assert post(site, number, "confirm").status_code == 303
    site.clock.set(site.clock.now() + timedelta(days=90))
    for answer in (
        site.client.get(path_of(site, number)),
        post(site, number, "object", reason="x"),
        post(site, number, "message", text="x"),
    ):
        assert answer.status_code == 404


def test_nobody_finds_the_page_of_an_erased_customer_or_of_the_houses_own_work(shared_site: Website) -> None:
    number = opened(shared_site)
    task = shared_site.engine.handle(TicketRequested("task", "front_desk", "核对", "email", "zh", parent=number)).ticket
    assert task is not None
    assert shared_site.client.get(path_of(shared_site, task)).status_code == 404
    assert shared_site.client.get(path_of(shared_site, number)).status_code == 200
    erase(shared_site.engine, shared_site.ticket(number).customer or "", "zhou", "asked", force=True)
    assert shared_site.client.get(path_of(shared_site, number)).status_code == 404
    assert post(shared_site, number, "message", text="x").status_code == 404


# ── doing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_many_at_once_one_confirms_and_the_others_see_that_it_is_done(shared_site: Website) -> None:
    number = resolved(shared_site)
    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda _: post(shared_site, number, "confirm"), range(MANY)))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * (MANY - 1)
    assert names(shared_site, number).count("customer_confirmed") == 1
    assert "message_received" not in names(shared_site, number)
    assert "was done already" in next(answer.text for answer in answers if answer.status_code == 409)


def test_of_many_at_once_one_rates(shared_site: Website) -> None:
    number = surveyed(shared_site)
    form = {"question_1": "5", "question_2": "4", "question_3": "2", "question_4": "3天才修好"}
    with ThreadPoolExecutor(MANY) as pool:
        codes = sorted(pool.map(lambda _: post(shared_site, number, "rate", **form).status_code, range(MANY)))
    assert codes == [303] + [409] * (MANY - 1)
    assert names(shared_site, number).count("survey_answered") == 1
    shared_site.clock.set(shared_site.clock.now() + timedelta(hours=5))
    shared_site.work()
    with shared_site.engine.store.read() as reader:
        [answer] = reader.answers()
        log = repr([stored.event for stored in reader.events(number)]) + repr(reader.decisions(number))
    assert (dict(answer.scores), answer.suggestion) == ({"speed": 5, "attitude": 4, "effect": 2}, "3天才修好")
    assert "3天才修好" not in log  # it stays confidential towards those who are rated
    assert "3天才修好" not in shared_site.client.get(path_of(shared_site, number)).text


def test_a_rating_that_is_not_whole_is_shown_again_with_what_was_chosen(shared_site: Website) -> None:
    number = surveyed(shared_site)
    answer = post(shared_site, number, "rate", question_1="5", question_3="9", question_4="<i>")
    assert answer.status_code == 422
    assert answer.text.count("Please choose one.") == 2
    assert 'name="question_1" value="5" checked' in answer.text
    assert "&lt;i&gt;" in answer.text
    assert "survey_answered" not in names(shared_site, number)


def test_who_answers_a_strictly_anonymous_survey_is_called_only_if_they_ask_for_it(site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 'name="call"' not in site.client.get(path_of(site, surveyed(site))).text
    strict = changed(
        ("survey.yaml", "anonymity: confidential ", "anonymity: strict "),
        ("survey.yaml", "      open: {kind: fo", "      opt_in: [回电, call me]\n      open: {kind: fo"),
    )
    monkeypatch.setattr(site.engine, "world", replace(site.engine.world, policy=strict))
    low = {"question_1": "1", "question_2": "1", "question_3": "1", "question_4": "太慢了"}
    for more, called in (({}, 0), ({"call": "yes"}, 1)):
        number = surveyed(site)
        assert "Please call me about it" in site.client.get(path_of(site, number), headers=EN).text
        assert post(site, number, "rate", **low, **more).status_code == 303
        with site.engine.store.read() as reader:
            before = len(reader.tickets(TicketQuery(kind="follow_up")))
        site.wait(timedelta(hours=5))
        with site.engine.store.read() as reader:
            assert len(reader.tickets(TicketQuery(kind="follow_up"))) - before == called


def test_a_scale_without_words_says_which_end_is_which(site: Website) -> None:
    number = surveyed(site)
    assert "is the lowest" not in site.client.get(path_of(site, number), headers=EN).text  # its points have words
    opened(site)  # of somebody who was not asked lately
    site.engine.work_rules()
    site.clock.set(upcoming(site.engine.world.policy, site.clock.now())["relationship"])
    assert site.engine.work_rules()
    site.wait(timedelta(days=2))
    with site.engine.store.read() as reader:
        [invitation] = [one for one in reader.tickets(TicketQuery(kind="survey")) if one.survey and one.survey.awaited]
    shown = site.client.get(path_of(site, invitation.number), headers=EN).text
    assert shown.count("1 is the lowest, 5 the highest.") == 8
    assert shown.count("0 is the lowest, 10 the highest.") == 1


def test_an_objection_needs_a_reason_and_sends_the_work_round_again(shared_site: Website) -> None:
    number = resolved(shared_site)
    assert post(shared_site, number, "object", reason="  ").status_code == 422
    assert post(shared_site, number, "object", reason="x" * 5001).status_code == 422
    assert post(shared_site, number, "object", reason="yes, but it is broken again").status_code == 303
    assert (shared_site.ticket(number).state, shared_site.ticket(number).objections) == ("in_progress", 1)
    assert post(shared_site, number, "object", reason="again").status_code == 409
    assert post(shared_site, number, "confirm").status_code == 409


def test_who_confirmed_may_still_object(shared_site: Website) -> None:
    number = resolved(shared_site)
    assert post(shared_site, number, "confirm").status_code == 303
    assert post(shared_site, number, "object", reason="broken again").status_code == 303
    assert (shared_site.ticket(number).state, shared_site.ticket(number).reopened) == ("in_progress", 1)


def test_a_message_reaches_whoever_works_on_it_once(shared_site: Website) -> None:
    number = opened(shared_site)
    form = {"id": "a1" * 16, "text": "补充:版本是3.2"}
    for _ in range(2):
        sent = shared_site.client.post(
            f"{path_of(shared_site, number)}/message", data=form, files={"files": ("log.txt", "第一行".encode())}
        )
        assert sent.status_code == 303
    with shared_site.engine.store.read() as reader:
        received = [one.event for one in reader.events(number) if isinstance(one.event, e.MessageReceived)]
        told = [row for row in reader.messages(ticket=number, limit=20) if row.script == "customer_message"]
    assert (len(received), len(told)) == (1, 1)
    assert "log.txt" in shared_site.client.get(path_of(shared_site, number)).text
    assert post(shared_site, number, "message", text=" ").status_code == 422
    for text in ("没有编号", "也没有编号"):  # are two, for nothing says that they are one
        assert post(shared_site, number, "message", text=text).status_code == 303
        assert text in shared_site.client.get(path_of(shared_site, number)).text


def test_consent_is_withdrawn_for_one_way_and_given_again(shared_site: Website) -> None:
    address = "mei@customer.test"
    number = opened(shared_site, sender=address)
    assert post(shared_site, number, "withdraw", channel="sms").status_code == 409  # no address of theirs is known there
    assert post(shared_site, number, "withdraw", channel="email").status_code == 303
    assert post(shared_site, number, "withdraw", channel="email").status_code == 409
    with shared_site.engine.store.read() as reader:
        assert reader.opted_out("email", address)
    assert "Allow again" in shared_site.client.get(path_of(shared_site, number), headers=EN).text
    assert post(shared_site, number, "allow", channel="email").status_code == 303
    with shared_site.engine.store.read() as reader:
        assert not reader.opted_out("email", address)
    assert names(shared_site, number).count("opted_out") == names(shared_site, number).count("opted_in") == 1


def test_an_opt_out_word_ends_every_way_in_one_decision_and_its_files_are_kept_however_often_it_is_pressed(site: Website) -> None:
    address, phone = "mei@customer.test", "+8613912345678"
    customer = site.ticket(site.take(sender=address)).customer or ""
    with site.engine.store.write() as tx:
        tx.add_address(customer, "phone", phone)
    number = site.take(sender=address, text="发票怎么开")
    page = path_of(site, number)
    form = {"id": "b2" * 16, "text": "退订"}
    files = {"files": ("合同.txt", "第一行".encode())}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: site.client.post(f"{page}/message", data=form, files=files), range(4)))
    assert {answer.headers["location"] for answer in answers} == {f"{page}?done=withdrawn"}
    with site.engine.store.read() as reader:
        assert (reader.opted_out("email", address), reader.opted_out("sms", phone)) == (True, True)
        decided = {one.decision_id for one in reader.events(number) if one.event.type in ("opted_out", "message_received", "noted")}
    assert len(decided) == 1
    assert names(site, number).count("opted_out") == 2
    assert "合同.txt" in site.client.get(page).text
