"""What of the console's lists, drawings and previews is for whom."""

from collections.abc import Iterator

import httpx
import pytest

from engine.core.model import SYSTEM, Ticket
from engine.core.quality import Review
from engine.runtime import quality
from engine.store import TicketQuery
from engine_web.console import board
from tests.support.console import act, enter, followed_up, give_roles, hidden, page
from tests.support.website import Website


def first_rows(client: httpx.Client) -> str:
    """Return the first drawing of somebody's live board."""

    def lines() -> Iterator[str]:
        with client.stream("GET", "/console/board/live") as stream:
            for line in stream.iter_lines():
                if not line:
                    return
                yield line

    return "".join(lines())


def test_a_drawing_of_who_may_see_follow_ups_is_not_shown_to_who_may_not(site: Website) -> None:
    number = followed_up(site)
    give_roles(site, "li", "supervisor", "follow_up", queues=("supervisors",))
    assert number in first_rows(site.client_of("li"))
    assert number not in first_rows(site.client_of("zhou"))


def test_a_lead_sees_the_reviews_of_their_own_people_and_a_trainer_all(site: Website) -> None:
    def reviewed(agent: str, queue: str | None = None) -> str:
        signal = quality.request(site.engine.world, Review(agent, queue=queue), "zhou", SYSTEM, "visit")
        return str(site.engine.handle(signal).ticket)

    technical, financial, visited = reviewed("wu", "tech_support"), reviewed("lin", "finance"), reviewed("wu")
    lead = site.client_of("qian")
    listed = page(lead, "/console/reviews")
    assert [number in listed for number in (technical, financial, visited)] == [True, False, True]
    page(lead, f"/console/tickets/{technical}")
    page(lead, f"/console/tickets/{financial}", 403)
    give_roles(site, "chen", "trainer")
    listed = page(site.client_of("chen"), "/console/reviews")
    assert all(number in listed for number in (technical, financial, visited))
    page(site.client_of("chen"), f"/console/tickets/{financial}")


def test_other_tickets_of_a_customer_are_named_to_those_who_may_see_them_and_counted_for_others(site: Website) -> None:
    technical = site.take("sms", "13912345678", "系统宕机,全公司无法使用")
    asked = enter(site, "zhou", "/console/phone", phone="13912345678", text="请问发票什么时候开?", kind="inquiry")
    financial = asked.headers["location"].rpartition("/")[2]
    assert {site.ticket(technical).queue, site.ticket(financial).queue} == {"tech_support", "finance"}
    for path in (f"/console/tickets/{technical}", "/console/phone?phone=13912345678"):
        shown = page(site.client_of("qian"), path)
        assert f"/tickets/{financial}" not in shown
        assert "and 1 more" in shown
        assert f"/tickets/{financial}" in page(site.client_of("zhou"), path)


def test_who_runs_the_machines_opens_incidents_with_tickets_of_their_own_only_and_sees_no_customers_address(site: Website) -> None:
    give_roles(site, "chen", "operations")
    number = site.take(text="发票打不开")
    asked = {"title": "发票系统中断", "queue": "tech_support"}
    refused = enter(site, "chen", "/console/incidents", **asked, numbers=number)
    assert refused.status_code == 422
    assert f"not there: {number}" in refused.text
    incident = enter(site, "chen", "/console/incidents", **asked).headers["location"].rpartition("/")[2]
    assert act(site, "zhou", number, "join", target=incident).status_code == 303
    site.work()
    preview = act(site, "chen", incident, "progress", text="正在切换备用系统", step="preview")
    assert preview.status_code == 200
    assert "lan@customer.test" not in preview.text
    assert "1 more of them" in preview.text
    assert "lan@customer.test" in act(site, "zhou", incident, "progress", text="正在切换备用系统", step="preview").text


def test_a_form_that_is_sent_twice_opens_one_and_an_incident_that_lacks_a_ticket_opens_none(site: Website) -> None:
    number, closed = site.take(text="发票打不开"), site.take(sender="bai@customer.test", text="发票打不开")
    assert site.act(closed, "close", "误报") is None
    client = site.client_of("zhou")
    for path, kind, fields in (
        ("/console/incidents", "incident", {"title": "发票系统中断", "queue": "tech_support", "numbers": number}),
        ("/console/measures", "improvement", {"text": "重写手册", "owner": "zhao"}),
    ):
        given = hidden(page(client, path), path) | fields
        assert client.post(path, data=given | {"form": "x"}).status_code == 400
        answers = [client.post(path, data=given) for _ in range(2)]
        assert [one.status_code for one in answers] == [303, 303]
        assert answers[0].headers["location"] == answers[1].headers["location"]
        assert len(opened(site, kind)) == 1
    assert site.ticket(number).incident == opened(site, "incident")[0].number
    refused = enter(site, "zhou", "/console/incidents", title="又一次", queue="tech_support", numbers=closed)
    assert refused.status_code == 422
    assert len(opened(site, "incident")) == 1


def opened(site: Website, kind: str) -> list[Ticket]:
    with site.engine.store.read() as reader:
        return reader.tickets(TicketQuery(kind=kind))


def test_what_is_not_for_somebody_takes_no_place_in_what_they_find(site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "FOUND", 1)
    site.take(text="系统宕机,发票打不开")
    financial = site.take(sender="bai@customer.test", text="请问发票什么时候开?")
    assert site.ticket(financial).queue == "finance"
    assert financial in page(site.client_of("lin"), "/console/find?words=发票")


def test_follow_ups_take_no_place_in_what_others_find(site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "FOUND", 1)
    follow_up = followed_up(site)  # due, and so found before all that has ended
    found = page(site.client_of("zhou"), "/console/find?words=2026")
    assert follow_up not in found
    assert "Tickets found: 1" in found
