"""What a plain (unquoted) word of YAML is taken for, and the words that are refused because YAML readers disagree about them."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from engine.policy.said import said

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}\Z")
_MEANT_AS_FIGURE = re.compile(r"[+-]?[0-9][0-9:.]*\s*(?:[dhms%]|[dhms]?(?:\s*[0-9]+[dhms])*)?\s*(?:[-/]\s*[0-9][0-9:.-]*)?\Z")
_QUOTE_IT = 'put it in quotes if it is meant as text: "{word}"'


class Odd(NamedTuple):
    """Why a word is refused: the code of the diagnostic, what is wrong, how to mend it."""

    code: str
    message: str
    hint: str


_ODD = (
    (
        re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?\Z"),
        "`{word}` without quotes is read as a number by some programs",
        'write a time of day in quotes: "{word}"',
    ),
    (
        re.compile(r"(?:yes|no|on|off)\Z", re.IGNORECASE),
        "`{word}` is read as true or false by some programs and as text by others",
        'write true or false, or put the word in quotes: "{word}"',
    ),
    (
        re.compile(r"(?:True|TRUE|False|FALSE)\Z"),
        "`{word}` is not how true and false are written here",
        "write true or false in small letters",
    ),
    (
        re.compile(r"[+-]?(?:0[0-9_]+|0[xob][0-9a-fA-F_]+)\Z"),
        "`{word}` is read as an octal or hexadecimal number by some programs",
        _QUOTE_IT,
    ),
    (
        re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][+-]?[0-9]+\Z"),
        "`{word}` is read as a number with an exponent by some programs",
        _QUOTE_IT,
    ),
    (re.compile(r"[+-]?(?:\.inf|\.Inf|\.INF)\Z|\.(?:nan|NaN|NAN)\Z"), "`{word}` is not a number that a policy can use", _QUOTE_IT),
    (
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?\Z"),
        "`{word}` without quotes is read as a date by some programs and as text by others",
        'write a date in quotes: "{word}"',
    ),
    (
        re.compile(r"(?:\+[0-9]+|[+-]?(?:[0-9]+\.|\.[0-9]+)|[+-]?[0-9][0-9_]*_[0-9_]*|-?[0-9]{19,}|-?[0-9]+\.[0-9]{18,})\Z"),
        "`{word}` is not a number as policies write them",
        'write digits only, like 10 or 0.5; put it in quotes if it is meant as text: "{word}"',
    ),
)


@lru_cache(maxsize=4096)  # a policy says few words, many times
def resolve(word: str) -> str | int | float | bool | Odd:
    """Return what a plain word stands for: true, false, a whole or decimal number, else text; Odd when it must not be used so.

    An empty word and `null` are the caller's to refuse.
    """
    if word == "true" or word == "false":
        return word == "true"
    if _INTEGER.match(word):
        return int(word)
    if _DECIMAL.match(word):
        return float(word)
    for pattern, message, hint in _ODD:
        if pattern.match(word):
            return Odd("CL113", said(message, word=word), said(hint, word=word))
    return full_width_figure(word) or word


def full_width_figure(word: str) -> Odd | None:
    """Return why a number, duration or time typed on a Chinese keyboard cannot be used, None for anything else."""
    narrow = unicodedata.normalize("NFKC", word)
    if narrow == word or not _MEANT_AS_FIGURE.match(narrow):
        return None
    return Odd(
        "CL115",
        said("`{word}` is typed in full-width characters", word=word),
        said("type it in half-width characters: {narrow}", narrow=narrow),
    )


@lru_cache(maxsize=4096)
def full_width_key(word: str) -> Odd | None:
    """Return why a key with a full-width character cannot be used, None for a key without one."""
    if not any("\uff01" <= character <= "\uff5e" or character in "\u3000\u3001\u3002" for character in word):
        return None
    narrow = unicodedata.normalize("NFKC", word).strip()
    return Odd(
        "CL115",
        said("the key `{word}` holds a full-width character", word=word),
        said("type it in half-width characters: {narrow}", narrow=narrow),
    )


def shortened(text: str) -> str:
    """Return a text as diagnostics show it, cut where it is long."""
    return text if len(text) <= 60 else f"{text[:59]}…"
