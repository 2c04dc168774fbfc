"""schemathesis asks what the OpenAPI document allows and what it forbids, and goes by its links; every answer is held to the document."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import hypothesis
import pytest
from hypothesis.errors import Flaky
from msgspec.structs import replace

from tests.support.counts import SHARE, scaled
from tests.support.programs import Program
from tests.support.website import website

if TYPE_CHECKING:
    from schemathesis import Case
    from schemathesis.generation.stateful.state_machine import StepInput, StepOutput

# A busy machine is no fault of the API; what takes a minute is. 428 is what RFC 6585 has for a missing If-Match. An ETag that was made up
# is not the ticket's, nor a period that ends first a period, nor the year 1 one that dates are taken of, nor what base64 says a file of a
# kind that is taken. Links are the document's alone.
CONFIGURATION = """
request-timeout = 60

[checks.missing_required_header]
expected-statuses = [400, 428]

[phases.stateful.inference]
algorithms = []

[[operations]]
include-name = "GET /kpis"
checks.positive_data_acceptance.expected-statuses = ["2xx", 422]

[[operations]]
include-name = "POST /tickets"
checks.positive_data_acceptance.expected-statuses = ["2xx", 409, 422]

[[operations]]
include-name = "POST /tickets/{number}/messages"
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 422]

