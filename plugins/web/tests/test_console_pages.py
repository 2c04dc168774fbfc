"""What pages of the console say when something is refused, is not known, or comes as no browser of ours sends it."""

import re
from urllib.parse import quote

import pytest

from engine.services import Policy, explain
from engine_web.console import seat
from engine_web.guards import APART
from tests.support.console import csrf_of, enter, give_roles, hidden, page
from tests.support.website import Website


@pytest.mark.parametrize(
    ("posted", "back"),
    [
        ("/console/tickets/202603040001/act", "/console/tickets/202603040001"),
        ("/console/policy/tests", "/console/policy"),
        ("/console/board?tier=general&queue=finance", "/console/board?tier=general&queue=finance"),
        ("/logout", "/"),
        ("/%E4%BD%A0/x?y=1", "/"),
    ],
)
def test_a_change_of_language_leads_back_to_what_can_be_read(shared_site: Website, posted: str, back: str) -> None:
    answer = shared_site.client.post("/language", data={"language": "en", "back": posted})
    assert (answer.status_code, answer.headers["location"]) == (303, back)


def test_a_page_that_was_asked_for_with_a_filter_is_come_back_to_with_it(shared_site: Website) -> None:
    shown = page(shared_site.client_of("zhou"), "/console/board?tier=general&queue=finance")
    assert 'name="back" value="/console/board?tier=general&queue=finance"' in shown


def test_what_is_refused_in_a_frame_is_said_in_the_frame(shared_site: Website) -> None:
    manager, framed = shared_site.client_of("zhou"), {"sec-fetch-dest": "iframe", "accept-language": "en"}
    refused = manager.get("/console/figures/report?kind=month&period=2099-01", headers={"accept-language": "en"})
    assert (refused.status_code, "2099-01 has not begun" in refused.text) == (422, True)
    for client, path, status, said in (
        (manager, "/console/figures/report?kind=nothing", 404, "There is no such page"),
        (shared_site.client_of("wu"), "/console/figures/report?kind=month", 403, "You may not do this"),
        (shared_site.client, "/console/figures/report?kind=month", 403, "You are signed out"),
    ):
        answer = client.get(path, headers=framed)
        assert (answer.status_code, said in answer.text) == (status, True), path
        assert answer.headers["content-security-policy"] == APART["content-security-policy"]
    assert refused.headers["x-frame-options"] == "SAMEORIGIN"


def test_the_team_room_leaves_open_how_many_lie_where_somebody_may_not_look(site: Website) -> None:
    site.take(text="系统宕机,全公司无法使用")
    give_roles(site, "chen", "operations")
    shown = page(site.client_of("chen"), "/console/team")
    assert re.findall(r"<strong>(.*?)</strong>", shown) == ["—"] * 3
    assert "No promise is due" not in shown
    lead = page(site.client_of("qian"), "/console/team")
    assert re.findall(r"<strong>(.*?)</strong>", lead) == ["1", "0", "1"]
    counts = {queue: re.findall(r'"number[^"]*">([^<]*)<', row) for queue, row in re.findall(r"board\?queue=(\w+)(.*?)</tr>", lead, re.S)}
    assert counts["tech_support"] == ["1", "0", "1", "0"]
    assert counts["finance"] == ["—"] * 4


@pytest.mark.parametrize("digits", ["9" * 5000, "٣", "-1", "1e3", ""])
def test_numbers_that_are_none_of_ours_are_refused_and_nothing_fails(shared_site: Website, digits: str) -> None:
    number, client = shared_site.take(text="系统宕机"), shared_site.client_of("qian")
    for path in (f"mail/{quote(digits)}", f"files/x/{quote(digits)}"):
        assert client.get(f"/console/tickets/{number}/{path}").status_code == 404, path
    csrf = csrf_of(client.get(f"/console/tickets/{number}").text)
    given = {"csrf": csrf, "seq": digits, "action": "note", "text": "x"}
    assert client.post(f"/console/tickets/{number}/act", data=given).status_code == 400


@pytest.mark.parametrize("due", ["9999-12-31", "0001-01-01"])
def test_dates_that_nothing_can_be_reckoned_from_are_refused_in_words(shared_site: Website, due: str) -> None:
    answer = enter(shared_site, "zhou", "/console/measures", text="重写手册", owner="zhao", due=due, kpi="csat")
    assert (answer.status_code, "is no date" in answer.text) == (422, True)


@pytest.mark.parametrize("room", ["/console/incidents", "/console/measures", "/console/phone", "/console/policy/would"])
def test_a_form_holds_as_much_as_its_page_lets_it(shared_site: Website, room: str) -> None:
    client = shared_site.client_of("zhou")
    given = hidden(page(client, room), room)
    for fields in ({"text": "x" * 10_001}, {"text": "x\0"}, {f"field{place}": "x" for place in range(300)}):
        assert client.post(room, data=given | fields).status_code == 400, fields


def test_a_measure_can_aim_at_every_kpi_that_is_offered(site: Website) -> None:
    client = site.client_of("zhou")
    shown = page(client, "/console/measures")
    offered = re.findall(r'<option value="(\w+)"', shown.partition('id="m-kpi"')[2].partition("</select>")[0])
    assert "csat" in offered
    wanted = hidden(shown, "/console/measures") | {"text": "重写手册", "owner": "zhao", "due": "2026-03-10"}
    for place, name in enumerate(offered):
        answer = client.post("/console/measures", data={**wanted, "form": f"{place:032x}", "kpi": name})
        assert answer.status_code == 303, (name, answer.text)


def test_the_policies_that_were_used_last_are_kept_compiled(shared_site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, policy = list[str](), shared_site.engine.world.policy

    def compiled(digest: str) -> Policy:
        asked.append(digest)
        return policy

    monkeypatch.setattr(explain, "kept_policies", lambda reader, now: compiled)
    monkeypatch.setattr(seat.Policies, "_compiled", {})
    first, *others = map(str, range(seat.KEPT))
    with shared_site.engine.store.read() as reader:
        policies = seat.Policies(reader, policy)
        for digest in (first, *others, first, "one more", first, others[-1]):
            assert policies(digest) is policy
    assert asked == [first, *others, "one more"]
