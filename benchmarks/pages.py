"""How long a customer's browser waits for the first byte of each page, and how large a page is with all that it loads:
`python -P benchmarks/pages.py [--runs 200]`.
"""

import re
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.website import Website, website


@click.command()
@click.option("--runs", default=200, show_default=True, help="How often each page is asked for.")
def main(runs: int) -> None:
    """Print a line for each page."""
    with TemporaryDirectory() as folder, website(Path(folder) / "project") as site:
        number = site.take()
        site.act(number, "resolve", "已恢复")
        for path in ("/", "/request", site.engine.tokens.link(number).removeprefix(site.url)):
            waits = sorted(first_byte(site, path) for _ in range(runs))
            name = re.sub(r"\d{12}\..*", "…", path)
            slow = waits[int(len(waits) * 0.99)]
            times = f"first byte {statistics.median(waits) * 1000:.1f} ms, p99 {slow * 1000:.1f} ms"
            click.echo(f"{name}: {times}, {weight(site, path):,} bytes")


def first_byte(site: Website, path: str) -> float:
    """Seconds until the head of the answer is there, over a connection that stands."""
    started = perf_counter()
    with site.client.stream("GET", path) as answer:
        waited = perf_counter() - started
        answer.read()
    return waited


def weight(site: Website, path: str) -> int:
    """Bytes of a page and of all that it loads, uncompressed."""
    page = site.client.get(path)
    parts = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    return len(page.content) + sum(len(site.client.get(part).content) for part in set(parts))


if __name__ == "__main__":
    main()
