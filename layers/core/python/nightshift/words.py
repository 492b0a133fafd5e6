"""Whole words of a text, folded: case, accents and ligatures do not matter.

Rules over customer text compare folded words only; they never search inside a word, so that "refundable"
is not "refund" and "Esel" is not "sel".
"""

import re
import unicodedata

__all__ = ["contains", "fold"]

_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> tuple[str, ...]:
    """The words of a text in order, case-folded and without accents (`Größe` → `grosse`)."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in spread if not unicodedata.combining(c))
    return tuple(_WORD.findall(bare))


def contains(text: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Whether the words of a phrase stand in a text next to one another, in this order."""
    # Words hold no space, so that a search in the joined words (fast) finds whole words only.
    return bool(phrase) and f" {' '.join(phrase)} " in f" {' '.join(text)} "
