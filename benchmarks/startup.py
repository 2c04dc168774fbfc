"""How long the `engine` command takes to answer: what every verb pays before it does anything."""

import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

RUNS = 15


def seconds(*command: str) -> float:
    """The wall time of one run of a command, in seconds. Raises CalledProcessError if it fails."""
    started = perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return perf_counter() - started


def main() -> None:
    """Print the median over RUNS runs, with a bare Python beside it for comparison."""
    engine = str(Path(sys.executable).with_name("engine"))
    for name, command in {"python -c ''": (sys.executable, "-c", ""), "engine --version": (engine, "--version")}.items():
        times = [seconds(*command) for _ in range(RUNS)]
        sys.stdout.write(f"{name:<20} median {statistics.median(times) * 1000:6.0f} ms, slowest {max(times) * 1000:6.0f} ms\n")


if __name__ == "__main__":
    main()
