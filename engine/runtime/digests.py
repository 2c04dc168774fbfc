"""Several notices as one message: a head that counts and names them, and under it what each one says."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.core.scripts import Body
from engine.errors import EngineError
from engine.runtime import log
from engine.runtime.gather import World
from engine.store.rows import OutboxRow

OCCASION = "digest"


def compose(world: World, rows: Sequence[OutboxRow], texts: Mapping[str, str], at: datetime) -> tuple[str, str]:
    """Return subject and text of the rows, all to one party in one language; `texts` are their contents by id.

    Each text stands under the time at which it was said. A head that cannot be filled in is left out, and the message goes all the same.
    """
    first, zone = rows[0], ZoneInfo(world.policy.company.timezone)
    said = [f"[{row.created_at.astimezone(zone):%m-%d %H:%M}] {texts.get(row.content_id, '').strip()}" for row in rows]
    subject, head = first.subject, ""
    if body := _body(world, first):
        context = _context(world, rows, at)
        try:
            head = body.text.render(context).strip()
            subject = " ".join(body.subject.render(context).split()) if body.subject else subject
        except EngineError as fault:
            log.say("no head for a digest", logging.ERROR, message_id=first.id, reason=str(fault))
    return subject, "\n\n".join(filter(None, (head, *said)))


def _body(world: World, row: OutboxRow) -> Body | None:
    script = world.policy.scripts.get(world.policy.notices.get(OCCASION, ""))
    return script.body(row.channel, row.language, world.policy.company.languages[0]) if script else None


def _context(world: World, rows: Sequence[OutboxRow], at: datetime) -> dict[str, object]:
    policy, first = world.policy, rows[0]
    reader = world.team.agents.get(first.party)
    return {
        "now": at,
        "language": first.language,
        "timezone": policy.company.timezone,
        "company": {"name": policy.text(policy.company.name, first.language), "hotline": policy.company.hotline},
        "agent": {"id": first.party, "name": reader.name if reader else first.party},
        "digest": {"count": len(rows), "tickets": list(dict.fromkeys(row.ticket for row in rows if row.ticket))},
    }
