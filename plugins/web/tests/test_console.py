import html
import re
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.model import CUSTOMER
from engine.runtime.policies import load_active, load_from_directory, sound
from engine.store import TicketQuery
from engine_web.console import policies
from tests.core.worlds import POLICIES
from tests.support.console import act, csrf_of, numbers, page, seq_of
from tests.support.website import Website, website

ROOMS = (
    "/console/board",
    "/console/team",
    "/console/figures",
    "/console/policy",
    "/console/policy/would",
    "/console/find?words=1",
    "/console/phone",
    "/console/incidents",
    "/console/measures",
    "/console/reviews",
    "/console/audit",
)

CLOSED = ["/console/team", "/console/figures", "/console/incidents", "/console/measures", "/console/reviews", "/console/audit"]


def test_whoever_has_not_signed_in_is_led_to_the_door(shared_site: Website) -> None:
    for path in (*ROOMS, "/console/board/live", "/console/tickets/202603040001", "/console/figures/report?kind=month"):
        answer = shared_site.client.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login"), path


def test_rooms_open_to_those_who_may_enter_them_only(shared_site: Website) -> None:
    agent, manager = shared_site.client_of("wu"), shared_site.client_of("zhou")
    assert [path for path in ROOMS if agent.get(path).status_code == 403] == CLOSED
    assert "/console/team" not in agent.get("/console/board").text
    assert [path for path in ROOMS if manager.get(path).status_code != 200] == []


def test_the_board_has_the_nearest_promise_first_and_keeps_its_filters_in_the_address(site: Website) -> None:
    urgent = site.take(text="系统宕机,全公司无法使用")
    general = site.take(sender="bai@customer.test", text="请问发票什么时候开?")
    client = site.client_of("zhou")
    shown = page(client, "/console/board")
    assert numbers(shown)[0] == urgent
    assert general in numbers(shown)
    assert set(numbers(page(client, "/console/board?tier=general"))) == {general}
    assert 'value="general" selected' in page(client, "/console/board?tier=general")
    assert "No promise is open." in page(client, "/console/board?queue=product")


def test_agents_see_on_the_board_and_find_what_is_theirs(site: Website) -> None:
    technical = site.take(text="系统宕机,全公司无法使用")
    financial = site.take(sender="bai@customer.test", text="请问发票什么时候开?")
    assert set(numbers(page(site.client_of("qian"), "/console/board"))) == {technical}
    assert set(numbers(page(site.client_of("lin"), "/console/board"))) == {financial}
    assert set(numbers(page(site.client_of("zhou"), "/console/board"))) == {technical, financial}
    page(site.client_of("lin"), f"/console/tickets/{technical}", 403)
    assert technical not in page(site.client_of("lin"), "/console/find?words=宕机")
    assert technical in page(site.client_of("qian"), "/console/find?words=宕机")
    assert site.client_of("qian").get(f"/console/find?words={technical}").headers["location"] == f"/console/tickets/{technical}"


def test_a_live_board_is_sent_its_rows_and_again_when_they_become_others(site: Website) -> None:
    first = site.take(text="系统宕机,全公司无法使用")
    client, later = site.client_of("zhou"), list[str]()
    with client.stream("GET", "/console/board/live") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        rows = ""
        for line in stream.iter_lines():
            rows += line
            if not line and first in rows and not later:
                assert "<html" not in rows
                threading.Thread(target=lambda: later.append(site.take(sender="bai@customer.test", text="请问发票?"))).start()
                rows = ""
            elif not line and later and later[0] in rows:
                break


def test_a_live_board_ends_when_whoever_watches_it_signs_out(shared_site: Website) -> None:
    client, other = shared_site.client_of("zhou"), shared_site.browser()
    other.cookies.update(client.cookies)
    with client.stream("GET", "/console/board/live") as stream:
        lines = stream.iter_lines()
        next(lines)
        assert other.post("/logout", data={"csrf": csrf_of(other.get("/console/board").text)}).status_code == 303
        for _ in lines:  # what is left of the first rows; then the server ends the stream
            pass
    assert other.get("/console/board").status_code == 303


