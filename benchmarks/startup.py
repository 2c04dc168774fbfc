"""How long the `engine` command takes to answer, how long a policy takes to load (shipped, and with 2,000 routes more), and how long
`engine run` takes to start with 1 million open tickets: `python -P benchmarks/startup.py [--tickets 1000000] [--only-daemon]`.
"""

import resource
import statistics
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from time import perf_counter

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.house import databases, fill, folder, open_house, say
from benchmarks.intake import deliveries, take
from engine.resources import shipped_policies
from engine.runtime.clock import SystemClock

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


def daemon(tickets: int, kind: str) -> None:
    """Print how long `engine run` takes until it says that it has started with so many open tickets."""
    engine = str(Path(sys.executable).with_name("engine"))
    with folder() as place, databases(kind, place) as source:
        root, url = place / "project", source.new()
        house = open_house(root, url, SystemClock())
        take(house, deliveries(house, range(1)), 1)
        house.close()
        fill(url, tickets)
        settings = root / "engine.yaml"
        settings.write_text(settings.read_text("utf-8").replace("sqlite:///var/engine.db", url), "utf-8")
        times, busy = [], []
        for _ in range(5):
            started, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            with subprocess.Popen((engine, "run"), cwd=root, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
                said = next(line for line in process.stderr or () if '"started"' in line or "cannot" in line)
                times.append(perf_counter() - started)
                process.terminate()
                process.communicate()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            assert '"started"' in said, said  # noqa: S101  # what did not start must not count as quick
        say(f"{source.name}, {tickets:,} open tickets:")
        report("  engine run until it has started", times)
        report("  of processor, with its end", busy)


@click.command()
@click.option("--tickets", default=1_000_000, show_default=True)
@click.option("--databases", "kinds", default="sqlite", show_default=True)
@click.option("--only-daemon", is_flag=True, help="Leave out what needs no tickets.")
def main(tickets: int, kinds: str, only_daemon: bool) -> None:
    """Print the median over RUNS runs, with a bare Python beside it for comparison."""
    if not only_daemon:
        commands()
    for kind in kinds.split(","):
        daemon(tickets, kind)


def commands() -> None:
    """Time what answers and what loads."""
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
