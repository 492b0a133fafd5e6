"""A raw mail taken apart: who, what, in answer to what, and whether a machine wrote it. Bounded throughout.

Everything in a mail is a stranger's claim. Headers are cut before anything reads them, nesting and
parts are counted before they are parsed, and an enclosure is bytes under a name, never opened.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses

from typing_extensions import override

from nightshift.errors import BadInput
from nightshift.ingress.charsets import decoded, one_line
from nightshift.ingress.markup import text_of
from nightshift.model.mail import is_message_id, mail_address

__all__ = ["MAX_MAIL", "MAX_TEXT", "Enclosure", "Mail", "Report", "message_ids", "parse"]

MAX_MAIL = 40 * 1024 * 1024
"""The largest raw mail, in bytes: what SES stores at most."""
MAX_TEXT = 20_000
"""Characters of a mail's text that are kept beside the raw mail."""

_MAX_HEADERS = 200_000  # bytes before the first empty line
_MAX_VALUE = 4_000  # characters of one header; parsing them takes the square of their length
_MAX_NESTED = 20  # multiparts and mails within mails; every line is compared with each of their boundaries
_MAX_PARTS = 400
_MAX_ENCLOSURES = 20
_DECORATION = 20_000  # bytes; a smaller picture that the text itself shows is a logo, no photo
_MAX_TEXT_BYTES = 1_000_000  # of all texts together: reading HTML takes 8 s for as much at its worst
_MAX_LINES = 2_000_000  # each is an object of its own; 40 MB of base64 are 540,000
_MAX_LOOKS = 10_000_000  # lines times multiparts

# Python's parser ends lines at a bare CR too.
_NESTING = re.compile(rb"(?:^|[\r\n])content-type:\s*(?:multipart|message)/", re.IGNORECASE)
_UNREADABLE = (
    MessageError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
)


