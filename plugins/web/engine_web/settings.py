"""The settings of the service `web` in engine.yaml (docs/web.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.services import duration

_DURATION = {"type": "string", "pattern": "^[0-9]+[smhd]$"}
_COUNT = {"type": "integer", "minimum": 1, "maximum": 1000000}
SETTINGS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "listen": {"type": "string", "pattern": r"^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$"},
        "public": {"type": "string", "pattern": r"^https?://[^\s/?#]+$"},
        "proxies": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "session": _DURATION,
        "links": _DURATION,
        "requests": _COUNT,
        "strangers": _COUNT,
        "conversation": _COUNT,
    },
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where it listens and how it is reached: `public` is the address that links begin with, None: none are sent.

    `proxies` are the addresses whose word on who asks, and whether by TLS, is taken. A `session` of the console ends after so long;
    a token of the API may ask `requests` times a minute. `links` is how long a customer's link is good after the ticket has ended.
    In a minute `strangers` at one address may hand in, ask and write so often together, and in one `conversation` so often.
    """

    listen: str = "127.0.0.1:8080"
    public: str | None = None
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    session: timedelta = timedelta(hours=12)
    links: timedelta = timedelta(days=90)
    requests: int = 600
    strangers: int = 30
    conversation: int = 10

    @property
    def secure(self) -> bool:
        """Whether browsers come by TLS."""
        return self.public is not None and self.public.startswith("https://")

    @classmethod
    def parse(cls, plain: Mapping[str, Any]) -> "Settings":
        """Read settings that the schema has passed."""
        given = dict(plain)
        if "proxies" in given:
            given["proxies"] = tuple(given["proxies"])
        for name in ("session", "links"):
            if name in given:
                given[name] = duration(given[name])
        return cls(**given)
