"""Where somebody of the team sits: who asks, in whose words, and the page they get."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from engine.services import Engine, Policy, Reader, Words, explain, phrases
from engine_web.doors import who
from engine_web.doors.roles import Person, may
from engine_web.site import Site, site_of

ROOMS = (
    ("/console/phone", "phone", "create", "ticket"),
    ("/console/team", "team", "read", "kpi"),
    ("/console/follow-ups", "follow_ups", "read", "answer"),
    ("/console/incidents", "incidents", "read", "incident"),
    ("/console/figures", "figures", "read", "kpi"),
    ("/console/measures", "measures", "read", "improvement"),
    ("/console/reviews", "reviews", "read", "quality"),
    ("/console/policy", "policy", "read", "policy"),
    ("/console/audit", "audit", "read", "audit"),
)
"""Address, name, and what whoever enters may do to which object."""


_FORM = re.compile("[0-9a-f]{32}")

KEPT = 8
"""How many policies of the past are kept compiled."""


@dataclass(frozen=True)
class Seat:
    """One request of one person of the team, and what is shown to them by."""

    site: Site
    request: Request
    person: Person
    words: Words
    now: datetime

    @property
    def engine(self) -> Engine:
        """The engine behind the site."""
        return self.site.engine

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.site.engine.world.policy

    @cached_property
    def language(self) -> str:
        """The language of the page."""
        return self.words.language

    @property
    def rooms(self) -> list[tuple[str, str]]:
        """The rooms that this person may enter beside the board: the address and the key of the name of each."""
        return [(path, key) for path, key, verb, what in ROOMS if may(self.person, verb, what)]

    def may(self, verb: str, what: str) -> bool:
        """Whether this person may do it to any such object."""
        return may(self.person, verb, what)

    def say(self, key: str, /, **values: object) -> str:
        """Return a text of the console."""
        return self.site.say(self.language, f"console.{key}", **values)

    def span(self, length: timedelta) -> str:
        """Return a time span in words."""
        return phrases.duration(length, self.language)

    def clock(self, at: datetime | None) -> str:
        """Return an instant as people say it now, empty for None."""
        return "" if at is None else phrases.clock(at, self.now, self.words.timezone, self.language)

    def form(self) -> str:
        """Return the id of a form that is shown now: what it asks for is done once, however often it is sent."""
        return self.site.fresh_id()

    def page(self, template: str, /, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page of the console."""
        return self.site.page(self.request, f"console/{template}", status=status, seat=self, words=self.words, person=self.person, **values)


def seated(request: Request) -> Seat:
    """Return the seat of whoever asks; who is not logged in is sent to the door."""
    return seat_of(request, who(request))


def seat_of(request: Request, person: Person) -> Seat:
    """Return the seat of somebody who is known, as it is now."""
    site = site_of(request)
    world = site.engine.world
    words = Words(site.language(request), world.policy, world.team)
    return Seat(site, request, person, words, site.engine.clock.now())


class Policies:
    """The policies that decisions were made by, as a reader has them: those of the past are compiled once, and the latest used are kept."""

    _compiled: ClassVar[dict[str, Policy]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, reader: Reader, now: Policy) -> None:
        self._kept, self._now = explain.kept_policies(reader, now), now

    def __call__(self, digest: str) -> Policy | None:
        """Return the policy of a digest, None where it cannot be had."""
        found = self._compiled.get(digest) or self._kept(digest)
        if found is not None and digest != self._now.digest:
            with self._lock:
                self._compiled.pop(digest, None)
                self._compiled[digest] = found
                if len(self._compiled) > KEPT:
                    del self._compiled[next(iter(self._compiled))]
        return found


def form_of(fields: Mapping[str, str]) -> str:
    """Return the id of the form that was sent. Raises HTTPException 400 for none of ours."""
    if not _FORM.fullmatch(form := fields.get("form", "")):
        raise HTTPException(400)
    return form


def filters(request: Request, names: tuple[str, ...]) -> Mapping[str, str]:
    """Return what the address says of these names."""
    return {name: value for name in names if (value := request.query_params.get(name, ""))}
