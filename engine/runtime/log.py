"""One structured line per decision and per thing an operator must know, on standard error. No personal data, no secrets."""

import logging
import os
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from engine.core.decide.rules import NO_RULE
from engine.core.events import RuleObserved
from engine.core.signals import AgentActed, MessageArrived, ReceiptArrived, RenewalRequested, RuleDue, TimerFired
from engine.errors import EngineError
from engine.runtime.handle import Handled
from engine.runtime.masking import masked
from engine.store.codec import signal_name

LOGGER = logging.getLogger("closedloop")
# Commands that configure no log must not have its lines on their standard error.
LOGGER.addHandler(logging.NullHandler())


def configure() -> None:
    """Write to standard error: JSON lines, or coloured ones where that is a terminal. What libraries say is kept to warnings.

    `ENGINE_DEBUG=1` shows all that they say, and the words of faults, which may be personal.
    """
    import structlog  # 40 ms that no command should pay

    debug, terminal = os.environ.get("ENGINE_DEBUG") == "1", sys.stderr.isatty()
    json_lines = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    readable = structlog.dev.ConsoleRenderer(event_key="message", timestamp_key="at", exception_formatter=structlog.dev.plain_traceback)
    processors: list[Any] = [partial(_line, debug), masked, readable if terminal else json_lines]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=processors))
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, handlers=[handler], force=True)
    LOGGER.setLevel(logging.DEBUG if debug else logging.INFO)


def _line(debug: bool, _logger: object, _method: str, entry: MutableMapping[str, Any]) -> dict[str, Any]:
    """A record of the standard library, ours or another library's, as the facts of a line."""
    record: logging.LogRecord = entry["_record"]
    line = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "message": entry["event"],
        **getattr(record, "facts", {}),
    }
    if not record.name.startswith(LOGGER.name):
        line["logger"] = record.name
    if (fault := entry.get("exc_info")) and fault[1] is not None:
        line["fault"] = _told(fault[1], debug)
    return line


def _told(fault: BaseException | None, debug: bool) -> str:
    """The traceback. What a fault says may quote a customer, so its words are left out, unless they are the engine's or the system's."""
    told: list[str] = []
    while fault is not None:
        words = f": {fault}" if debug or isinstance(fault, EngineError | OSError) else ""
        told.insert(0, f"{''.join(traceback.format_tb(fault.__traceback__))}{type(fault).__name__}{words}")
        fault = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
    return "\n\n".join(told)


def say(message: str, level: int = logging.INFO, **facts: object) -> None:
    """Log a line with named facts."""
    LOGGER.log(level, message, extra={"facts": facts})


def failed(what: str, retry_at: datetime | None, error: Exception, **facts: object) -> None:
    """Log that something could not be handled: when it is tried again, or that it was set aside. The error's words stay in the store."""
    facts = {"what": what, "error": type(error).__name__, "retry_at": retry_at.isoformat() if retry_at else None, **facts}
    LOGGER.log(logging.WARNING if retry_at else logging.ERROR, "not handled", extra={"facts": facts})


def decision(handled: Handled) -> None:
    """Log one decision: what came, what happened, which rules said so, under which policy."""
    made, signal = handled.decision, handled.signal
    told = [reason for reason in made.reasons if not reason.decided.startswith(NO_RULE)]
    facts: dict[str, object] = {
        "decided_at": handled.at.isoformat(),
        "ticket": handled.number,
        "signal": signal_name(signal),
        "events": [event.name for event in made.events],
        "rules": [f"{reason.rule} ({reason.source})" if reason.source else reason.rule for reason in told],
        "policy": handled.policy_digest[:12],
    }
    if observed := {event.rule: event.actions for event in made.events if isinstance(event, RuleObserved)}:
        facts["observed"] = observed
    match signal:
        case RuleDue(rule=rule, customer=customer):
            facts |= {"rule": rule, "customer": customer, "decided": [reason.decided for reason in told]}
        case AgentActed(actor=actor, action=action):
            facts |= {"actor": actor, "action": action}
        case RenewalRequested(actor=actor):
            facts["actor"] = actor
        case TimerFired(key=key):
            facts["timer"] = key
        case ReceiptArrived(message=message, status=status):
            facts |= {"message_id": message, "status": status}
        case MessageArrived(channel=channel, party=party):
            facts |= {"channel": channel, "party": party}
    if made.refused is not None:
        facts["refused"] = True
    LOGGER.info("decision", extra={"facts": facts})
