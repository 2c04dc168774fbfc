"""Which policy is in force: the store keeps the files of every one by digest and one `active` row, and every process decides by that."""

from datetime import datetime
from pathlib import Path

from engine import __version__
from engine.core.calendar import ALWAYS
from engine.core.clocks import CALENDARS_TIMER
from engine.core.compiled import Policy
from engine.core.fields import OPEN_STATES
from engine.core.team import Team
from engine.errors import ConfigurationError
from engine.policy import Compilation, Diagnostic, check_team, compile_files, compile_policy, format_text, has_errors, load_team
from engine.policy.installed import installed
from engine.policy.sources import kind_of
from engine.store.contract import Store, Transaction
from engine.store.rows import TicketQuery

_ALL = 10_000_000
_PROVEN = "proven_policy"
"""Which policy this version found sound: reading it again need not try every script again."""


class PolicyBroken(ConfigurationError):
    """The policy files have errors; the message shows all of them."""


DAEMON, RELOAD, COMMAND = "daemon", "reload", "cli"
"""Who put a policy in force where no person did: a daemon that started, one that saw a file saved, a command that found none in force."""


def load_from_directory(directory: Path, store: Store, now: datetime, by: str) -> Compilation:
    """Compile the directory, keep its files, put it in force. Raises PolicyBroken with every diagnostic; nothing is changed then."""
    compilation = compile_policy(directory)
    put_in_force(compilation, store, now, by)
    return compilation


def put_in_force(compilation: Compilation, store: Store, now: datetime, by: str) -> None:
    """Keep the files of a sound policy and activate it, if it is not in force already. Raises PolicyBroken.

    Where calendars changed with it, the open tickets that count on one are to look at them anew.
    `by` is recorded with it: an agent's id, a user's name, or one of the above.
    """
    digest = sound(compilation).digest
    with store.read() as reader:
        active = reader.active_policy()
        proven = reader.meta(_PROVEN)
    if (active, proven) != (digest, _proof(digest)):
        with store.write() as tx:
            if active != digest:
                tx.save_policy(digest, compilation.files, now)
                if tx.activate(digest, now, by):  # else another process was quicker
                    look_at_calendars(tx, compilation, active, now)
            tx.set_meta(_PROVEN, _proof(digest))


def look_at_calendars(tx: Transaction, compilation: Compilation, before: str | None, now: datetime) -> None:
    """Where a policy has other calendars than the one `before` it, set a timer for each open ticket that counts on one.

    Many tickets are so worked through one by one, over a restart too.
    """
    kept = [files or {} for files in (tx.policy_files(before or ""), compilation.files)]
    old, new = [{name: text for name, text in files.items() if kind_of(name) == "calendars"} for files in kept]
    if old == new or sound(compilation).on_calendar_change == "keep":
        return
    for ticket in tx.tickets(TicketQuery(states=OPEN_STATES, limit=_ALL)):
        if any(clock.running and clock.budget and clock.calendar != ALWAYS.name for clock in ticket.deadlines.values()):
            tx.start_timer(ticket.number, CALENDARS_TIMER, now)


def load_active(store: Store) -> Compilation | None:
    """Return the policy the active row names, compiled from the kept files; None before the first activation."""
    with store.read() as reader:
        digest = reader.active_policy()
        files = reader.policy_files(digest) if digest else None
        proven = reader.meta(_PROVEN)
    if files is None or digest is None:
        return None
    compilation = compile_files(files, proven=proven == _proof(digest))
    if compilation.policy is None:
        raise PolicyBroken(
            f"the active policy {digest} was sound for an earlier version and is not for this one; "
            f"mend the policy directory and start `engine run`:\n{format_text(compilation.diagnostics).rstrip()}"
        )
    return compilation


def _proof(digest: str) -> str:
    return f"{digest} by {__version__} {installed().signature}".rstrip()


def load_people(directory: Path, compilation: Compilation) -> tuple[Team, tuple[Diagnostic, ...]]:
    """Read `team.yaml` and hold it against the policy; return the team and what is worth a warning. Raises PolicyBroken."""
    load = load_team(directory / "team.yaml")
    problems = (*load.diagnostics, *check_team(load, compilation))
    if load.team is None or has_errors(problems):
        raise PolicyBroken(format_text(problems).rstrip())
    return load.team, problems


def sound(compilation: Compilation) -> Policy:
    """Return the policy of a compilation that has one. Raises PolicyBroken."""
    if compilation.policy is None:
        raise PolicyBroken(format_text(compilation.diagnostics).rstrip())
    return compilation.policy
