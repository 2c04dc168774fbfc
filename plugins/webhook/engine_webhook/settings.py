"""The settings of a webhook channel in engine.yaml: their schema, and the endpoints parsed from them."""

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from engine.errors import ConfigurationError
from engine_webhook.signing import key_of

_SECRET = {"type": "string", "minLength": 1}
_PORTS = {"https": 443, "http": 80}
# What the channel itself says; names beginning with `webhook-` too.
_OURS = {"connection", "content-length", "content-type", "host", "idempotency-key", "transfer-encoding"}

_ENDPOINT = {
    "type": "object",
    "description": "One system that is told.",
    "additionalProperties": False,
    "required": ["url", "secret"],
    "properties": {
        "url": {"type": "string", "minLength": 1, "description": "Where documents are posted: https, or http to this machine."},
        "secret": {
            "type": ["string", "array"],
            "minLength": 1,
            "minItems": 1,
            "maxItems": 4,
            "items": _SECRET,
            "description": "What documents are signed with, as ${env:NAME} or ${file:path}; several while one takes the place of another.",
        },
        "headers": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"},
            "additionalProperties": {"type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$"},
            "description": "Headers of your own, such as Authorization; a value may be ${env:NAME} or ${file:path}.",
        },
        "timeout": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 50,
            "default": 10,
            "description": "Seconds for connecting and for the answer; keep it below `delivery.deadline`.",
        },
        "ca_file": {
            "type": "string",
            "minLength": 1,
            "description": "Certificate authority to trust instead of the system's, for a company's own.",
        },
        "allow_http": {"type": "boolean", "default": False, "description": "Whether http may leave this machine."},
    },
}

SETTINGS_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Settings of a webhook channel",
    "type": "object",
    "additionalProperties": False,
    "required": ["endpoints"],
    "properties": {
        "endpoints": {
            "type": "object",
            "description": "The systems that can be told, by the names that policies use.",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[a-z][a-z0-9_-]{0,62}$"},
            "additionalProperties": _ENDPOINT,
        }
    },
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One system that is told. What may hold a secret (the path too) never shows; `str` is what messages call it.

    `target` is path and query, `keys` what is signed with, `timeout` in seconds.
    """

    name: str
    tls: bool
    host: str
    port: int
    target: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10
    ca_file: str | None = None

    def __str__(self) -> str:
        """Return `endpoint 'crm' (crm.example.com:443)`."""
        return f"endpoint {self.name!r} ({self.host}:{self.port})"


def endpoints_of(settings: Mapping[str, Any]) -> dict[str, Endpoint]:
    """Read settings that passed `SETTINGS_SCHEMA`. Raises ConfigurationError for what a schema cannot say."""
    return {name: _endpoint(name, one) for name, one in settings["endpoints"].items()}


def _endpoint(name: str, settings: Mapping[str, Any]) -> Endpoint:
    where = f"endpoints.{name}"
    url = _url(settings["url"], f"{where}.url")
    host = (url.host or "").strip("[]")
    if url.scheme == "http" and not settings.get("allow_http", False) and not _is_loopback(host):
        raise ConfigurationError(
            f"{where}.url is http, which anybody on the way can read and change: use https, or, inside a network of your own, "
            f"say {where}.allow_http: true"
        )
    secrets = [settings["secret"]] if isinstance(settings["secret"], str) else settings["secret"]
    return Endpoint(
        name=name,
        tls=url.scheme == "https",
        host=host,
        port=url.port or _PORTS[str(url.scheme)],
        target=url.request_uri,
        keys=tuple(key_of(secret, f"{where}.secret") for secret in secrets),
        headers=_headers(settings.get("headers", {}), url.auth, where),
        timeout=settings.get("timeout", 10),
        ca_file=settings.get("ca_file"),
    )


def _url(text: str, where: str) -> Url:
    try:
        url = parse_url(text)
        if url.scheme in _PORTS and url.host and url.port != 0:
            return url
    except LocationParseError:
        pass  # it quotes the URL, and so what may be a password
    raise ConfigurationError(f"{where} must be a URL such as https://crm.example.com/hooks/closedloop")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _headers(given: Mapping[str, str], auth: str | None, where: str) -> dict[str, str]:
    """Return the endpoint's own headers; user and password of the URL become the header that they stand for (RFC 7617)."""
    names = [header.lower() for header in given]
    for name in names:
        if name in _OURS or name.startswith("webhook-"):
            raise ConfigurationError(f"{where}.headers.{name} is said by the channel itself: take it out")
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{where}.headers says one header twice, in different case: keep one")
    headers = dict(given) if "user-agent" in names else {"User-Agent": "closedloop-webhook", **given}
    if auth is None:
        return headers
    if "authorization" in names:
        raise ConfigurationError(f"{where} has user and password in its url and Authorization in its headers: keep one")
    return {**headers, "Authorization": f"Basic {b64encode(unquote_to_bytes(auth)).decode()}"}
