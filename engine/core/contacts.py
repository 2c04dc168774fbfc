"""A contact as the text kept beside the log, and back."""

import json

import msgspec

from engine.core.facts import Contact

_DECODER = msgspec.json.Decoder(Contact)


def to_text(contact: Contact) -> str:
    """Return the contact as JSON."""
    return json.dumps({"name": contact.name, "addresses": dict(contact.addresses)}, ensure_ascii=False, sort_keys=True)


def from_text(text: str) -> Contact:
    """Return the contact that `to_text` wrote; an erased one (empty text) has no name and no address."""
    return _DECODER.decode(text) if text else Contact()
