"""How long the `engine` command takes to answer, and how long a policy takes to load: shipped, and with 2,000 routes more."""

import statistics
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from time import perf_counter

from engine.resources import shipped_policies

RUNS = 15
ROUTES = 2000
# A process of its own for each load, because a file that was read once is remembered; what is timed is the load without the imports.
LOAD = """
import sys, time
from pathlib import Path
from engine.policy import compile_policy
started = time.perf_counter()
assert compile_policy(Path(sys.argv[1])).policy is not None
print(time.perf_counter() - started)
"""
ROUTE = """
  - id: line-{number}
    when:
      - {{field: call.queue, is: line-{number}}}
      - {{field: ticket.kind, in: [inquiry, complaint, incident]}}
      - any: [{{field: ticket.text, mentions: [故障{number}, fault {number}]}}, {{field: call.wait, over: {number}s}}]
    queue: tech_support
"""


def seconds(*command: str) -> float:
    """The wall time of one run of a command, in seconds. Raises CalledProcessError if it fails."""
    started = perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return perf_counter() - started


def loading(policies: Path) -> float:
    """How long compiling the policies took in a fresh process, in seconds. Raises CalledProcessError if they are not sound."""
    return float(subprocess.run((sys.executable, "-c", LOAD, policies), check=True, capture_output=True, text=True).stdout)


def with_routes(folder: Path) -> Path:
    """Lay the shipped policies out in a folder, with ROUTES routes before their own."""
    policies = copytree(shipped_policies(), folder / "policies")
    routes = "".join(ROUTE.format(number=number) for number in range(1, ROUTES + 1))
    (policies / "routing-lines.yaml").write_text(f"version: 1\nroutes:{routes}", "utf-8")
    return policies


def report(name: str, times: list[float]) -> None:
    """Print the median and the slowest of some runs."""
    sys.stdout.write(f"{name:<32} median {statistics.median(times) * 1000:6.0f} ms, slowest {max(times) * 1000:6.0f} ms\n")


def main() -> None:
    """Print the median over RUNS runs, with a bare Python beside it for comparison."""
    engine = str(Path(sys.executable).with_name("engine"))
    shipped = str(shipped_policies())
    commands = {
        "python -c ''": (sys.executable, "-c", ""),
        "engine --version": (engine, "--version"),
        "engine --help": (engine, "--help"),
        "engine validate, shipped": (engine, "validate", shipped),
    }
    for name, command in commands.items():
        report(name, [seconds(*command) for _ in range(RUNS)])
    report("loading the shipped policies", [loading(shipped_policies()) for _ in range(RUNS)])
    with TemporaryDirectory() as folder:
        policies = with_routes(Path(folder))
        report(f"loading {ROUTES:,} routes more", [loading(policies) for _ in range(RUNS)])
        report(f"engine validate, {ROUTES:,} routes more", [seconds(engine, "validate", str(policies)) for _ in range(RUNS)])


if __name__ == "__main__":
    main()
