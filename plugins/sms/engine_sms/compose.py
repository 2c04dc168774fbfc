"""From the engine's message to what goes on the air: signature, parts, and the number as the carrier wants it."""

import re
from dataclasses import dataclass

from engine.channels import Outbound, PermanentFailure
from engine_sms.segmentation import Segments, segment
from engine_sms.settings import Settings

# No handset shows them, and some gateways stumble over them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER = re.compile(r"\+?[0-9]{3,20}")


@dataclass(frozen=True, slots=True)
class Composed:
    """A message ready to send. `text` is the whole of it, signature first; `to` is as the carrier wants it."""

    message_id: str
    to: str
    text: str
    segments: Segments


def compose(message: Outbound, settings: Settings) -> Composed:
    """Sign, number and cut `message`. Raises PermanentFailure for what SMS cannot carry."""
    if not _NUMBER.fullmatch(message.to):
        raise PermanentFailure(f"{masked(message.to)!r} is not a telephone number: write it as +8613800138000")
    if message.attachments:
        raise PermanentFailure("an SMS cannot carry attachments: send them by e-mail")
    said = _CONTROL.sub("", message.text)
    if not said.strip():
        raise PermanentFailure("the text is empty: an SMS must say something")
    text = _signed(said, settings.signature(message.language))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PermanentFailure(f"the text holds half a character at position {error.start}: it cannot be sent") from error
    segments = segment(text, settings.alphabet)
    if len(segments.parts) > settings.max_parts:
        raise PermanentFailure(f"the text takes {len(segments.parts)} parts, max_parts is {settings.max_parts}: shorten the script")
    to = f"+{message.to.lstrip('+')}" if settings.plus else message.to.lstrip("+")
    return Composed(message.message_id, to, text, segments)


def _signed(text: str, signature: str) -> str:
    return text if text.startswith(signature) else signature + text


def masked(number: str) -> str:
    """Return `number` fit for a log: its country code and last two digits."""
    return f"{number[:3]}***{number[-2:]}" if len(number) > 6 else "***"
