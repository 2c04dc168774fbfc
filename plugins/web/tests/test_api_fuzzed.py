"""schemathesis asks what the OpenAPI document allows and what it forbids; every answer is held to the document."""

import subprocess
import sys
from pathlib import Path

from msgspec.structs import replace

from tests.support.counts import SHARE, scaled
from tests.support.website import Website

# 428 is what RFC 6585 has for a missing If-Match. An ETag that was made up is not the ticket's, nor a period that ends first a period,
# nor what base64 says a file of a kind that is taken.
CONFIGURATION = """
[checks.missing_required_header]
expected-statuses = [400, 428]

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
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 412]
"""


def test_requests_made_up_from_the_document_find_nothing(site: Website, seed: int, tmp_path: Path) -> None:
    world = site.engine.world
    robot = replace(world.team.agents["zhou"], id="robot", roles=("integration", "supervisor", "auditor", "follow_up"), queues=())
    site.engine.world = replace(world, team=replace(world.team, agents={**world.team.agents, "robot": robot}))
    for count in range(3):
        site.take(sender=f"fuzz{count}@customer.test")
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    phases = "coverage,fuzzing" if SHARE == 1 else "fuzzing"
    arguments = ["--phases", phases, "--max-examples", str(scaled(20, least=3)), "--seed", str(seed), "--no-color", "--warnings", "off"]
    if SHARE < 1:
        arguments.append("--no-shrink")
    header = f"Authorization: Bearer {site.token_of('robot')}"
    program = [str(Path(sys.prefix) / "bin" / "schemathesis"), "--config-file", "schemathesis.toml", "run"]
    done = subprocess.run(
        [*program, f"{site.url}/api/v1/openapi.json", "--header", header, *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-9000:] + done.stderr[-1000:]
