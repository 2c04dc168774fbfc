"""`engine report`: a report of a month, a week or a day as a document."""

from pathlib import Path

import click

from engine.cli.session import Session, options
from engine.core.kpis import FORMATS, REPORTS
from engine.errors import UsageError


@click.command()
@options()
@click.argument("kind", type=click.Choice(REPORTS))
@click.option("--period", metavar="PERIOD", help="2026-10, 2026-W41 or 2026-10-15. Default: the last one that has ended.")
@click.option("--format", "shape", type=click.Choice(FORMATS), default="html", show_default=True, help="How it is written.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to. Default: var/reports/; md and json are printed.")
def command(session: Session, kind: str, period: str | None, shape: str, output: Path | None) -> None:
    """Write a report: the survey, a day, a week, the month, or the agents, queues or incidents of a period.

    It comes out the same whenever it is asked for. Formats other than md and json need the plugin closedloop-reports.
    """
    from engine.analysis.reports import period_of, report, writer
    from engine.channels import write_atomically
    from engine.cli.output import clean, counting, say

    with session.desk() as desk:
        language = desk.words.language
        about = period_of(kind, period, desk.now, desk.words.timezone)
        render = writer(shape)
        with counting(kind) as step:
            document = report(desk.store, desk.policy, desk.team, kind, about, desk.now, language, step)
        written = render(document)
        if output is None and shape in ("md", "json"):
            click.echo(clean(written.decode()), nl=False)
            return
        path = output or desk.project.var / "reports" / language / f"{document.name}.{shape}"
        try:
            write_atomically(path, written)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}; choose another file with --output") from error
    say(str(path))
