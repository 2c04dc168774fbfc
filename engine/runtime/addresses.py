"""Addresses in the one form in which they are stored and compared: E.164 for phones (ITU-T E.164), lower case for mail."""

import re
import unicodedata

import phonenumbers

_EXTENSION = re.compile(r"(?:转|轉|转接|分机|ext\.?|#|[-/])\s*\d{1,5}$", re.IGNORECASE)
_MARKS = re.compile(r"[\s().·/-]")


def normalise(kind: str, raw: str, region: str) -> str:
    """Return the address in its stored form, or the trimmed input where it is no phone number (a short code, a name).

    `kind` is `phone` or `email`; `region` (ISO 3166, say CN) is whose national numbers need no country code. An extension behind the
    number of a switchboard is left out: E.164 has none.
    """
    text = raw.strip()
    if kind != "phone":
        return text.casefold()
    text = unicodedata.normalize("NFKC", text)  # digits and signs of full width
    for whole in (text, _EXTENSION.sub("", text)):
        digits = _MARKS.sub("", whole)
        for candidate in (digits, f"+{digits}"):
            try:
                number = phonenumbers.parse(candidate, region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_valid_number(number):
                return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return unicodedata.normalize("NFKC", _MARKS.sub("", text))  # what stood apart may go together now
