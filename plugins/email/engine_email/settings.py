"""The settings of an e-mail channel in engine.yaml: their JSON Schema, and the values a channel works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_MEGABYTE = 1024 * 1024


class Security(StrEnum):
    """How a connection is protected: TLS from the first byte, TLS after STARTTLS, or not at all (loopback only)."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class AddressToken(StrEnum):
    """Where a reply brings the thread token back, besides the Message-ID that every reply names."""

    PLUS = "plus"
    SUBJECT = "subject"
    BOTH = "both"


_IMAP_PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143}
_SMTP_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}

_TEXT = {"type": "string", "minLength": 1, "pattern": r"^[^\x00-\x1f\x7f]+$"}
_SECRET = {**_TEXT, "description": "Write ${env:NAME} or ${file:path}, never the password itself."}
_CONNECTION: dict[str, Any] = {
    "host": {**_TEXT, "description": "Name or IP address of the server."},
    "port": {
        "type": "integer",
        "minimum": 1,
        "maximum": 65535,
        "description": "Default: the standard port of the service and its security.",
    },
    "security": {
        "enum": [security.value for security in Security],
        "default": "tls",
        "description": "tls: from the first byte; starttls: upgraded, never sent in clear; none: for a server on this machine.",
    },
    "ca_file": {**_TEXT, "description": "Certificate authority to trust instead of the system's, for a company's own."},
    "username": _TEXT,
    "password": _SECRET,
}

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "transport": {
            "enum": ["folder", "server"],
            "default": "folder",
            "description": "folder: .eml files in the channel's directories; server: IMAP and SMTP.",
        },
        "from": {
            "type": "object",
            "additionalProperties": False,
            "required": ["address"],
            "properties": {
                "address": {
                    "type": "string",
                    "maxLength": 254,
                    "pattern": r"^[A-Za-z0-9.!#$%&'*/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]+$",
                    "description": "The service address customers write to.",
                },
                "name": {**_TEXT, "maxLength": 100, "description": "The name customers see, such as 客户服务中心."},
            },
        },
        "address_token": {
            "enum": [place.value for place in AddressToken],
            "default": "subject",
            "description": "plus needs a mail server that delivers support+anything@… to support@…; try it before you choose it.",
        },
        "max_megabytes": {
            "type": "integer",
            "minimum": 1,
            "maximum": 200,
            "default": 25,
            "description": "A larger message stays in the mailbox, flagged, and is set aside with its headers.",
        },
        "imap": {
            "type": "object",
            "additionalProperties": False,
            "required": ["host", "username", "password"],
            "properties": {**_CONNECTION, "mailbox": {**_TEXT, "default": "INBOX"}},
        },
        "smtp": {
            "type": "object",
            "additionalProperties": False,
            "required": ["host"],
            "properties": _CONNECTION,
            "dependentRequired": {"username": ["password"], "password": ["username"]},
        },
    },
    "if": {"properties": {"transport": {"const": "server"}}, "required": ["transport"]},
    "then": {"required": ["from", "imap", "smtp"]},
}


@dataclass(frozen=True, slots=True)
class Sender:
    """The service's own address and the name people see."""

    address: str = "support@example.test"
    name: str = ""

    @property
    def domain(self) -> str:
        """The part after the @, in lower case."""
        return self.address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Server:
    """One server to log in to. `username` is empty where the server asks for none; the password never shows in a repr."""

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str | None = None
    mailbox: str = "INBOX"

    def __str__(self) -> str:
        """Return `host:port (security)`."""
        return f"{self.host}:{self.port} ({self.security})"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that passed `SCHEMA`. `imap` and `smtp` are both set (transport server) or both None (transport folder)."""

    sender: Sender = field(default_factory=Sender)
    address_token: AddressToken = AddressToken.SUBJECT
    max_bytes: int = 25 * _MEGABYTE
    imap: Server | None = None
    smtp: Server | None = None

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> "Settings":
        """Read settings that passed `SCHEMA`; what is absent takes the schema's default."""
        on_servers = settings.get("transport") == "server"
        return cls(
            sender=Sender(**settings["from"]) if "from" in settings else Sender(),
            address_token=AddressToken(settings.get("address_token", AddressToken.SUBJECT)),
            max_bytes=settings.get("max_megabytes", 25) * _MEGABYTE,
            imap=_server(settings["imap"], _IMAP_PORTS) if on_servers else None,
            smtp=_server(settings["smtp"], _SMTP_PORTS) if on_servers else None,
        )


def _server(settings: Mapping[str, Any], ports: Mapping[Security, int]) -> Server:
    security = Security(settings.get("security", Security.TLS))
    return Server(**{**settings, "security": security, "port": settings.get("port", ports[security])})
