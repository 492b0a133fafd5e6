"""Bytes of a mail to text: as declared, as they are, or as they most likely are; never an error."""

import codecs
import unicodedata

__all__ = ["decoded", "one_line"]

_SAMPLE = 20_000
# Python decodes these too, but they are escapes, or take the square of the length.
_NO_CHARSETS = frozenset(
    {"unicode-escape", "raw-unicode-escape", "unicode_escape", "idna", "punycode", "utf-7", "undefined"}
)
_NOT_TEXT = frozenset({"Cc", "Cs", "Co", "Cn"})
# What senders mean by names that nobody, or something else, answers to.
_MEANT = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-8-i": "iso-8859-8",
    "ks_c_5601-1987": "cp949",
    "x-sjis": "cp932",
    "gb2312": "gb18030",
    "unicode-1-1-utf-7": "",
    "utf-7": "",
}


def _as(charset: str, raw: bytes) -> str | None:
    try:
        found = codecs.lookup(charset)
        if found.name in _NO_CHARSETS or not found._is_text_encoding:  # noqa: SLF001  # the only way to tell `zip` or `base64` from a charset
            return None
        return raw.decode(found.name)
    except (LookupError, ValueError):
        return None


def decoded(raw: bytes, declared: str | None) -> str:
    """The text of some bytes.

    UTF-8 is believed wherever the bytes are that and not plain ASCII: no other text looks like it by
    chance. Then what is declared, then a guess over a sample; what fits nothing keeps a mark for each
    byte that is none.
    """
    name = (declared or "").strip().strip("\"'").casefold()
    name = _MEANT.get(name, name)
    known = _as("utf-8", raw) if not name.startswith(("iso-2022", "hz", "utf-16", "utf-32")) else None
    text = known if known is not None else _as(name, raw) if name else None
    return _clean(text if text is not None else _guessed(raw))


def _guessed(raw: bytes) -> str:
    from charset_normalizer import from_bytes  # noqa: PLC0415  # only a mail that lies about its charset pays

    best = from_bytes(raw[:_SAMPLE], enable_fallback=True).best()
    return raw.decode(best.encoding if best is not None else "cp1252", errors="replace")


def _clean(text: str) -> str:
    """Without byte order marks, carriage returns and characters that are none."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in _NOT_TEXT)


def one_line(text: str, most: int) -> str:
    """Text as one line of at most so many characters, without control and direction marks."""
    seen = "".join(" " if c.isspace() else c for c in text)
    return " ".join("".join(c for c in seen if unicodedata.category(c)[0] != "C").split())[:most]
