"""One structured line per decision and per thing an operator must know, as JSON on standard error. No personal data."""

import json
import logging
import sys
from datetime import UTC, datetime

from engine.core.decide.rules import NO_RULE
from engine.core.events import RuleObserved
from engine.core.signals import AgentActed, MessageArrived, ReceiptArrived, RuleDue, TimerFired
from engine.runtime.handle import Handled
from engine.store.codec import signal_name

LOGGER = logging.getLogger("closedloop")
# Commands that configure no log must not have its lines on their standard error.
LOGGER.addHandler(logging.NullHandler())


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["fault"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure() -> None:
    """Write JSON lines to standard error; what libraries say is kept to warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    LOGGER.setLevel(logging.INFO)


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
        case TimerFired(key=key):
            facts["timer"] = key
        case ReceiptArrived(message=message, status=status):
            facts |= {"message_id": message, "status": status}
        case MessageArrived(channel=channel, party=party):
            facts |= {"channel": channel, "party": party}
    if made.refused is not None:
        facts["refused"] = True
    LOGGER.info("decision", extra={"facts": facts})
