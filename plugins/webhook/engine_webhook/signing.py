"""Signatures by Standard Webhooks 1.0.0 (https://www.standardwebhooks.com, spec/standard-webhooks.md, "Signature scheme"), symmetric.

Signed is `{webhook-id}.{webhook-timestamp}.{body}` with HMAC-SHA256; a secret is written `whsec_` and the base64 of 24 to 64 random bytes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from engine.errors import ConfigurationError

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)


def key_of(secret: str, where: str) -> bytes:
    """Return the key that `secret` writes down. Raises ConfigurationError, which names `where` and never the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):  # ValueError: letters beyond ASCII
        key = b""
    if len(key) not in _KEY_BYTES:
        raise ConfigurationError(
            f"{where} must be {_PREFIX} and the base64 of 24 to 64 random bytes: make one with `echo {_PREFIX}$(openssl rand -base64 32)`"
        )
    return key


def signature(keys: Iterable[bytes], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: one signature a key, so that a receiver may know either while keys are changed.

    `timestamp` is in seconds since 1970 UTC.
    """
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in keys)