def test_the_supervisor_sees_queues_people_and_what_will_be_overdue_within_the_hour(site: Website) -> None:
    urgent = site.take(text="系统宕机,全公司无法使用")
    site.take(sender="bai@customer.test", text="请问发票什么时候开?")
    shown = page(site.client_of("zhou"), "/console/team")
    assert set(numbers(shown)) == {urgent}
    assert "<strong>2</strong> open" in shown
    assert "<strong>1</strong> due within the hour" in shown
    assert "钱伟, 吴昊" in shown


def test_the_page_of_a_ticket_says_why_with_rule_file_and_values_and_escapes_what_people_wrote(shared_site: Website) -> None:
    number = shared_site.take(text="系统宕机 <script>alert(1)</script>", sender_name="<b>兰</b>", subject="宕机")
    answer = shared_site.client_of("qian").get(f"/console/tickets/{number}", headers={"accept-language": "en"})
    assert "<script>alert" not in answer.text
    assert "<b>兰" not in answer.text
    shown = html.unescape(answer.text)
    assert re.search(r"urgent <strong>urgent</strong> <code>sla\.yaml:\d+</code>", shown)
    assert "ticket.text mentions" in shown
    assert "2026-03-04 10:00:00 + 10 min (24x7) = 2026-03-04 10:10:00" in shown
    assert f"您的问题(工单{number})属于一级(紧急)" in shown  # the verbal promise, filled in
    with shared_site.engine.store.read() as reader:
        assert ("qian", "looked at", number) in [(row.who, row.what, row.about) for row in reader.audits()]


def test_decisions_by_an_earlier_policy_are_told_with_their_arithmetic(site: Website, tmp_path: Path) -> None:
    number = site.take(text="系统宕机")
    before = site.engine.world.policy.digest
    shutil.copytree(POLICIES, tmp_path / "changed")
    scripts = tmp_path / "changed" / "sla.yaml"
    scripts.write_text(scripts.read_text("utf-8").replace("response: 10m", "response: 11m", 1), "utf-8")
    load_from_directory(tmp_path / "changed", site.engine.store, site.clock.now(), "test")
    site.engine.world = replace(site.engine.world, policy=sound(load_active(site.engine.store) or pytest.fail("none is active")))
    assert site.engine.world.policy.digest != before
    client = site.client_of("qian")
    for _ in range(2):  # compiled, then kept
        shown = page(client, f"/console/tickets/{number}")
        assert before[:12] in shown
        assert shown.count("+ 10 min (24x7) = 2026-03-04 10:10:00") == 2  # of the clock, and of the decision that started it
    assert "10m</del> → <ins>11m" in page(client, "/console/policy")


def test_an_action_goes_through_the_one_door_and_its_listeners_hear_of_it(shared_site: Website) -> None:
    number, heard = shared_site.take(text="系统宕机"), list[str | None]()
    shared_site.engine.listeners.append(lambda one: heard.append(one.number))
    answer = act(shared_site, "qian", number, "contact", text="已电话确认")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/tickets/{number}")
    shown = page(shared_site.client_of("qian"), f"/console/tickets/{number}")
    assert "已电话确认" in shown
    assert heard[0] == number
    plan: dict[str, Any] = {"text": "换机房", "what1": "切换", "who1": "qian", "by1": "2026-03-04T18:00"}
    assert act(shared_site, "qian", number, "plan", **plan).status_code == 303
    assert "切换 — 钱伟, today 18:00" in page(shared_site.client_of("qian"), f"/console/tickets/{number}")
    assert act(shared_site, "qian", number, "tier", target="general", text="只有一人受影响").status_code == 303
    assert act(shared_site, "qian", number, "task", target="finance", text="核对账单", due="2026-03-05T12:00").status_code == 303
    assert act(shared_site, "qian", number, "assign", target="wu").status_code == 303
    assert act(shared_site, "qian", number, "done", target="1").status_code == 303
    with shared_site.engine.store.read() as reader:
        ticket = reader.ticket(number)
    assert ticket
    assert (ticket.tier, ticket.assignee, len(ticket.tasks)) == ("general", "wu", 1)
    assert ticket.plan
    assert ticket.plan.steps[0].done_at


