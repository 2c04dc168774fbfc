"""What services are made of: plugins that serve people and programs beside the channels, such as the web (docs/web.md).

A service speaks to the engine in signals and in queries of the store only. What it may use of the rooms inside is named here, and a
contract of import-linter holds that it uses nothing else.
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pluggy

from engine.analysis import board, guides, kpi, learned, reports, rota, ticket_page
from engine.analysis.kpi.watch import amount
from engine.analysis.labels import LANGUAGES, label
from engine.analysis.texts import instant, moment, printable
from engine.analysis.words import Words
from engine.channels.manager import must_be_schema, validate_settings
from engine.core import events
from engine.core.answers import is_opt_out
from engine.core.arithmetic import Arithmetic, reckon
from engine.core.calendar import ALWAYS
from engine.core.commands import KeepContent, QueueMessage
from engine.core.compiled import Policy, Survey
from engine.core.contacts import from_text
from engine.core.context import LINK
from engine.core.decide.replies import verdict
from engine.core.decide.surveys import scores
from engine.core.fields import IMPACTS, IMPROVEMENT, INCIDENT, KINDS, NEEDS, OPEN_STATES, REVIEW, STATES
from engine.core.improvements import CATEGORIES, CAUSES, MOST_WHYS, Aim, Improvement
from engine.core.improvements import Outcome as FollowUpOutcome
from engine.core.kpis import AIMS, KPIS
from engine.core.lifecycle import TRANSITIONS
from engine.core.messages import ENCLOSED
from engine.core.model import CUSTOMER, Ticket
from engine.core.signals import AgentActed, MessageArrived, StepDraft, TicketRequested
from engine.core.team import Team
from engine.core.text import mask
from engine.errors import ConfigurationError, EngineError
from engine.plugins import PROJECT, offers
from engine.policy import phrases
from engine.policy.cases import Channels, load_case, load_cases, with_usual
from engine.policy.diff import compare
from engine.policy.units import duration
from engine.runtime import accounts, attachments, dossier, followups, inbox, log, quality
from engine.runtime.engine import Engine
from engine.runtime.handle import Outcome, handle
from engine.runtime.project import resolve_secrets
from engine.runtime.tokens import PAGES
from engine.store.accounts import NewsRow, RequestRow
from engine.store.codec import decode_plain, encode
from engine.store.contract import Reader, Store, Transaction
from engine.store.rows import TicketQuery
from engine.whatif import explain
from engine.whatif.policy_tests import run_case

GROUP = "engine.services"

hookspec, hookimpl = pluggy.HookspecMarker(PROJECT), pluggy.HookimplMarker(PROJECT)

Serve: TypeAlias = Callable[[threading.Event], None]
"""Serves until the event is set, and returns within five seconds then. One that raises is called again after a pause."""


@dataclass(frozen=True, slots=True)
class ServiceType:
    """A service that a plugin offers under `name`.

    `settings_schema` is a JSON Schema (closed object) of its settings in engine.yaml; `build` gets settings that passed it, with secrets
    resolved, and the engine that it serves. Raises ConfigurationError.
    """

    name: str
    settings_schema: Mapping[str, Any]
    build: Callable[[Mapping[str, Any], Engine], Serve]


class ServiceHooks:
    """Asked when `engine run` starts, where engine.yaml names a service."""

    @hookspec
    def engine_services(self) -> list[ServiceType]:  # type: ignore[empty-body]  # pluggy collects what plugins return
        """Return the services this plugin offers."""


def named(name: str) -> ServiceType:
    """Return the service of that name. Raises ConfigurationError that says which are installed."""
    found, problems = offers(GROUP, ServiceHooks, "engine_services", "service", _must_be_sound)
    if name in found:
        service: ServiceType = found[name]
        return service
    failed = f"; plugins that failed: {'; '.join(problems)}" if problems else ""
    raise ConfigurationError(f"there is no service {name!r} (installed: {', '.join(sorted(found)) or 'none'}){failed}")


def build(engine: Engine) -> dict[str, Serve]:
    """Build the services that engine.yaml names. Raises ConfigurationError."""
    return {name: _built(name, settings, engine) for name, settings in engine.project.services.items()}


def _built(name: str, plain: Mapping[str, Any], engine: Engine) -> Serve:
    service, settings = named(name), resolve_secrets(plain, engine.project.root)
    if problems := validate_settings(service, settings):
        raise ConfigurationError(f"service {name!r}: " + "; ".join(map(str, problems)))
    try:
        return service.build(settings, engine)
    except EngineError as error:
        raise ConfigurationError(f"service {name!r}: {error}") from error
    except Exception as error:  # a plugin's own fault is told as what it is, without a traceback
        raise ConfigurationError(f"service {name!r}: its plugin could not build it: {type(error).__name__}: {error}") from error


def _must_be_sound(offered: object) -> None:
    if not isinstance(offered, ServiceType) or not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", offered.name):
        raise ConfigurationError(f"{offered!r} is no ServiceType with a name of lower-case letters, digits and _")
    must_be_schema(f"service {offered.name!r}", offered.settings_schema)


__all__ = [
    "AIMS", "ALWAYS", "CATEGORIES", "CAUSES", "CUSTOMER", "ENCLOSED", "IMPACTS", "IMPROVEMENT", "INCIDENT", "KINDS", "KPIS", "LANGUAGES",
    "LINK", "MOST_WHYS", "NEEDS", "OPEN_STATES", "PAGES", "REVIEW", "STATES", "TRANSITIONS", "AgentActed", "Aim", "Arithmetic",
    "Channels", "Engine", "FollowUpOutcome", "Improvement", "KeepContent", "MessageArrived", "NewsRow", "Outcome", "Policy", "QueueMessage",
    "Reader", "RequestRow", "Serve", "ServiceType", "StepDraft", "Store", "Survey", "Team", "Ticket", "TicketQuery", "TicketRequested",
    "Transaction", "Words", "accounts", "amount", "attachments", "board", "build", "compare", "decode_plain", "dossier", "duration",
    "encode", "events", "explain", "followups", "from_text", "guides", "handle", "hookimpl", "inbox", "instant", "is_opt_out",
    "kpi", "label", "learned", "load_case", "load_cases", "log", "mask", "moment", "phrases", "printable", "quality", "reckon",
    "reports", "rota", "run_case", "scores", "ticket_page", "verdict", "with_usual",
]  # fmt: skip
