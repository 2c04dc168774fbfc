"""What installed distributions offer through a group of entry points, each by one pluggy hook; asked at boot only.

Every plugin gets a plugin manager of its own, so that one that fails takes only itself out.
"""

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from engine.errors import ConfigurationError

PROJECT = "closedloop"


def offers(group: str, hooks: type, hook: str, what: str, check: Callable[[Any], None]) -> tuple[dict[str, Any], list[str]]:
    """Load every entry point of `group`, in the order of distribution and entry point names; return what their `hook` offers by name.

    `hooks` is the class of hook specifications, `what` says in words what is offered; `check` raises ConfigurationError for an offer
    that is not sound. The second value says what kept others out: distribution, entry point, error.
    """
    found: dict[str, Any] = {}
    owners: dict[str, str] = {}
    problems: list[str] = []
    for point in sorted(entry_points(group=group), key=_place):
        try:
            offered = _offered_by(point, hooks, hook, what, check)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a plugin's import can raise anything, and takes only itself out
            problems.append(f"{_place(point)}: {type(error).__name__}: {error}")
            continue
        for one in offered:
            owner = owners.setdefault(one.name, _place(point))
            if one.name in found:
                problems.append(f"{_place(point)}: {what} {one.name!r} is already offered by {owner}; uninstall one")
            else:
                found[one.name] = one
    return found, problems


def warn(message: str, **facts: object) -> None:
    """Note a plugin's fault in the engine's log, as a line with named facts."""
    logging.getLogger(PROJECT).warning(message, extra={"facts": facts})


def _place(point: EntryPoint) -> str:
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"
    return f"{distribution}, entry point {point.name!r} ({point.value})"


def _offered_by(point: EntryPoint, hooks: type, hook: str, what: str, check: Callable[[Any], None]) -> list[Any]:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(point.load(), name=point.name)
    manager.check_pending()
    offered = [one for result in getattr(manager.hook, hook)() for one in result]
    if not offered:
        raise ConfigurationError(f"offers no {what}: implement the hook {hook} with @hookimpl")
    for one in offered:
        check(one)
    return offered
