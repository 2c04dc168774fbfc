"""How forms come in: each is taken in as any carrier's message is, and decided on at once, so that the page that follows can show it."""

import json

from engine.channels import Delivery, Inbound, TemporaryFailure
from engine.services import Engine, inbox


def take_in(engine: Engine, channel: str, item: Inbound) -> str | None:
    """Keep a form durably, and let it be decided on; return its ticket, None where that has to wait or where none came of it.

    Of one (channel, source id) only the first is taken, and each is told the same ticket. Raises TemporaryFailure while so much waits that
    nothing more is taken in.
    """
    must_have_room(engine)
    inbox.accept(engine.desk, channel, [Delivery(item, _kept, raw_of(item))], engine.clock.now())
    return decided(engine, channel, item.source_id)


def must_have_room(engine: Engine) -> None:
    """Raise TemporaryFailure while so much waits that nothing more is taken in."""
    with engine.store.read() as reader:
        if reader.waiting_inbox(engine.project.waiting_limit) >= engine.project.waiting_limit:
            raise TemporaryFailure("too much waits to be handled: nothing is taken in just now")


def raw_of(item: Inbound) -> bytes:
    """Return a form as the inbox keeps it."""
    shown = {key: str(getattr(item, key)) for key in ("source_id", "sender", "sender_name", "text")} | {"fields": dict(item.fields)}
    return json.dumps(shown, ensure_ascii=False).encode()


def decided(engine: Engine, channel: str, source_id: str) -> str | None:
    """Let what was kept be decided on; return its ticket, None where that has to wait or where none came of it."""
    engine.work_inbox()
    with engine.store.read() as reader:
        row = reader.inbox_item(channel, source_id)
    return row.ticket if row else None


def _kept() -> None:
    """Who sent a form is told by the page."""
