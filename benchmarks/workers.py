"""Tickets a second that `engine run` decides with one and with two workers on one PostgreSQL, and how much the second adds.

    python -P benchmarks/workers.py [--mails 2000] [--workers 1,2]

Each worker is a process of its own that does nothing but decide (`--only intake`), on a server of its own as the tests start it, which does
not wait for its disk. The mails lie in the inbox before a worker starts; what is handled before all of them work is not counted, nor the
last twentieth. Besides: how many processors the workers used, for where others use the machine too, that is what is measured.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os
import subprocess
import tempfile
import time

import click

from engine.channels import Inbound
from engine.cli.init import lay_out
from engine.runtime.clock import SystemClock
from engine.runtime.engine import open_engine
from engine.runtime.inbox import pack
from engine.runtime.project import load_project
from engine.store import Store, open_store
from tests.support.postgresql import Server

PATIENCE = 600.0


def project(root: Path, url: str) -> Path:
    """A machine's project on the database, in which nothing but the tickets happens."""
    root.mkdir(parents=True)
    lay_out(root)
    incidents = root / "policies" / "incidents.yaml"
    incidents.write_text(incidents.read_text(encoding="utf-8").replace("minimum: 20", "minimum: 10000"), encoding="utf-8")
    (root / "engine.yaml").write_text(
        f"version: 1\ndatabase: {url}\nintake: {{waiting_limit: 1000000}}\nchannels: {{email: {{transport: folder}}}}\n", encoding="utf-8"
    )
    return root


def fill(store: Store, mails: int) -> None:
    """Lay mails in the inbox, each of another customer."""
    now = SystemClock().now()
    with store.write() as tx:
        for n in range(mails):
            item = Inbound(f"{n}", f"c{n}@customer.example", now, "打印机故障,请尽快处理。", recipient="support@example.test")
            tx.accept("email", f"{n}", now, pack(item), b"raw")


def measure(server: Server, directory: Path, mails: int, workers: int) -> tuple[float, float]:
    """Return tickets a second, and how many processors the workers and the server had on average."""
    url = server.url(server.new_database())
    roots = [project(directory / f"{workers}-{n}", url) for n in range(workers)]
    open_engine(load_project(roots[0]), SystemClock(), reload=True).close()
    store = open_store(url)
    fill(store, mails)
    command = [str(Path(sys.executable).with_name("engine")), "run", "--only", "intake"]
    running = [subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stderr=(root / "log").open("wb")) for root in roots]
    try:
        while True:  # until all of them work: what one does alone before is not counted
            with store.read() as reader:
                if len(reader.workers(SystemClock().now())) == workers:
                    break
            time.sleep(0.02)
        began, before = time.monotonic(), _waiting(store)
        used = _used(running)
        while (left := _waiting(store)) > before // 20 and time.monotonic() - began < PATIENCE:
            time.sleep(0.02)
        seconds = time.monotonic() - began
        used = _used(running) - used
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)
    with store.read() as reader:
        handled = reader.inbox_counts().get("done", 0)
    store.close()
    if left + handled < mails:
        raise SystemExit(f"{mails - left - handled} mails were not handled: see the logs in {directory}")
    return (before - left) / seconds, used / seconds


def _waiting(store: Store) -> int:
    with store.read() as reader:
        return reader.waiting_inbox(10**9)


def _used(running: list[subprocess.Popen[bytes]]) -> float:
    """Seconds of processors that the processes have used."""
    ticks = 0
    for process in running:
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@click.command()
@click.option("--mails", default=2_000, show_default=True)
@click.option("--workers", "wanted", default="1,2", show_default=True)
def main(mails: int, wanted: str) -> None:
    """Print a line for each number of workers."""
    with tempfile.TemporaryDirectory(prefix="closedloop-workers-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "server").mkdir()
        server = Server(directory / "server")
        try:
            rates = {}
            click.echo(f"{mails} mails, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
            for workers in map(int, wanted.split(",")):
                rates[workers], used = measure(server, directory, mails, workers)
                ratio = rates[workers] / rates[min(rates)]
                click.echo(f"{workers} worker(s): {rates[workers]:6.0f} tickets/s, {ratio:.2f} × one; workers used {used:.2f} processors")
        finally:
            server.stop("immediate")


if __name__ == "__main__":
    main()