@dataclass(frozen=True, kw_only=True)
class Enclosure:
    """One attached file, not decoded yet; `name` and `media_type` are the sender's words."""

    name: str
    media_type: str
    part: Message

    def content(self) -> bytes:
        """Its bytes, decoded now; a mail within the mail as it stands.

        Raises:
            BadInput: it cannot be decoded.
        """
        try:
            return self._decoded()
        except _UNREADABLE as exc:
            problem = f"one cannot be taken apart ({type(exc).__name__})"
            raise BadInput("attachments", problem, "Look at the mail raw.") from None

    def _decoded(self) -> bytes:
        payload = self.part.get_payload()
        if isinstance(payload, list):
            return b"\n".join(inner.as_bytes() for inner in payload if isinstance(inner, Message))
        given = self.part.get_payload(decode=True)
        return given if isinstance(given, bytes) else b""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A machine's report about another mail: what became of it, and what headers that mail had."""

    kind: str
    action: str = ""
    status: str = ""
    original: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What a mail says.

    `sender` is the one address in its one From header, else empty. `headers` are by lower-case name, the
    first of each, decoded, on one line.
    """

    sender: str
    subject: str
    text: str
    headers: Mapping[str, str]
    enclosures: tuple[Enclosure, ...]
    report: Report | None


class _Cut(policy.Compat32):
    """Headers as they stand, cut before anything parses them."""

    @override
    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_MAX_VALUE]

    @override
    def header_fetch_parse(self, name: str, value: str) -> str:
        return value  # with bytes that are no ASCII as surrogates: `_words` reads them


_PARSER = BytesParser(policy=_Cut())


def parse(raw: bytes) -> Mail:
    """Take a raw mail apart.

    Raises:
        BadInput: it is larger, deeper or in more parts than any real mail, or no mail at all.
    """
    _check(raw)
    try:
        message = _PARSER.parsebytes(raw)
        return _mail(message)
    except _UNREADABLE as exc:
        raise BadInput(
            "mail", f"it cannot be taken apart ({type(exc).__name__})", "Look at it raw."
        ) from None


def _check(raw: bytes) -> None:
    if len(raw) > MAX_MAIL:
        raise BadInput("mail", f"it has {len(raw)} bytes", f"At most {MAX_MAIL} are read.")
    head = min(at for at in (raw.find(b"\r\n\r\n"), raw.find(b"\n\n"), len(raw)) if at >= 0)
    if head > _MAX_HEADERS:
        raise BadInput("headers", f"they have {head} bytes", f"At most {_MAX_HEADERS} are read.")
    nested = sum(1 for _ in _NESTING.finditer(raw))
    if nested > _MAX_NESTED:
        raise BadInput("parts", f"{nested} of them hold others", f"At most {_MAX_NESTED} are read.")
    if nested and raw.count(b"\n--") + raw.count(b"\r--") > 4 * _MAX_PARTS:
        raise BadInput("parts", "there are far too many", f"At most {_MAX_PARTS} are read.")
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    if lines > _MAX_LINES or lines * nested > _MAX_LOOKS:
        raise BadInput("mail", f"it has {lines} lines", f"At most {_MAX_LINES} are read.")


def _mail(message: Message) -> Mail:
    leaves = list(_leaves(message))
    if len(leaves) > _MAX_PARTS:
        raise BadInput("parts", f"there are {len(leaves)}", f"At most {_MAX_PARTS} are read.")
    texts = [leaf for leaf in leaves if _is_text(leaf)]
    report = _report(message, leaves)
    enclosures = () if report else tuple(_enclosures(message, [p for p in leaves if p not in texts]))
    if len(enclosures) > _MAX_ENCLOSURES:
        problem = f"there are {len(enclosures)}"
        raise BadInput("attachments", problem, f"At most {_MAX_ENCLOSURES} are taken.")
    headers = _headers(message)
    return Mail(
        sender=_sender(message),
        subject=headers.get("subject", "")[:500],
        text=_text(texts),
        headers=headers,
        enclosures=enclosures,
        report=report,
    )


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold no others, in order; a mail within the mail is one part, never looked into."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting.extend(p for p in reversed(inner) if isinstance(p, Message))
        else:
            yield part


def _is_text(part: Message) -> bool:
    attached = (part.get_content_disposition() or "") == "attachment" or part.get_filename() is not None
    return part.get_content_type() in {"text/plain", "text/html"} and not attached


def _text(parts: list[Message]) -> str:
    """The plain text of a mail, or what its HTML shows where it has none."""
    for kind, read in (("text/plain", str), ("text/html", text_of)):
        found = (read(each) for each in _decoded(part for part in parts if part.get_content_type() == kind))
        text = "\n\n".join(shown for each in found if (shown := each.strip()))
        if text:
            return text
    return ""


def _decoded(parts: Iterable[Message]) -> Iterator[str]:
    left = _MAX_TEXT_BYTES
    for part in parts:
        raw = part.get_payload(decode=True)
        if isinstance(raw, bytes) and left > 0:
            yield decoded(raw[:left], _charset(part))
            left -= len(raw)


def _charset(part: Message) -> str | None:
    declared = part.get_param("charset")
    return str(declared[2] if isinstance(declared, tuple) else declared) if declared else None


def _headers(message: Message) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in message.items():
        found.setdefault(name.casefold()[:100], one_line(_words(str(value)), _MAX_VALUE))
    return found


def _words(value: str) -> str:
    """A header with its encoded words decoded, whatever charset they name."""
    raw = value.encode("utf-8", "surrogateescape")  # bytes that are no ASCII were kept as surrogates
    if any(byte > 0x7F for byte in raw):  # noqa: PLR2004  # ASCII ends here
        return decoded(raw, None)
    try:
        parts = decode_header(value)
    except MessageError:  # base64 that is none
        return decoded(raw, None)
    return "".join(
        decoded(part, charset) if isinstance(part, bytes) else str(part) for part, charset in parts
    )


def _sender(message: Message) -> str:
    given = [str(value) for value in message.get_all("from", [])]
    if len(given) != 1:
        return ""
    try:
        found = [address for _, address in getaddresses([given[0][:1_000]]) if address]
    except RecursionError:  # comments within comments
        return ""
    return mail_address(found[0]) if len(found) == 1 else ""


def message_ids(value: str) -> list[str]:
    """The Message-IDs in a header, without angle brackets."""
    found = (word.strip(",;").removeprefix("<").removesuffix(">") for word in value.split()[:100])
    return [word for word in found if is_message_id(word)]


def _enclosures(message: Message, parts: list[Message]) -> Iterator[Enclosure]:
    shown = message.get_content_type() == "multipart/related" or any(
        part.get_content_type() == "multipart/related" for part in message.walk()
    )
    for part in parts:
        media = one_line(part.get_content_type(), 100)
        if shown and part.get("content-id") and media.startswith("image/") and _size(part) < _DECORATION:
            continue
        yield Enclosure(name=_file_name(part), media_type=media, part=part)


def _size(part: Message) -> int:
    payload = part.get_payload()
    return len(payload) * 3 // 4 if isinstance(payload, str) else _DECORATION


def _file_name(part: Message) -> str:
    given = one_line(_words(str(part.get_filename() or "")), 255)
    return re.split(r"[/\\]", given)[-1].strip(". ") or "attachment"


def _report(message: Message, leaves: list[Message]) -> Report | None:
    if message.get_content_type() != "multipart/report":
        return None
    fields: dict[str, str] = {}
    original: dict[str, str] | None = None
    for part in leaves:
        kind, payload = part.get_content_type(), part.get_payload()
        if kind in {"message/delivery-status", "message/feedback-report"} and isinstance(payload, list):
            for block in (inner for inner in payload if isinstance(inner, Message)):
                fields |= {name.casefold(): str(value)[:200] for name, value in block.items()}
        elif kind == "message/rfc822" and isinstance(payload, list) and isinstance(payload[0], Message):
            original = _headers(payload[0])
        elif kind == "text/rfc822-headers":
            raw = part.get_payload(decode=True)
            original = _headers(_PARSER.parsebytes(raw[:_MAX_HEADERS])) if isinstance(raw, bytes) else None
    kind = str(message.get_param("report-type") or "").casefold()
    return Report(
        kind="delivery-status" if "action" in fields else kind,
        action=fields.get("action", "").strip().casefold(),
        status=fields.get("status", "").split("(")[0].strip()[:20],
        original=original,
    )
