"""A contact as the text kept beside the log, and back."""

import json

from engine.core.facts import Contact


def to_text(contact: Contact) -> str:
    """Return the contact as JSON."""
    return json.dumps({"name": contact.name, "addresses": dict(contact.addresses)}, ensure_ascii=False, sort_keys=True)


def from_text(text: str) -> Contact:
    """Return the contact that `to_text` wrote; an erased one (empty text) has no name and no address."""
    if not text:
        return Contact()
    data = json.loads(text)
    return Contact(name=data["name"], addresses=data["addresses"])