def test_what_the_ticket_does_not_allow_is_refused_in_words_and_what_was_entered_stays(shared_site: Website) -> None:
    number = shared_site.take(text="系统宕机")
    answer = act(shared_site, "qian", number, "plan", text="换机房", what1="切换", who1="qian", by1="2020-01-01T10:00")
    assert answer.status_code == 422
    assert "Not done." in answer.text
    assert "换机房</textarea>" in answer.text
    incomplete = act(shared_site, "qian", number, "plan", text="换机房", what1="切换")
    assert "step 1 is incomplete" in incomplete.text
    assert act(shared_site, "qian", number, "erase", text="x").status_code == 400
    assert act(shared_site, "qian", number, "note", text="x" * 10_001).status_code == 400


def test_whoever_may_only_look_is_offered_nothing_to_do(site: Website) -> None:
    number = site.take(text="请问发票什么时候开?")  # finance's
    auditor = replace(site.engine.world.team.agents["wu"], roles=("auditor",), queues=())
    team = replace(site.engine.world.team, agents={**site.engine.world.team.agents, "wu": auditor})
    site.engine.world = replace(site.engine.world, team=team)
    client = site.client_of("wu")
    shown = [page(client, path) for path in (f"/console/tickets/{number}", "/console/measures", "/console/reviews", "/console/incidents")]
    assert [re.findall(r'action="(/console[^"]*)"', text) for text in shown] == [["/console/find"]] * 4
    data = {"csrf": csrf_of(shown[0]), "seq": str(seq_of(site, number)), "action": "note", "text": "x"}
    assert client.post(f"/console/tickets/{number}/act", data=data).status_code == 403


def test_a_stale_action_is_refused_with_what_changed_and_can_be_sent_again(shared_site: Website) -> None:
    number = shared_site.take(text="系统宕机")
    before = seq_of(shared_site, number)
    assert shared_site.act(number, "note", "客户已撤回", "wu") is None
    answer = act(shared_site, "qian", number, "resolve", before, text="已恢复")
    assert answer.status_code == 409
    assert "客户已撤回" in answer.text
    assert "已恢复</textarea>" in answer.text
    with shared_site.engine.store.read() as reader:
        assert (ticket := reader.ticket(number))
        assert ticket.state == "new"
    assert act(shared_site, "qian", number, "resolve", text="已恢复").status_code == 303


def test_receipts_make_no_action_stale(site: Website) -> None:
    number = site.take(text="系统宕机")
    before = seq_of(site, number)
    site.work()
    site.engine.work_inbox()
    assert act(site, "qian", number, "note", before, text="记一笔").status_code == 303


def test_a_preview_shows_what_would_go_out_over_which_channel_and_keeps_nothing(shared_site: Website) -> None:
    number = shared_site.take(text="系统宕机")
    before = seq_of(shared_site, number)
    answer = act(shared_site, "qian", number, "write", text="请稍候,<b>马上</b>恢复", step="preview", channel="email")
    assert answer.status_code == 200
    assert "请稍候,&lt;b&gt;马上&lt;/b&gt;恢复" in answer.text
    assert "email → lan@customer.test" in answer.text
    assert seq_of(shared_site, number) == before
    data = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', answer.text.partition("<main")[2]))
    client = shared_site.client_of("qian")
    data["csrf"] = csrf_of(client.get(f"/console/tickets/{number}").text)
    data["text"] = html.unescape(data["text"])
    assert client.post(f"/console/tickets/{number}/act", data=data).status_code == 303
    with shared_site.engine.store.read() as reader:
        sent = [one for one in reader.messages(ticket=number) if one.party == CUSTOMER and one.script is None]
        assert [reader.contents([one.content_id])[one.content_id] for one in sent] == ["请稍候,<b>马上</b>恢复"]


def test_a_preview_of_an_article_names_the_files_that_go_out_with_it(shared_site: Website) -> None:
    number = shared_site.take(sender="tian@customer.test", text="我要退货")
    preview = act(shared_site, "zhou", number, "article", target="return-exchange", step="preview")
    assert "Files: return-form.txt" in preview.text


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_a_form_that_no_page_of_theirs_held_is_refused(shared_site: Website, csrf: str) -> None:
    number = shared_site.take(text="系统宕机")
    data = {"csrf": csrf, "seq": "1", "action": "note", "text": "x"}
    assert shared_site.client_of("qian").post(f"/console/tickets/{number}/act", data=data).status_code == 403
    assert shared_site.client_of("qian").post("/console/policy/would", data={"csrf": csrf}).status_code == 403


