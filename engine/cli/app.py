"""The command itself: its verbs, imported only when they are called, and what becomes of errors."""

import os
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from engine import __version__
from engine.errors import EngineError, UsageError

FINDINGS, USAGE, WARNINGS, INTERNAL = 1, 2, 3, 70
"""Exit codes beside 0: something was found or refused, the call is wrong, only warnings (under --strict), a fault of the engine."""


class LazyGroup(click.Group):
    """A group whose verbs are named with their one line of help, and imported when one of them is called."""

    def __init__(self, *args: Any, verbs: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order in which a newcomer meets them."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb: `package.module:attribute`."""
        if cmd_name not in self.verbs:
            return None
        module, _, attribute = self.verbs[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  # the table above names commands only; a test holds it
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.verbs.items()])


VERBS: Mapping[str, tuple[str, str]] = {
    "demo": ("engine.cli.demo:command", "Play a month and a business day, and show what happens."),
    "init": ("engine.cli.init:command", "Lay out a new project."),
    "validate": ("engine.cli.validate:command", "Say whether policies (and a project) are sound."),
    "schema": ("engine.cli.schema:command", "Print the JSON Schemas of policy files, for editors."),
    "test": ("engine.cli.test:command", "Run the tests that lie beside the policies."),
    "replay": ("engine.cli.replay:command", "Say what another policy would have made of the tickets there were."),
    "simulate": ("engine.cli.simulate:command", "Say whether the team would keep the promises, if so much came."),
    "policy": ("engine.cli.policy:group", "See the versions of the policy, compare them, put one in force."),
    "run": ("engine.cli.run:command", "Work day and night: take in, decide, send."),
    "workers": ("engine.cli.workers:command", "List the processes that work, and what each holds."),
    "status": ("engine.cli.status:command", "Show how the work stands."),
    "doctor": ("engine.cli.doctor:command", "Say whether all that the daemon needs is there."),
    "check": ("engine.cli.check:command", "Hold the database against its own log."),
    "backup": ("engine.cli.backup:backup", "Keep all that the engine has written in one file."),
    "restore": ("engine.cli.backup:restore", "Put a backup in the place of the database."),
    "db": ("engine.cli.db:group", "Move everything to another database."),
    "board": ("engine.cli.board:command", "Watch the open promises, the nearest deadline first."),
    "kpi": ("engine.cli.kpi:command", "Show KPIs beside their targets, by anything they can be split by."),
    "report": ("engine.cli.report:command", "Write a report: the survey, the week, the month, agents, queues, incidents."),
    "improve": ("engine.cli.improve:group", "Plan measures of improvement, and verify them by figures."),
    "qa": ("engine.cli.qa:group", "Draw tickets for quality reviews, and score them by the form."),
    "feedback": ("engine.cli.feedback:group", "Enter what customers said elsewhere than in a survey."),
    "knowledge": ("engine.cli.knowledge:group", "Find the answers to frequent problems."),
    "ticket": ("engine.cli.ticket:group", "Work tickets: list, show, claim, plan, resolve and more."),
    "approvals": ("engine.cli.approvals:group", "See what waits for an approval; grant or refuse it."),
    "incident": ("engine.cli.incident:group", "Tell the customers of one outage together, and end it."),
    "phone": ("engine.cli.phone:group", "Register a phone call by hand."),
    "explain": ("engine.cli.explain:command", "Say why a ticket went the way it did."),
    "due": ("engine.cli.due:command", "Reckon a deadline on a calendar."),
    "calendar": ("engine.cli.calendar:group", "Import holidays from an iCalendar file."),
    "ingest": ("engine.cli.ingest:command", "Take in files by hand, through the same door."),
    "inbox": ("engine.cli.queues:inbox", "See what came in, and try again."),
    "outbox": ("engine.cli.queues:outbox", "See what goes out, release it, try again."),
    "dead": ("engine.cli.dead:command", "See everything that was set aside, try it again or give it up."),
    "channel": ("engine.cli.channel:group", "List channels and prove that one works."),
    "rota": ("engine.cli.rota:command", "Show who is on, and who would hear of an escalation."),
    "agent": ("engine.cli.agent:group", "See who is there, go away, come back."),
    "account": ("engine.cli.account:group", "Say who may sign in to the web, and make tokens for programs."),
    "customer": ("engine.cli.customer:group", "See all that is known of a customer; import, keep, hand out and erase it."),
    "audit": ("engine.cli.audit:command", "Show who looked at personal data, and who did what with it."),
    "retention": ("engine.cli.retention:group", "See what retention.yaml keeps no longer, and let it go."),
}


@click.group(
    cls=LazyGroup,
    verbs=VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="Every verb explains itself: engine VERB --help",
)
@click.version_option(__version__, package_name="closedloop", message="closedloop %(version)s")
def engine() -> None:
    """Keep the promises that a company makes to its customers, as its policies say."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit. What is expected to go wrong is one message, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_outcome(arguments))


def _outcome(arguments: Sequence[str] | None) -> int:
    try:
        code = engine.main(arguments, prog_name="engine", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("engine: stopped, nothing was done", err=True)
        return 130
    except EngineError as error:
        from engine.cli.output import clean
        from engine.policy.said import foreign, translated
        from engine.runtime.masking import without_secrets

        told = translated(foreign(str(error)), _language(sys.argv[1:] if arguments is None else arguments))
        click.echo(f"engine: {clean(without_secrets(told))}", err=True)
        return USAGE if isinstance(error, UsageError) else FINDINGS
    except BrokenPipeError:
        # Who reads has read enough; without this Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as fault:  # noqa: BLE001  # the last place where a fault can become one readable line
        return _fault(fault)


def _language(arguments: Sequence[str]) -> str:
    """Return the language that `--lang` names, else that of the locale: an error is told when its verb is over."""
    from engine.cli.session import by_locale

    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if option.startswith("--lang"):
            return option.partition("=")[2] or value
    return by_locale() or "en"


def _fault(fault: Exception) -> int:
    """Keep the traceback in a file and say where, or show it where ENGINE_DEBUG asks for it."""
    from engine.runtime.masking import without_secrets

    told = without_secrets("".join(traceback.format_exception(fault)))
    if os.environ.get("ENGINE_DEBUG") == "1":
        click.echo(told, err=True)
        return INTERNAL
    directory = Path(tempfile.gettempdir())
    handle, name = tempfile.mkstemp(prefix="engine-fault-", suffix=".log", dir=directory)
    with open(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
        log.write(told)
    click.echo(
        f"engine: this is a fault of the engine ({type(fault).__name__}). The details are in {name}; "
        "please report it with that file. ENGINE_DEBUG=1 shows them here.",
        err=True,
    )
    return INTERNAL
