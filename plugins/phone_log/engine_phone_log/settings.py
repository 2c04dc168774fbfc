"""What engine.yaml may say about a `phone_log` channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import ConfigurationError

_CONTEXTS = {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": True}

SETTINGS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "transport": {"enum": ["folder", "asterisk"]},
        "asterisk": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "master_csv": {"type": "string", "minLength": 1},
                "queue_log": {"type": "string", "minLength": 1},
                "timezone": {"type": "string", "minLength": 1},
                "contexts": {"type": "object", "additionalProperties": False, "properties": {"inbound": _CONTEXTS, "outbound": _CONTEXTS}},
                "settle": {"type": "string", "pattern": "^[0-9]{1,6}[smh]$"},
                "menu_field": {"enum": ["userfield", "none"]},
            },
        },
    },
    "if": {"properties": {"transport": {"const": "asterisk"}}, "required": ["transport"]},
    "then": {"required": ["asterisk"], "properties": {"asterisk": {"anyOf": [{"required": ["master_csv"]}, {"required": ["queue_log"]}]}}},
}

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How call records are understood: the zone of their local stamps, which dialplan contexts are calls with customers,
    and whether `userfield` holds the path through the voice menu. No inbound context means: every call that is not outbound.
    """

    zone: ZoneInfo
    inbound: frozenset[str] = frozenset()
    outbound: frozenset[str] = frozenset()
    menu_in_userfield: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one channel, typed. `settle` is how long a call's records must be quiet before it is handed over."""

    transport: str
    reading: Reading
    settle: timedelta
    master_csv: Path | None = None
    queue_log: Path | None = None

    @classmethod
    def parse(cls, settings: Mapping[str, Any], timezone: str) -> "Settings":
        """Read settings that passed the schema; `timezone` is the company's. Raises ConfigurationError for an unknown zone."""
        asterisk = settings.get("asterisk", {})
        contexts = asterisk.get("contexts", {})
        name = asterisk.get("timezone", timezone)
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigurationError(f"asterisk.timezone: {name!r} is no IANA time zone (such as Asia/Shanghai)") from error
        settle = asterisk.get("settle", "30s")
        return cls(
            transport=settings.get("transport", "folder"),
            reading=Reading(
                zone,
                frozenset(contexts.get("inbound", ())),
                frozenset(contexts.get("outbound", ())),
                asterisk.get("menu_field", "none") == "userfield",
            ),
            settle=timedelta(**{_UNITS[settle[-1]]: int(settle[:-1])}),
            master_csv=Path(asterisk["master_csv"]) if "master_csv" in asterisk else None,
            queue_log=Path(asterisk["queue_log"]) if "queue_log" in asterisk else None,
        )
