"""How long an evil pattern may take: `python benchmarks/patterns.py [--slowest 10]`.

Each of more than a hundred patterns (nested quantifiers, alternations, long repetitions, …) goes the way of a policy and then searches
texts of 100,000 characters that hurt. Goal: 50 ms of processor time for the slowest search. What the policy refuses is counted.
"""

import json
import sys
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click
import re2

from engine.core.conditions import Match
from engine.policy import compile_files, compile_policy
from tests.support.patterns import EVIL, LENGTH, texts

POLICIES = Path(__file__).resolve().parents[1] / "policies"
GOAL = 0.050


def compiled(pattern: str, files: dict[str, str]) -> "re2._Regexp | None":
    """The pattern as a policy compiles it, None where it is refused."""
    route = f"version: 1\nroutes:\n  - {{id: asked, when: {{field: ticket.text, matches: {json.dumps(pattern)}}}, queue: finance}}\n"
    policy = compile_files({**files, "routing-evil.yaml": route}).policy
    condition = policy.routes[0].when if policy else None
    return condition.pattern if isinstance(condition, Match) else None


def slowest(pattern: "re2._Regexp", on: tuple[str, ...]) -> float:
    """Seconds of processor time of the slowest first search of the pattern, over the texts."""
    taken = []
    for text in on:
        begun = process_time()
        pattern.search(text)
        taken.append(process_time() - begun)
    return max(taken)


@click.command()
@click.option("--slowest", "shown", default=10, show_default=True, help="How many to print.")
def main(shown: int) -> None:
    """Print the slowest patterns, and how many were refused."""
    files, on = dict(compile_policy(POLICIES).files), texts()
    patterns = {text: compiled(text, files) for text in EVIL}
    times = sorted(((slowest(pattern, on), text) for text, pattern in patterns.items() if pattern), reverse=True)
    for seconds, text in times[:shown]:
        click.echo(f"{seconds * 1000:7.1f} ms  {text if len(text) <= 60 else text[:59] + '…'}")
    refused = sum(pattern is None for pattern in patterns.values())
    late = sum(seconds > GOAL for seconds, _ in times)
    click.echo(f"{len(EVIL)} patterns on {LENGTH:,} characters: {refused} refused, {late} of {len(times)} over {GOAL * 1000:.0f} ms")


if __name__ == "__main__":
    main()
