"""Word rules: whole words, case-folded, without accents, and not when they are denied."""

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["sentences", "spoken"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_CLAUSE_END = re.compile(r"[.,;:!?\n\u3001\u3002\uff01\uff0c\uff1f]+")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u2018\u02bc\u00b4\u0060", "'"))
# Scripts written without spaces: a word there is found as part of its clause.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_DENIALS = frozenset((
    "no", "not", "never", "without", "nor", "don't", "doesn't", "didn't", "isn't", "aren't", "wasn't",
    "kein", "keine", "keinen", "keinem", "keiner", "nicht", "nie", "niemals", "ohne",
    "pas", "jamais", "sans", "aucun", "aucune",
    "sin", "nunca", "ningun", "ninguna",
    "non", "senza", "mai", "nessun", "nessuna",
    "geen", "niet", "nooit", "zonder",
))  # fmt: skip
# How many words before a rule's words may deny it: "not a lawyer", but not "do not make me sue".
_REACH = 2


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).casefold()
    return "".join(c for c in decomposed if unicodedata.category(c) not in {"Mn", "Cf"})


def sentences(text: str) -> Iterator[tuple[str, ...]]:
    """The clauses of a text as folded words; invisible characters cannot hide one."""
    for clause in _CLAUSE_END.split(_folded(text)):
        if words := tuple(_WORD.findall(clause)):
            yield words


def _places(words: tuple[str, ...], wanted: tuple[str, ...]) -> Iterator[int]:
    for start in range(len(words) - len(wanted) + 1):
        if words[start : start + len(wanted)] == wanted:
            yield start


def spoken(rule: str, clauses: tuple[tuple[str, ...], ...], *, deniable: bool) -> bool:
    """Whether one of the clauses says the rule's words; `deniable`: unless it denies them."""
    wanted = tuple(_WORD.findall(_folded(rule)))
    if not wanted:
        return False
    if _UNSPACED.search(rule):
        return any("".join(wanted) in "".join(words) for words in clauses)
    return any(
        not (deniable and _DENIALS.intersection(words[max(0, start - _REACH) : start]))
        for words in clauses
        for start in _places(words, wanted)
    )
