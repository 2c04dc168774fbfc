"""Programs that use the web's API, and a house with somebody of every role."""

from typing import Any

import httpx
from msgspec.structs import replace

from tests.support.website import Website

NEED = {"from": "lan@customer.test", "text": "软件异常,无法登录", "kind": "complaint", "name": "兰"}
ROLES = ("supervisor", "manager", "follow_up", "trainer", "product_owner", "operations", "auditor", "integration")
"""Those that are said in team.yaml; who has one is called so here."""


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


def staffed(site: Website) -> Website:
    """Give the site's team somebody of every role, who is in no queue."""
    world = site.engine.world
    extra = {role: replace(world.team.agents["zhou"], id=role, roles=(role,), queues=()) for role in ROLES}
    agents = {**world.team.agents, **extra}
    site.engine.world = replace(world, team=replace(world.team, agents=agents))
    site.engine.tokens = site.engine.tokens.among(agents)
    return site


def json_of(app: Program) -> dict[str, str]:
    """The headers of a body that is sent as it is."""
    return {"authorization": f"Bearer {app.token}", "content-type": "application/json", "idempotency-key": "j"}
