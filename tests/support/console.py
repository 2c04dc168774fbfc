"""The console as a browser without scripts sees it: pages as text, and their forms sent."""

import html
import re
from datetime import timedelta
from typing import Any

import httpx
from msgspec.structs import replace

from engine.store import TicketQuery
from tests.support.website import Website


def page(client: httpx.Client, path: str, status: int = 200, language: str = "en") -> str:
    answer = client.get(path, headers={"accept-language": language})
    assert answer.status_code == status, answer.text
    return html.unescape(answer.text)


def csrf_of(text: str) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', text)
    assert found
    return found[1]


def act(site: Website, agent: str, number: str, action: str, seq: int | None = None, **fields: Any) -> httpx.Response:
    client = site.client_of(agent)
    text = client.get(f"/console/tickets/{number}").text
    found = re.search(r'name="seq" value="(\d+)"', text)
    assert found
    data = {"csrf": csrf_of(text), "seq": found[1] if seq is None else str(seq), "action": action, **fields}
    return client.post(f"/console/tickets/{number}/act", data=data, headers={"accept-language": "en"})


def seq_of(site: Website, number: str) -> int:
    with site.engine.store.read() as reader:
        ticket = reader.ticket(number)
    assert ticket
    return ticket.seq


def numbers(text: str) -> list[str]:
    return re.findall(r'id="go-(\d+)-', text)


def followed_up(site: Website) -> str:
    """Let a customer give a bad score; return the follow-up that it opened."""
    number = site.take(text="系统宕机")
    assert site.act(number, "resolve", "已恢复", "qian") is None
    assert site.act(number, "confirm", "", "qian") is None
    for _ in range(3):
        site.clock.set(site.clock.now() + timedelta(hours=20))
        site.work()
    assert site.act(number, "answer", "1 2 1 没人理我", "qian") is None
    for _ in range(3):
        site.clock.set(site.clock.now() + timedelta(hours=20))
        site.work()
    with site.engine.store.read() as reader:
        [follow_up] = reader.tickets(TicketQuery(kind="follow_up"))
    return follow_up.number


def hidden(text: str, action: str) -> dict[str, str]:
    """Return what a page put into its form for that address, beside what people fill in."""
    form = text.partition(f'method="post" action="{action}"')[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def enter(site: Website, agent: str, path: str, **fields: str) -> httpx.Response:
    """Fill in the form of a room and send it."""
    client = site.client_of(agent)
    given = hidden(page(client, path), path) | fields
    return client.post(path, data=given, headers={"accept-language": "en"})


def give_roles(site: Website, agent: str, *roles: str, queues: tuple[str, ...] = ()) -> None:
    """Let somebody of the team have these roles, and no queue but these."""
    team = site.engine.world.team
    other = replace(team.agents[agent], roles=roles, queues=queues)
    site.engine.world = replace(site.engine.world, team=replace(team, agents={**team.agents, agent: other}))
