"""`engine ticket print`: the forms on paper."""

from pathlib import Path

import click

from engine.analysis.forms import collect, write_form
from engine.analysis.forms.model import Form
from engine.cli.output import say
from engine.cli.session import ACTOR, Session, options
from engine.cli.ticket.acting import NUMBER
from engine.runtime.engine import Engine
from engine.runtime.followups import ROLE, FollowUpView, Severed, reveal

FORMS = ("service", "questionnaire", "follow_up", "plan")


@click.command("print")
@options(ACTOR)
@NUMBER
@click.option("--form", type=click.Choice(FORMS), default="service", show_default=True, help="Which form.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to write, .html or .xlsx. Default: NUMBER-FORM.html."
)
def command(session: Session, number: str, form: str, output: Path | None) -> None:
    """Print a form of ticket NUMBER as a page to print (.html) or a workbook (.xlsx).

    The questionnaire is blank, for a pen; `engine ticket answer` takes what was ticked.

    A follow-up's form, and the score on a service record, need the role follow_up; each look is kept on record.
    """
    path = output or Path(f"{number}-{form}.html")
    with session.engine() as engine:
        write_form(_collect(engine, session, number, form), path)
    say(str(path))


def _collect(engine: Engine, session: Session, number: str, form: str) -> Form:
    """Fill the form; what is confidential only for who may see it, and then it is noted."""
    policy, team = engine.world.policy, engine.world.team
    language, zone = session.words(policy, team).language, policy.company.timezone
    view = _view(engine, number, session.actor(team)) if form == "follow_up" else None
    with engine.store.read() as reader:
        if form == "questionnaire":
            return collect.collect_questionnaire(reader, number, policy, language, zone)
        if form == "plan":
            return collect.collect_plan(reader, number, policy, team, language, zone)
        if form == "follow_up":
            return collect.collect_follow_up(reader, number, policy, team, language, zone, view)
        viewer = session.known_actor(team)
        trusted = viewer is not None and ROLE in team.agents[viewer].roles
        record = collect.collect_service_record(reader, number, policy, team, language, zone, may_see_score=trusted)
    if viewer is not None and record.score.follow_up is not None:
        reveal(engine, record.score.follow_up, viewer)
    return record


def _view(engine: Engine, number: str, actor: str) -> FollowUpView | None:
    """Whom the follow-up is about; None when it is over and that was forgotten. Raises Refused, NotFound."""
    try:
        return reveal(engine, number, actor)
    except Severed:
        return None
