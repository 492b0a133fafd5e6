"""The order a mail is about, by the tenant's own naming, and the language it is written in."""

import re
from functools import lru_cache

from nightshift.words import fold

__all__ = ["language_of", "named_order"]

_CALLED = (
    r"(?:order|bestellung|bestellnummer|bestell-nr|auftrag|auftragsnummer|commande|pedido|ordine|bestelling)"
    r"\s{0,3}(?:number|no|nr|num|numero|nummer|n°)?[.:]?\s{0,3}"
)
_DIGITS = r"(\d{3,12})(?![\d-])"
_LANGUAGE = re.compile(r"([a-z]{2})(?:-[A-Z]{2})?")
_TELLING = {
    "de": frozenset(
        {"ich", "und", "nicht", "ist", "mein", "meine", "bitte", "wo", "habe", "das", "die", "der"}
    ),
    "en": frozenset({"the", "and", "not", "is", "my", "please", "where", "have", "it", "i", "was", "to"}),
}


@lru_cache(maxsize=64)
def _pattern(prefix: str) -> re.Pattern[str]:
    sign = rf"(?<![\w]){re.escape(prefix)}\s?" if prefix else r"(?!)"
    return re.compile(rf"(?:{sign}|{_CALLED}(?:{re.escape(prefix)})?){_DIGITS}", re.IGNORECASE)


def named_order(subject: str, text: str, prefix: str) -> str | None:
    """The one order that the subject, or else the text, names; None where it names none or several.

    An order is named as the tenant names it (`#1001`, `EN-1001`), or by a word for it and a number.
    """
    for place in (subject, text):
        found = set(_pattern(prefix).findall(place))
        if found:
            return f"{prefix}{found.pop()}" if len(found) == 1 else None
    return None


def language_of(declared: str, text: str) -> str:
    """The language of a mail: as its header says, else by its commonest words, else English."""
    said = _LANGUAGE.fullmatch(declared.split(",", maxsplit=1)[0].strip())
    if said:
        return said.group(0)
    words = fold(text[:4_000])
    counts = {language: sum(word in known for word in words) for language, known in _TELLING.items()}
    return max(counts, key=lambda language: (counts[language], language == "en"))
