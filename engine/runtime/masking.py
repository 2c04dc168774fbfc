"""What nobody is shown: secrets, wherever words leave the process; addresses, names and texts of people in the log."""

import base64
import json
import re
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

SHORTEST = 4
"""Characters of the shortest text that counts as a secret: a shorter one would blot out half of every line."""

_UNMISTAKABLE = 8
"""Characters of the shortest part of a secret that counts as one: a shorter one may be a word or a year."""

_PERSONAL = frozenset(
    ("address", "body", "contact", "email", "full_text", "name", "party_name", "phone", "sender", "sender_name", "subject", "text", "to")
)
_IDS = frozenset(("before", "message_id", "policy", "ticket", "worker"))
"""Facts that are ids by their making, and may look like a telephone number."""

# Dates, ticket numbers and message ids first, because they look like telephone numbers.
_PATTERN = re.compile(
    r"(?P<keep>(?<!\d)20\d\d-\d\d-\d\d(?:[T ]\d\d:[\d:.]+)?|(?<![\d+])20\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{4,6}(?:\.\d+)*(?!\d))"
    r"|(?P<email>[^\s<>\"'(),:;@=]+@[^\s<>\"'(),:;@=]+)"
    r"|(?P<phone>(?<![0-9A-Za-z.])\+?\(?\d(?:[ ()-]{0,2}\d){6,14}(?![0-9A-Za-z]))"
)

_guard = threading.Lock()
_secrets: set[str] = set()


def remember(secret: str) -> None:
    """Take a text for a secret from now on, in each form in which it is likely to turn up; of a URL its password."""
    words = [secret, *(line for line in secret.splitlines() if len(line) >= SHORTEST)]
    if "://" in secret:
        password = urlsplit(secret).password or ""
        words += [password, unquote(password)]
    with _guard:
        _secrets.update(form for word in words for form in _forms(word) if len(form) >= SHORTEST)
        _known.cache_clear()


def _forms(word: str) -> list[str]:
    """The text as URLs, JSON, Python and Base64 write it, the last wherever in a longer text it stands (credentials of HTTP and SMTP);
    and without the marks at its ends, which whoever quotes it may write in a way of their own.
    """
    forms = [word, quote(word), quote(word, safe=""), quote_plus(word), json.dumps(word)[1:-1], repr(word)[1:-1]]
    if len(bare := re.sub(r"^\W+|\W+$", "", word)) >= _UNMISTAKABLE:
        forms.append(bare)
    for before in range(3):
        raw = b"\0" * before + word.encode()
        whole, loose = base64.b64encode(raw).decode().rstrip("="), len(raw) % 3
        forms.append(whole[-(-before * 8 // 6) : len(whole) - (loose > 0)])  # characters that hold bits of a neighbour differ
    return forms


def without_secrets(text: str) -> str:
    """Return the text with ‹secret› for every secret that was remembered."""
    known = _known()
    return known.sub("‹secret›", text) if known else text


def without_people(text: str) -> str:
    """Return the text with ‹email› and ‹phone› for what looks like a person's address."""
    return _PATTERN.sub(lambda found: found[0] if found["keep"] else f"‹{found.lastgroup}›", text)


def masked(_logger: object, _method: str, line: Mapping[str, Any]) -> dict[str, Any]:
    """The log's processor: return the facts of a line with nothing in them that nobody is to see."""
    return {key: "‹personal›" if key in _PERSONAL else _masked(value, key in _IDS) for key, value in line.items()}


def _masked(value: Any, is_id: bool) -> Any:
    if isinstance(value, str):
        shown = without_secrets(value)
        return shown if is_id else without_people(shown)
    if isinstance(value, Mapping):
        return masked(None, "", value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(one, is_id) for one in value]
    return value


@cache
def _known() -> re.Pattern[str] | None:
    return re.compile("|".join(map(re.escape, sorted(_secrets, key=len, reverse=True)))) if _secrets else None
