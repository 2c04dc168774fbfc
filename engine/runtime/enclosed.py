"""The files that go out with a message: those of the policy that decided on it, whichever is in force by now."""

import base64
import json
import mimetypes

from engine.channels import Attachment
from engine.store.contract import Reader


def enclosed(reader: Reader, named: str | None) -> tuple[Attachment, ...]:
    """Return the files that a content of `engine.core.messages.enclose` names, none for none."""
    if named is None:
        return ()
    wanted = json.loads(named)
    files = reader.policy_files(wanted["policy"]) or {}
    return tuple(_attachment(name, files[f"knowledge/{name}"]) for name in wanted["files"])


def _attachment(name: str, text: str) -> Attachment:
    return Attachment(name, mimetypes.guess_type(name)[0] or "application/octet-stream", base64.b64decode(text))
