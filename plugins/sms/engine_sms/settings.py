"""The settings of an SMS channel in engine.yaml: their schema, and the values parsed from them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from engine.errors import ConfigurationError

_TEXT = {"type": "string", "minLength": 1}
_PORT = {"type": "integer", "minimum": 0, "maximum": 65535}
_SECONDS = {"type": "number", "exclusiveMinimum": 0, "maximum": 86400}
_TYPE_OF_NUMBER = {"type": "integer", "minimum": 0, "maximum": 255}

_SMPP = {
    "type": "object",
    "description": "The account at an SMS centre that speaks SMPP 3.4.",
    "additionalProperties": False,
    "required": ["host", "port", "system_id", "password"],
    "properties": {
        "host": _TEXT | {"description": "Name or address of the SMS centre."},
        "port": _PORT | {"description": "Its TCP port, often 2775."},
        "tls": {"type": "boolean", "default": False, "description": "Whether the centre takes TLS on this port."},
        "system_id": _TEXT | {"description": "The account's name."},
        "password": {"type": "string", "description": "The account's password, as ${env:NAME} or ${file:path}."},
        "system_type": {"type": "string", "default": "", "description": "What the carrier tells you to put here, else leave it out."},
        "source_ton": _TYPE_OF_NUMBER | {"default": 0, "description": "Type of number of `sender`: 0 unknown, 1 international, 5 letters."},
        "source_npi": _TYPE_OF_NUMBER | {"default": 0, "description": "Numbering plan of `sender`: 0 unknown, 1 telephone."},
        "destination_ton": _TYPE_OF_NUMBER | {"default": 1, "description": "Type of number of the customer's number."},
        "destination_npi": _TYPE_OF_NUMBER | {"default": 1, "description": "Numbering plan of the customer's number."},
        "window": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10, "description": "Parts sent before the first answer."},
        "default_alphabet": {
            "enum": ["gsm-7", "latin-1", "ascii"],
            "default": "gsm-7",
            "description": "What the centre means by data_coding 0.",
        },
        "enquire_link_seconds": _SECONDS | {"default": 30, "description": "Idle time after which the link is probed."},
        "response_seconds": _SECONDS | {"default": 10, "description": "How long an answer may take before the link counts as dead."},
        "throttle_seconds": _SECONDS | {"default": 5, "description": "How long to wait when the centre says we are too fast."},
        "reassembly_seconds": _SECONDS | {"default": 300, "description": "How long to wait for the missing parts of a long message."},
    },
}

_KANNEL = {
    "type": "object",
    "description": "A Kannel gateway (smsbox) that sends for us and calls us back.",
    "additionalProperties": False,
    "required": ["sendsms_url", "username", "password", "secret"],
    "properties": {
        "sendsms_url": _TEXT | {"description": "Address of sendsms, such as http://127.0.0.1:13013/cgi-bin/sendsms."},
        "username": _TEXT | {"description": "The sendsms-user's name."},
        "password": {"type": "string", "description": "The sendsms-user's password, as ${env:NAME} or ${file:path}."},
        "smsc": {"type": "string", "default": "", "description": "Kannel's smsc-id to send through, else Kannel chooses."},
        "listen_host": _TEXT | {"default": "127.0.0.1", "description": "Where we listen for Kannel's calls."},
        "listen_port": _PORT | {"default": 13080, "description": "The port we listen on."},
        "callback_url": _TEXT | {"description": "How Kannel reaches us, when not as http://listen_host:listen_port."},
        "secret": _TEXT
        | {"description": "First part of the callback path, 16 or more letters and digits, as ${env:NAME} or ${file:path}."},
        "timeout_seconds": _SECONDS | {"default": 20, "description": "How long sendsms may take, and how long Kannel waits for us."},
    },
}

SETTINGS_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Settings of an SMS channel",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "transport": {
            "enum": ["folder", "smpp", "kannel"],
            "default": "folder",
            "description": "How messages travel: files in folders, SMPP 3.4, or HTTP through Kannel. Settings of the others may stay.",
        },
        "signature": {
            "description": "What every text begins with, such as 【某公司】; one text, or one per language. It counts as part of the text.",
            "type": ["string", "object"],
            "minLength": 1,
            "minProperties": 1,
            "additionalProperties": _TEXT,
        },
        "sender": {
            "type": "string",
            "maxLength": 20,
            "pattern": "^[ -~]*$",
            "default": "",
            "description": "The number or name the customer sees.",
        },
        "plus": {"type": "boolean", "default": False, "description": "Whether the carrier wants the + before the customer's number."},
        "max_parts": {"type": "integer", "minimum": 1, "maximum": 255, "default": 10, "description": "The longest text, in parts."},
        "smpp": _SMPP,
        "kannel": _KANNEL,
    },
    "allOf": [
        {"if": {"properties": {"transport": {"const": "smpp"}}, "required": ["transport"]}, "then": {"required": ["smpp"]}},
        {"if": {"properties": {"transport": {"const": "kannel"}}, "required": ["transport"]}, "then": {"required": ["kannel"]}},
    ],
}

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,200}")


@dataclass(frozen=True, slots=True)
class SmppSettings:
    """See `_SMPP` above for the meaning of each."""

    host: str
    port: int
    system_id: str
    password: str
    tls: bool = False
    system_type: str = ""
    source_ton: int = 0
    source_npi: int = 0
    destination_ton: int = 1
    destination_npi: int = 1
    window: int = 10
    default_alphabet: str = "gsm-7"
    enquire_link_seconds: float = 30
    response_seconds: float = 10
    throttle_seconds: float = 5
    reassembly_seconds: float = 300

    def __post_init__(self) -> None:
        """Refuse what the schema cannot see because secrets are resolved after it."""
        for name in ("system_id", "password", "system_type"):
            value = getattr(self, name)
            if not value.isascii() or "\0" in value:
                raise ConfigurationError(f"smpp.{name} holds characters that SMPP cannot carry: use ASCII")

    @property
    def reassembly(self) -> timedelta:
        """How long the parts of a long inbound message are waited for."""
        return timedelta(seconds=self.reassembly_seconds)


@dataclass(frozen=True, slots=True)
class KannelSettings:
    """See `_KANNEL` above for the meaning of each."""

    sendsms_url: str
    username: str
    password: str
    secret: str
    smsc: str = ""
    listen_host: str = "127.0.0.1"
    listen_port: int = 13080
    callback_url: str = ""
    timeout_seconds: float = 20

    def __post_init__(self) -> None:
        """Refuse what the schema cannot see because secrets are resolved after it."""
        if not _SECRET.fullmatch(self.secret):
            raise ConfigurationError("kannel.secret must be 16 to 200 letters, digits, - or _: make one with `openssl rand -hex 24`")
        for name, url in (("sendsms_url", self.sendsms_url), ("callback_url", self.callback_url)):
            if url and not is_http_url(url):
                raise ConfigurationError(f"kannel.{name} must be a URL such as http://127.0.0.1:13013/path: {url!r} is not")


def is_http_url(url: str) -> bool:
    """Tell whether `url` names an http or https server we can connect to."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Settings:
    """One SMS channel's settings; `smpp` or `kannel` is there if it is the transport in use, neither means the folder transport."""

    signatures: Mapping[str, str]
    sender: str
    plus: bool
    max_parts: int
    smpp: SmppSettings | None
    kannel: KannelSettings | None

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> "Settings":
        """Read settings that passed `SETTINGS_SCHEMA`. Raises ConfigurationError for what a schema cannot say."""
        signature = settings.get("signature", {})
        transport = settings.get("transport", "folder")
        return cls(
            signatures={"": signature} if isinstance(signature, str) else dict(signature),
            sender=settings.get("sender", ""),
            plus=settings.get("plus", False),
            max_parts=settings.get("max_parts", 10),
            smpp=SmppSettings(**settings["smpp"]) if transport == "smpp" else None,
            kannel=KannelSettings(**settings["kannel"]) if transport == "kannel" else None,
        )

    @property
    def alphabet(self) -> str:
        """In what 7-bit text travels to the carrier: gsm-7, or a codec of Python."""
        return self.smpp.default_alphabet if self.smpp is not None else "gsm-7"

    def signature(self, language: str) -> str:
        """Return the signature for `language` (zh-CN falls back to zh, then to the first one given), empty if there is none."""
        for name in (language, language.partition("-")[0], ""):
            if name in self.signatures:
                return self.signatures[name]
        return next(iter(self.signatures.values()), "")
