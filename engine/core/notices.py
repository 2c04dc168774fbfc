"""How a message goes: over which channel, when, and alone or gathered with others. Notices to agents wait for quiet hours to end, and
what would flood an agent is gathered.
"""

from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from engine.core.draft import Draft
from engine.core.facts import Facts
from engine.core.model import CUSTOMER

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reach(Struct, frozen=True):
    """How a party can be reached: over which channel, at which address, in which language."""

    channel: str
    address: str
    language: str


class Course(Struct, frozen=True):
    """A message on its way. `digest` is not None for what counts as a notice; `alone` keeps it out of digests."""

    reach: Reach
    not_before: datetime | None = None
    digest: str | None = None
    alone: bool = False


def course(draft: Draft, party: str, reach: Reach, *, notice: bool) -> Course | None:
    """Return how a message goes, None where the party has had enough of them.

    A digest goes by mail: a text message could not hold it.
    """
    limits, gathering = draft.policy.limits, draft.policy.limits.digest
    queued = draft.queued_for(party)
    count = draft.facts.recent.get(party, 0) + len(queued)
    if party == CUSTOMER:
        return Course(reach) if count < limits.per_customer else None
    noticed = draft.facts.noticed.get(party, 0) + sum(one.digest is not None for one in queued)
    full = count >= limits.per_agent
    mail = reach_of_agent(draft.facts, party)
    if gathering and mail and (full or (notice and noticed >= gathering.after)):
        end = draft.now + gathering.within - (draft.now - _EPOCH) % gathering.within
        found = Course(mail, end, "")
    elif full:
        return None
    else:
        found = Course(reach, None, "" if notice else None, alone=reach != mail and notice)
    quiet_until = _quiet_until(draft, party) if notice else None
    return replace(found, not_before=max(found.not_before or quiet_until, quiet_until)) if quiet_until else found


def reach_of_agent(facts: Facts, id: str, channels: tuple[str, ...] = ()) -> Reach | None:
    """Return how an agent is reached: over the first of `channels` that can send and has an address of theirs, else by mail."""
    agent = facts.agents.get(id)
    if agent is None:
        return None
    addresses = {"email": agent.address, "phone": agent.phone}
    mails = (name for name in facts.senders if facts.channels[name] == "email")
    for channel in (*channels, *mails):
        address = addresses.get(facts.channels.get(channel, ""))
        if address and channel in facts.senders:
            return Reach(channel, address, agent.language)
    return None


def _quiet_until(draft: Draft, party: str) -> datetime | None:
    quiet, agent = draft.policy.limits.quiet, draft.facts.agents.get(party)
    exempt = quiet is not None and draft.ticket.tier in quiet.exempt
    return None if exempt or agent is None else agent.quiet_until