def test_the_figures_are_those_of_the_kpis_and_a_report_runs_nothing(site: Website) -> None:
    site.take(text="系统宕机")
    site.clock.set(site.clock.now() + timedelta(minutes=1))
    manager = site.client_of("zhou")
    shown = page(manager, "/console/figures?from=2026-03-01&to=2026-03-04")
    assert re.search(r"contact volume</th>\s*<td[^>]*><strong>1</strong>", shown)
    assert "Technical support" in page(manager, "/console/figures?from=2026-03-01&by=queue")
    assert "is no date" in page(manager, "/console/figures?from=yesterday")
    assert "the period is too long" in page(manager, "/console/figures?from=1900-01-01&by=tier")
    report = manager.get("/console/figures/report?kind=month")
    assert report.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "<script" not in report.text
    assert manager.get("/console/figures/report?kind=month&period=2099-01").status_code == 422
    assert manager.get("/console/figures/report?kind=nothing").status_code == 404


def test_the_policy_is_shown_with_its_versions_and_says_what_it_would_make_of_a_ticket_that_is_not_kept(shared_site: Website) -> None:
    client = shared_site.client_of("zhao")
    with shared_site.engine.store.read() as reader:
        before = reader.tickets(TicketQuery())
    assert shared_site.engine.world.policy.digest[:12] in page(client, "/console/policy")
    assert 'id="L19"' in page(client, "/console/policy?file=sla.yaml")
    page(client, "/console/policy?file=../engine.yaml", 404)
    asked = {"csrf": csrf_of(client.get("/console/policy/would").text), "channel": "email", "text": "系统宕机,全公司无法使用"}
    answer = client.post("/console/policy/would", data=asked, headers={"accept-language": "en"})
    assert "<dd>urgent</dd>" in answer.text
    assert re.search(r"<code>sla\.yaml:\d+</code>", answer.text)
    wrong = client.post("/console/policy/would", data={**asked, "at": "soon"}, headers={"accept-language": "en"})
    assert wrong.status_code == 422
    with shared_site.engine.store.read() as reader:
        assert reader.tickets(TicketQuery()) == before


TESTS = """\
version: 1
tests:
  - name: graded
    start: "2026-03-04T16:30:00+08:00"
    ticket: {channel: email, text: 系统宕机}
    steps: [{at: +0m, expect: {tier: urgent}}]
  - name: not so
    start: "2026-03-04T16:30:00+08:00"
    ticket: {channel: email, text: 系统宕机}
    steps: [{at: +0m, expect: {tier: general}}]
"""


def test_the_tests_beside_the_policy_are_run_when_somebody_asks_and_only_for_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(POLICIES, tmp_path / "policies", ignore=lambda directory, _: ["tests"] if Path(directory) == POLICIES else [])
    (tmp_path / "policies/tests").mkdir()
    (tmp_path / "policies/tests/two.yaml").write_text(TESTS, "utf-8")
    with website(tmp_path / "project", policies=tmp_path / "policies") as site:
        client = site.client_of("zhao")
        csrf = csrf_of(page(client, "/console/policy"))

        def run() -> str:
            answer = client.post("/console/policy/tests", data={"csrf": csrf}, headers={"accept-language": "en"})
            return html.unescape(answer.text)

        ran = run()
        assert "2 tests, 1 failed" in ran
        assert "✗ not so" in ran
        assert "expected tier: general, was tier: urgent" in ran
        assert client.post("/console/policy/tests", data={"csrf": "0" * 64}).status_code == 403
        with policies._RUNNING:
            assert "being run just now" in run()
        monkeypatch.setattr(policies, "LONGEST_RUN", 0.0)
        assert "0 of 2 tests were run" in run()
        with site.engine.store.read() as reader:
            assert reader.tickets(TicketQuery()) == []
