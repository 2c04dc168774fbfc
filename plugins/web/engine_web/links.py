"""Links of a mail, made fit to be followed knowingly: of each the address that a browser would go to, and its host apart from the rest.

An address is not passed on but written anew from its parts, and one that a browser might read otherwise than it looks is left out.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

import idna

from engine.services import printable

MOST = 50
"""Links that are shown of one mail."""

LONGEST, LONGEST_NAME = 2000, 120
"""Characters of an address, and of what a mail calls it."""

_WEB = re.compile(
    r"(https?)://(?:([\w.~!$&'()*+,;=:%-]*)@)?([^/?#@:\[\]\\]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?((?:[/?#].*)?)", re.ASCII | re.IGNORECASE
)
_MAIL = re.compile(r"(mailto):([\w.!$&'*+/=^`{|}~-]+)@([^/?#@:\[\]\\,;]+)(?:\?.*)?", re.ASCII | re.IGNORECASE)
_ASCII = re.compile(r"(?=.{1,253}$)(?:\w(?:[\w-]{0,61}\w)?\.)*\w(?:[\w-]{0,61}\w)?\.?", re.ASCII)
_PLAIN = "%/?#[]@!$&'()*+,;=:~"
"""What stands in an address as it is, besides letters, digits and -._"""


@dataclass(frozen=True, slots=True)
class Link:
    """A link: what the mail calls it, and its address, which is `lead`, `host` and `rest` one after the other.

    `host` is ASCII: punycode where it has other letters, which `spelled` has then.
    """

    name: str
    lead: str
    host: str
    rest: str
    spelled: str = ""

    @property
    def address(self) -> str:
        """The address."""
        return f"{self.lead}{self.host}{self.rest}"


def fit(found: Iterable[tuple[str, str]]) -> tuple[list[Link], int]:
    """Return what can be followed of links (address, name), each address once, and how many others there are."""
    links: dict[str, Link] = {}
    others = set[str]()
    for address, name in found:
        link = read(address, name)
        if link is None or (link.address not in links and len(links) >= MOST):
            others.add(address)
        elif link.address not in links or not links[link.address].name:
            links[link.address] = link
    return list(links.values()), len(others)


def read(address: str, name: str) -> Link | None:
    """Return a link as it is shown; None for an address that is not http, https or mailto, is too long or not written as it has to be."""
    if len(address) > LONGEST:
        return None
    address = re.sub(r"[\t\r\n]", "", address).strip(" ")  # as browsers do
    called = " ".join("".join(sign for sign in printable(name) if unicodedata.category(sign) != "Cf").split())  # Cf is what nobody sees
    called = f"{called[: LONGEST_NAME - 1]}…" if len(called) > LONGEST_NAME else called
    if found := _WEB.fullmatch(address):
        scheme, user, written, port, rest = found.groups("")
        lead = f"{scheme.lower()}://{user}@" if found[2] is not None else f"{scheme.lower()}://"
        tail = port + quote(rest, safe=_PLAIN, errors="replace")
    elif found := _MAIL.fullmatch(address):
        lead, written, tail = f"mailto:{found[2]}@", found[3], ""
    else:
        return None
    host = _host(written)
    return Link(called, lead, host, tail, _spelled(host)) if host else None


def _host(written: str) -> str:
    """Return a host in ASCII, "" for what is none, or what browsers take for an address of another form."""
    try:
        if written.startswith("["):
            return f"[{IPv6Address(written[1:-1])}]"
        host = written.lower() if _ASCII.fullmatch(written) else idna.encode(written[:256], uts46=True).decode()
        if host.rstrip(".").rpartition(".")[2][:1].isdigit():
            return str(IPv4Address(host))
    except (idna.IDNAError, ValueError):
        return ""
    return host if _ASCII.fullmatch(host) else ""


def _spelled(host: str) -> str:
    """Return a host of which a part is punycode as it is read, else ""."""
    try:
        spelled = idna.decode(host) if "xn--" in host else ""
    except (idna.IDNAError, ValueError):
        return ""
    return spelled if spelled.isprintable() else ""
