"""How long `engine validate` takes over hostile and damaged policies, and how much memory: `python benchmarks/bad_input.py`.

Each case of tests/support/bad_input.py is laid over the shipped policies; the whole process is measured. Goal: 1 s and 256 MiB each.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.bad_input import CASES, lay_out


def measure(directory: Path) -> tuple[float, float, int]:
    """Return the seconds, the peak of resident memory in MiB, and the exit code of validating the directory."""
    started = perf_counter()
    process = subprocess.Popen(
        [str(Path(sys.prefix) / "bin" / "engine"), "validate", str(directory)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return perf_counter() - started, usage.ru_maxrss / 1024, process.returncode


def main() -> None:
    """Measure every case, the slowest last."""
    measured = []
    for case in CASES:
        with TemporaryDirectory() as root:
            measured.append((*measure(lay_out(case, Path(root))), case.name))
    for seconds, memory, code, name in sorted(measured):
        click.echo(f"{name:32} {seconds:6.2f} s {memory:7.0f} MiB  exit {code}")


if __name__ == "__main__":
    main()
