"""Personal fields of log entries: read by those who may, and forgotten for good.

The chain covers ciphertext, so forgetting breaks no hash. What makes a field unreadable is the loss of
its data key, in every copy of the log at once.
"""

from collections.abc import Iterable

from nightshift.ids import TenantId
from nightshift.model.log import LogEntry
from nightshift.model.personal import PersonalLine
from nightshift.ports.sealing import Sealing, SubjectKeys

__all__ = ["FIRST_LINE", "erase", "first_line", "opened"]

FIRST_LINE = 200


def first_line(text: str) -> str:
    """The first line of a message that says something, cut to 200 characters."""
    said = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return said[:FIRST_LINE]


def opened(entries: Iterable[LogEntry], sealing: Sealing) -> tuple[PersonalLine, ...]:
    """The personal fields of the entries that have some, each in clear or marked as forgotten.

    Raises:
        BadInput: an entry's fields are not what its key sealed.
    """
    lines: list[PersonalLine] = []
    for entry in entries:
        if entry.sealed is None:
            continue
        fields = sealing.unseal(entry.tenant, entry.sealed, entry=entry.entry)
        line = PersonalLine(
            stream=entry.stream,
            seq=entry.seq,
            kind=entry.kind,
            at=entry.at,
            forgotten=fields is None,
            fields=fields or {},
        )
        lines.append(line)
    return tuple(lines)


def erase(keys: SubjectKeys, tenant: TenantId, customer: str) -> tuple[str, ...]:
    """Make every personal field of a customer's log entries unreadable; the subjects that were forgotten.

    Safe to repeat: a customer's note of a subject goes only after the subject's key has gone. A
    customer who was merged into another is erased under each name.
    """
    subjects = keys.of_customer(tenant, customer)
    for subject in subjects:
        keys.forget(tenant, subject)
        keys.disown(tenant, customer, subject)
    return subjects
