"""Addresses in the one form in which they are stored and compared: E.164 for phones (ITU-T E.164), lower case for mail."""

import phonenumbers


def normalise(kind: str, raw: str, region: str) -> str:
    """Return the address in its stored form, or the trimmed input where it is no phone number (a short code, a name).

    `kind` is `phone` or `email`; `region` (ISO 3166, say CN) is whose national numbers need no country code.
    """
    text = raw.strip()
    if kind != "phone":
        return text.casefold()
    digits = "".join(mark for mark in text if not mark.isspace() and mark not in "-()（）.")
    for candidate in (digits, f"+{digits}"):
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return digits
