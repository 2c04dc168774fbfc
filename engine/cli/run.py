"""`engine run`: the daemon."""

import click

from engine.analysis.kpi import watch
from engine.cli.jobs import JOBS, services
from engine.cli.session import Session, options
from engine.runtime import worker


@click.command()
@options()
@click.option(
    "--only", type=click.Choice(sorted(worker.PARTS)), multiple=True, help="Do only this part of the work; may be given more than once."
)
def command(session: Session, only: tuple[str, ...]) -> int:
    """Work day and night: take in from every channel, decide, fire timers, send, run the jobs, serve the web.

    Policies and people that are saved meanwhile take effect within two seconds, if they are sound. Stop it with Ctrl-C or SIGTERM; it
    goes on where it was when it starts again. It writes one JSON line per decision to standard error.
    """
    return worker.run(session.root, JOBS, [watch.run_due], services, frozenset(only) or worker.PARTS)
