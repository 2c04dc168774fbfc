"""The house's own work in the console: the phone desk, follow-ups, measures, reviews, incidents."""

import re
from datetime import timedelta
from typing import Any

from engine.store import TicketQuery
from tests.support.console import act, csrf_of, enter, followed_up, hidden, page
from tests.support.website import Website


def test_a_call_is_registered_from_the_phone_desk_once_and_its_ticket_has_the_promise_to_read_aloud(site: Website) -> None:
    known = site.take("sms", "13912345678", "软件异常,无法登录", sender_name="兰女士")
    client = site.client_of("zhao")
    shown = page(client, "/console/phone?phone=139 1234 5678")
    assert "and 1 more" in shown  # the desk of others has it
    assert known in page(site.client_of("zhou"), "/console/phone?phone=139 1234 5678")
    assert "my name is 赵敏" in shown
    site.clock.set(site.clock.now() + timedelta(seconds=50))
    call = {
        **hidden(shown, "/console/phone"),
        "phone": "13800138000",
        "name": "白先生",
        "text": "系统宕机,全公司无法使用",
        "impact": "outage",
    }
    answers = [client.post("/console/phone", data=call) for _ in range(2)]
    [number] = {registered[1] for answer in answers if (registered := re.search(r"已登记为工单(\d+),由技术支持处理", answer.text))}
    with site.engine.store.read() as reader:
        ticket = reader.ticket(number)
        assert ticket
        assert (ticket.tier, ticket.channel, ticket.impact) == ("urgent", "phone_log", "outage")
        assert len(reader.tickets(TicketQuery())) == 2
    promise = f"您的问题(工单{number})属于一级(紧急)"
    assert promise in answers[0].text  # though the ticket itself is for others now
    assert promise in page(site.client_of("zhou"), f"/console/tickets/{number}")
    mine = enter(site, "zhou", "/console/phone", phone="13800138001", text="请问发票什么时候开?")
    assert "发票" in page(site.client_of("zhou"), mine.headers["location"])
    assert client.post("/console/phone", data={**call, "text": ""}, headers={"accept-language": "en"}).status_code == 422
    assert client.post("/console/phone", data={**call, "form": "../x"}).status_code == 400


def test_whom_a_follow_up_is_about_is_shown_to_its_role_only_and_each_look_is_kept(site: Website) -> None:
    number = followed_up(site)
    page(site.client_of("zhou"), "/console/follow-ups", 403)
    page(site.client_of("zhou"), f"/console/tickets/{number}", 403)
    page(site.client_of("qian"), f"/console/tickets/{number}", 403)
    assert number not in page(site.client_of("zhou"), "/console/board")
    assert number not in page(site.client_of("zhou"), f"/console/find?words={number[:8]}")
    assert number in page(site.client_of("li"), "/console/follow-ups")
    shown = page(site.client_of("li"), f"/console/tickets/{number}")
    assert "没人理我" in shown
    assert "lan@customer.test" in shown
    with site.engine.store.read() as reader:
        assert {row.who for row in reader.audits() if row.about == number} == {"li"}
    outcome: dict[str, Any] = {"why1": "电话没人接", "cause": "people", "remedy": "已道歉", "satisfied": "yes"}
    assert act(site, "li", number, "outcome", **outcome).status_code == 303
    assert "电话没人接" in page(site.client_of("li"), f"/console/tickets/{number}")
    audit = page(site.client_of("zhou"), f"/console/audit?about={number}&who=li")
    assert re.search(rf"<td>李强</td><td>looked at</td><td>{number}</td>", audit)
    assert "lan@customer.test" not in audit
    assert "There is nothing to show" in page(site.client_of("zhou"), f"/console/audit?about={number}&who=zhou")
    assert "is no date" in site.client_of("zhou").get("/console/audit?from=yesterday", headers={"accept-language": "en"}).text
    assert act(site, "li", number, "resolve", text="已回访").status_code == 303
    assert "lan@customer.test" not in page(site.client_of("li"), f"/console/tickets/{number}")


def test_a_measure_is_entered_with_its_owner_and_verified_by_figures(shared_site: Website) -> None:
    client = shared_site.client_of("zhou")
    given = hidden(page(client, "/console/measures"), "/console/measures")
    wanted = {**given, "text": "重写手册", "owner": "zhao", "due": "2026-03-31", "category": "handbook", "kpi": "resolution_rate"}
    assert client.post("/console/measures", data=wanted).status_code == 303
    shown = page(client, "/console/measures")
    assert "重写手册" in shown
    number = re.search(r'name="number" value="(\d+)"', shown)
    assert number
    assert client.post("/console/measures", data={**given, "number": number[1]}).status_code == 303
    assert "too early" in page(client, "/console/measures")
    assert client.post("/console/measures", data={**wanted, "owner": "nobody"}).status_code == 422
    assert client.post("/console/measures", data={**given, "number": "1"}).status_code == 404
    agent = shared_site.client_of("wu")
    assert agent.post("/console/measures", data={**wanted, "csrf": csrf_of(agent.get("/console/board").text)}).status_code == 403


def test_reviews_are_drawn_and_scored_by_the_form(site: Website) -> None:
    number = site.take(text="系统宕机")
    assert site.act(number, "close", "误报", "qian") is None
    site.clock.set(site.clock.now() + timedelta(hours=1))
    client = site.client_of("zhou")
    assert client.post("/console/reviews", data={"csrf": csrf_of(client.get("/console/reviews").text)}).status_code == 303
    shown = page(client, "/console/reviews")
    assert number in shown
    with site.engine.store.read() as reader:
        [review, *_] = reader.tickets(TicketQuery(kind="review"))
    form = site.engine.world.policy.quality
    assert form
    points: dict[str, Any] = {f"points-{item.id}": str(item.points) for item in form.items}
    assert act(site, str(review.assignee), review.number, "score", text="很好", **points).status_code == 303
    assert "100.0" in page(client, "/console/reviews")


def test_an_incident_is_opened_with_its_tickets_and_its_broadcast_is_seen_beforehand(site: Website) -> None:
    numbers = [site.take(sender=f"{name}@customer.test", text="发票打不开") for name in ("lan", "bai")]
    client = site.client_of("zhou")
    given = hidden(page(client, "/console/incidents"), "/console/incidents")
    wanted = {**given, "title": "发票系统中断", "queue": "tech_support", "numbers": " ".join(numbers)}
    assert client.post("/console/incidents", data={**wanted, "numbers": "1"}).status_code == 422
    incident = client.post("/console/incidents", data=wanted).headers["location"].rpartition("/")[2]
    assert "发票系统中断" in page(client, "/console/incidents")
    shown = page(client, f"/console/tickets/{incident}")
    assert all(f"/console/tickets/{number}" in shown for number in numbers)
    site.work()
    preview = act(site, "zhou", incident, "progress", text="正在切换备用系统", step="preview")
    assert preview.text.count("lan@customer.test") == preview.text.count("bai@customer.test") == 1
    assert "正在切换备用系统" in preview.text
    with site.engine.store.read() as reader:
        before = len(reader.messages(ticket=numbers[0]))
    assert act(site, "zhou", incident, "progress", text="正在切换备用系统").status_code == 303
    site.work()
    with site.engine.store.read() as reader:
        assert len(reader.messages(ticket=numbers[0])) == before + 1
    assert act(site, "zhou", numbers[1], "leave").status_code == 303
    assert act(site, "zhou", numbers[1], "join", target=incident).status_code == 303
    page(site.client_of("wu"), "/console/incidents", 403)
