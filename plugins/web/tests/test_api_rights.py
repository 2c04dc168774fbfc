"""Who reaches what over the API."""

from typing import Any

import pytest

from engine.core.model import Ticket
from engine.core.signals import TicketRequested
from engine_web.api import OPERATIONS
from engine_web.api.operations import Operation
from tests.support.programs import NEED, ROLES, Program
from tests.support.website import Website

# What is answered about a ticket of somebody else's queue: + it is done, x no such right (403), ? for them there is no such thing (404).
# Written by hand from the table in docs/web.md, where everybody but the integration is an agent too.
REACHED = """
                agent lead supervisor manager follow_up trainer product_owner operations auditor integration
listTickets       +    +       +         +        +        +          +           +         +         +
openTicket        +    +       +         +        +        +          +           +         +         +
showTicket        ?    ?       +         +        ?        ?          ?           ?         +         +
listMessages      ?    ?       +         +        ?        ?          ?           ?         +         +
writeAsCustomer   x    x       x         x        x        x          x           x         x         +
showAttachment    ?    ?       +         +        ?        ?          ?           ?         +         +
actOnTicket       ?    ?       +         +        ?        ?          ?           ?         x         x
showCustomer      ?    ?       +         +        ?        ?          ?           ?         +         x
listSurveys       x    x       +         +        +        +          +           x         +         x
listKpis          x    +       +         +        x        +          +           +         +         x
listArticles      +    +       +         +        +        +          +           +         +         +
listPolicies      +    +       +         +        +        +          +           +         +         x
showPolicy        +    +       +         +        +        +          +           +         +         x
listEvents        +    +       +         +        +        +          +           +         +         +
"""


def test_nothing_is_told_without_a_sound_token(app: Program) -> None:
    for headers in ({}, {"authorization": "Bearer 0"}, {"authorization": f"Basic {app.token}"}):
        answer = app.site.client.get("/api/v1/tickets", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    signed_in = app.site.client_of("zhou")
    assert signed_in.get("/api/v1/tickets").status_code == 401


@pytest.mark.parametrize("role", ["agent", "lead", *ROLES])
def test_each_role_reaches_the_operations_that_it_has_a_right_to_and_no_other(house: Website, app: Program, role: str) -> None:
    sent = NEED | {"from": "lan@customer.test", "attachments": [{"name": "a", "content": "aGVsbG8="}]}
    number = app("POST", "/tickets", sent).json()["ticket"]
    [file] = app("GET", f"/tickets/{number}/messages").json()["messages"][0]["attachments"]
    program = Program(house, {"agent": "chen", "lead": "sun"}.get(role, role))
    digest = house.engine.world.policy.digest
    head, *lines = REACHED.strip().splitlines()
    expected = {name: marks[head.split().index(role)] for name, *marks in map(str.split, lines)}
    assert expected.keys() == {operation.name for operation in OPERATIONS}
    for operation in OPERATIONS:
        path, body, headers = sound_request(operation, house.ticket(number), digest, file["id"])
        code = program(operation.method, path, body, headers).status_code
        assert {200: "+", 201: "+", 403: "x", 404: "?"}.get(code, code) == expected[operation.name], operation.name


def sound_request(operation: Operation, ticket: Ticket, digest: str, file: str) -> tuple[str, Any, dict[str, str]]:
    path = operation.path.format(number=ticket.number, who="lan@customer.test", digest=digest, id=file)
    bodies = {"openTicket": NEED, "writeAsCustomer": {"text": "你好"}, "actOnTicket": {"action": "note", "text": "x"}}
    return path, bodies.get(operation.name), {"if-match": f'"{ticket.seq}"'} if operation.matched else {}


def test_an_agent_sees_the_tickets_and_customers_of_their_own_queues_only(app: Program) -> None:
    number = app("POST", "/tickets", NEED | {"from": "own@customer.test"}).json()["ticket"]
    queue = app("GET", f"/tickets/{number}").json()["queue"]
    team = app.site.engine.world.team.agents
    inside = next(id for id, agent in team.items() if queue in agent.queues and "supervisor" not in agent.roles)
    outside = "chen"
    assert queue not in team[outside].queues
    for agent, there in ((inside, True), (outside, False)):
        program = Program(app.site, agent)
        assert (number in {one["number"] for one in program("GET", "/tickets?limit=200").json()["tickets"]}) is there
        assert (program("GET", f"/tickets/{number}").status_code == 200) is there
        assert (program("GET", "/customers/own@customer.test").status_code == 200) is there
        assert (number in {one["ticket"] for one in program("GET", "/events?limit=500").json()["events"]}) is there


def test_a_follow_up_is_heard_of_by_its_own_role_alone(app: Program) -> None:
    requested = TicketRequested("follow_up", "supervisors", "请回访", "email", "zh", actor="zhou")
    number = app.site.engine.handle(requested).ticket
    for role, seen in (("supervisor", False), ("manager", False), ("auditor", False), ("follow_up", True)):
        program = Program(app.site, role)
        assert (program("GET", f"/tickets/{number}").status_code == 200) is seen, role
        assert (number in {one["number"] for one in program("GET", "/tickets?limit=200").json()["tickets"]}) is seen, role
        assert (number in {told["ticket"] for told in program("GET", "/events?limit=500").json()["events"]}) is seen, role
