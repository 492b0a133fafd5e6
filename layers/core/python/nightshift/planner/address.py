"""A postal address out of a message, by one strict rule; whatever does not fit it is for a person."""

import re

from nightshift.model.order import Address

__all__ = ["parse_address"]

_COUNTRIES = {
    "germany": "DE", "deutschland": "DE", "austria": "AT", "osterreich": "AT", "oesterreich": "AT",
    "österreich": "AT", "switzerland": "CH", "schweiz": "CH", "france": "FR", "frankreich": "FR",
    "netherlands": "NL", "niederlande": "NL", "belgium": "BE", "belgien": "BE", "italy": "IT",
    "italien": "IT", "spain": "ES", "spanien": "ES", "poland": "PL", "polen": "PL", "denmark": "DK",
    "dänemark": "DK", "sweden": "SE", "schweden": "SE", "ireland": "IE", "irland": "IE",
    "united kingdom": "GB", "great britain": "GB", "uk": "GB", "united states": "US", "usa": "US",
    "canada": "CA", "kanada": "CA",
}  # fmt: skip
_CODES = frozenset(_COUNTRIES.values())

# "Lindenstr. 5, 10969 Berlin, Germany", on one line or on three; a house number on either side.
_STREET = r"(?P<street>[^\W\d_][^,;:\n]{1,80}?\s\d+\s?[a-zA-Z]?|\d+[a-zA-Z]?\s[^\W\d_][^,;:\n]{1,80})"
_PLACE = r"(?P<postcode>[0-9A-Z]{2,5}(?:[ -][0-9A-Z]{2,4})?)\s+(?P<city>[^\W\d_][^,;:\n\d]{1,60}?)"
_COUNTRY = r"(?P<country>[^\W\d_][^,;:\n\d.!?]{1,30})"
_BREAK = r"[ \t]*(?:,[ \t]*|\r?\n[ \t]*)"
_ADDRESS = re.compile(
    rf"(?:^|[:\n]\s*){_STREET}{_BREAK}{_PLACE}{_BREAK}{_COUNTRY}[ \t]*[.!]?[ \t]*(?=\r?\n|$)"
)


def parse_address(text: str) -> Address | None:
    """The one address in a text, or None when there is none, or more than one.

    The rule: "street and number, postcode city, country", each part on its own line or parted by
    commas, standing at the start of a line or after a colon and ending its line.
    """
    found = {
        (m["street"].strip(), m["postcode"], m["city"].strip(), country)
        for m in _ADDRESS.finditer(text)
        if (country := _country(m["country"]))
    }
    if len(found) != 1:
        return None
    street, postcode, city, country = found.pop()
    return Address(line1=street, postcode=postcode, city=city, country=country)


def _country(name: str) -> str | None:
    bare = name.strip().casefold()
    if bare.upper() in _CODES:
        return bare.upper()
    return _COUNTRIES.get(bare)