[[operations]]
include-name = "POST /tickets/{number}/actions"
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 412, 422]
"""

FILES = [{"name": "note.txt", "content": "aGVsbG8="}]
BODIES: Mapping[str, Mapping[str, Any]] = {
    "openTicket": {"from": "linked@customer.test", "text": "软件异常,无法登录", "attachments": FILES},
    "writeAsCustomer": {"text": "今天又不行", "attachments": FILES},
    "actOnTicket": {"action": "note", "text": "看过了"},
}
"""What is taken as it is."""


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[Program]:
    """A program that may do whatever the API offers, as often as it likes, in a house with three tickets."""
    with website(tmp_path / "project", more="requests: 1000000") as site:
        world = site.engine.world
        robot = replace(world.team.agents["zhou"], id="robot", roles=("integration", "supervisor", "auditor", "follow_up"), queues=())
        site.engine.world = replace(world, team=replace(world.team, agents={**world.team.agents, "robot": robot}))
        for count in range(3):
            site.take(sender=f"fuzz{count}@customer.test")
        yield Program(site, "robot")


def test_requests_made_up_from_the_document_find_nothing(robot: Program, seed: int, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    phases = "coverage,fuzzing" if SHARE == 1 else "fuzzing"
    arguments = ["--phases", phases, "--max-examples", str(scaled(20, least=3)), "--seed", str(seed), "--no-color", "--warnings", "off"]
    if SHARE < 1:
        arguments.append("--no-shrink")
    header = f"Authorization: Bearer {robot.token}"
    program = [str(Path(sys.prefix) / "bin" / "schemathesis"), "--config-file", "schemathesis.toml", "run"]
    done = subprocess.run(
        [*program, f"{robot.site.url}/api/v1/openapi.json", "--header", header, *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-9000:] + done.stderr[-1000:]


def test_every_link_leads_from_an_answer_to_the_next_by_what_stands_in_it(robot: Program) -> None:
    told = robot.site.client.get("/api/v1/openapi.json").json()
    described = {
        one["operationId"]: (method.upper(), path, one) for path, methods in told["paths"].items() for method, one in methods.items()
    }
    followed: set[str] = set()

    def go(name: str, given: Mapping[str, Any]) -> None:
        method, path, one = described[name]
        places = {each["name"]: each["in"] for each in one["parameters"]}
        by_path, by_query, headers = ({key: given[key] for key in given if places[key] == place} for place in ("path", "query", "header"))
        answer = robot(method, path.format(**by_path), BODIES.get(name), headers, params=by_query)
        assert answer.is_success, (name, given, answer.text)
        # An ETag is good for the next request only.
        onward = one["responses"][str(answer.status_code)].get("links", {})
        for link in sorted(onward, key=lambda link: "If-Match" not in onward[link]["parameters"]):
            parameters = {key: value_of(one, given, answer) for key, one in onward[link]["parameters"].items()}
            way = f"{method} {path} -> [{answer.status_code}] {link}"
            if way not in followed and None not in parameters.values():
                followed.add(way)
                go(onward[link]["operationId"], parameters)

    for name, given in (("openTicket", {}), ("listTickets", {"limit": 1}), ("listPolicies", {}), ("listEvents", {})):
        go(name, given)
    assert followed == links_of(told)


def links_of(told: Mapping[str, Any]) -> set[str]:
    """Return the links of a document, as schemathesis calls them."""
    return {
        f"{method.upper()} {path} -> [{status}] {link}"
        for path, methods in told["paths"].items()
        for method, one in methods.items()
        for status, answer in one["responses"].items()
        for link in answer.get("links", ())
    }


def value_of(expression: str, given: Mapping[str, Any], answer: httpx.Response) -> Any:
    """Work out a runtime expression of OpenAPI, None where nothing stands there."""
    source, _, pointer = expression.partition("#/")
    if source == "$response.body":
        try:
            return reduce(lambda part, step: part[int(step) if isinstance(part, list) else step], pointer.split("/"), answer.json())
        except IndexError:
            return None
    source, _, name = expression.rpartition(".")
    return {"$response.header": answer.headers, "$request.path": given}[source][name]


def test_programs_that_go_from_answer_to_answer_find_nothing(robot: Program, seed: int) -> None:
    wandered = Wandered(robot)
    wanted, steps = scaled(200, least=5), 20 if SHARE == 1 else 8
    # What one scenario did is there in the next, a flaw to hypothesis where one begins as an earlier one did: it goes on with another seed.
    while len(wandered.scenarios) < wanted:
        asked = wanted - len(wandered.scenarios)
        seed += 1
        with suppress(Flaky):
            wandered.run(seed, hypothesis.settings(
                max_examples=asked, stateful_step_count=steps, deadline=None, database=None, phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            ))  # fmt: skip
        assert not wandered.failures, str(wandered.failures[0])
    followed = {link.rpartition(" -> ")[0] for link, status in wandered.answers if " -> " in link and status < 300}
    assert followed == wandered.links if SHARE == 1 else len(followed) > 2, sorted(wandered.links - followed)


class Wandered:
    """Scenarios of a program that goes by the document's links, each from what an answer before said: how many steps each had, and how
    often which status was answered, by the link that was gone or by the operation where a step went by none.
    """

    def __init__(self, robot: Program) -> None:
        import schemathesis  # takes a second, which not every worker has to pay
        from schemathesis.core.failures import FailureGroup

        config = schemathesis.Config.from_str(CONFIGURATION)
        schema = schemathesis.openapi.from_url(f"{robot.site.url}/api/v1/openapi.json", config=config)
        self.scenarios, self.answers, self.failures = list[int](), Counter[tuple[str, int]](), list[FailureGroup]()
        self.links = links_of(robot.site.client.get("/api/v1/openapi.json").json())
        wandered = self

        class Scenario(schema.as_state_machine()):  # type: ignore[misc]  # a class that is made from the document
            def setup(self) -> None:
                wandered.scenarios.append(0)

            def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
                return {"headers": {"Authorization": f"Bearer {robot.token}"}, "timeout": 60}

            def step(self, input: "StepInput") -> "StepOutput":
                case, link = input.case, input.transition
                if case.meta and case.meta.generation.mode == schemathesis.GenerationMode.POSITIVE:
                    wandered.made_sensible(case, begins=link is None)
                try:
                    output = super().step(input)
                except FailureGroup as found:
                    wandered.failures.append(found)
                    raise
                wandered.scenarios[-1] += 1
                wandered.answers[link.id if link and input.is_applied else case.operation.label, output.response.status_code] += 1
                return output

        self._machine = Scenario

    def made_sensible(self, case: "Case", *, begins: bool) -> None:
        """Let most requests get further than the door: who writes has an address, files are what they say, each request has its own key."""
        count = self.answers.total()
        if isinstance(case.body, dict) and count % 4:
            case.headers["Idempotency-Key"] = f"own-{count}"
            case.body.pop("channel", None)
            if "from" in case.body:
                case.body["from"] = f"{count % 40}@customer.test"
            if "attachments" in case.body:
                case.body["attachments"] = [dict(one) for one in FILES]
            if case.body.get("action") and count % 2:
                case.body = dict(BODIES["actOnTicket"])
        elif begins:
            case.query = {}  # few tickets are in a queue that is made up

    def run(self, seed: int, settings: hypothesis.settings) -> None:
        """Let scenarios happen. Raises what was found, or Flaky."""
        hypothesis.seed(seed)(self._machine)
        self._machine.run(settings=settings)
