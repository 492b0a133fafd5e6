"""The chain: every entry carries the hash of the one before it and its own over everything else."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from nightshift.ids import opaque
from nightshift.model.base import Noun, canonical_digest
from nightshift.model.log import LogEntry, Sealed
from nightshift.model.tenant import Channel
from nightshift.ports.log import NewEntry

__all__ = [
    "GENESIS",
    "Break",
    "channel_stream",
    "content_hash",
    "entry_id",
    "link",
    "root_of",
    "step_stream",
    "verify",
]

GENESIS = "0" * 64


class Break(Noun):
    """Where a chain does not hold, and why."""

    stream: str
    seq: int
    problem: str


def step_stream(root: str, run: str, step: str) -> str:
    """The stream of one step, so that parallel steps never contend for one chain."""
    return f"{root}/{run}/{step}"


def channel_stream(channel: Channel) -> str:
    """The stream about a channel itself."""
    return f"channel:{channel.tenant}:{channel.id}"


def root_of(stream: str) -> str:
    """What a stream belongs to: a case, a run without one, a channel, a tenant's set-up."""
    return stream.split("/", 1)[0]


def entry_id(stream: str, new: NewEntry) -> str:
    """What tells a retry's second line from a second happening."""
    return opaque("ent", stream, new.kind, new.ref)


def content_hash(entry: Mapping[str, JsonValue]) -> str:
    """What the `hash` of an entry, given as JSON, has to be: over everything else, ciphertext included.

    An entry without `sealed` hashes as one from before there was such a field.
    """
    left_out = {"hash"} if entry.get("sealed") is not None else {"hash", "sealed"}
    return canonical_digest({name: value for name, value in entry.items() if name not in left_out})


def _hash(entry: LogEntry) -> str:
    return content_hash(entry.model_dump(mode="json"))


def link(stream: str, new: NewEntry, *, seq: int, prev: str, sealed: Sealed | None = None) -> LogEntry:
    """The entry that follows the one with hash `prev`; `sealed` are its personal fields."""
    draft = LogEntry(
        stream=stream,
        seq=seq,
        entry=entry_id(stream, new),
        tenant=new.tenant,
        kind=new.kind,
        at=new.at,
        actor=new.actor,
        detail=new.detail,
        sealed=sealed,
        prev=prev,
        hash="",
    )
    return draft.model_copy(update={"hash": _hash(draft)})


def verify(entries: Sequence[LogEntry]) -> list[Break]:
    """Every break in one stream's entries, oldest first; none when the chain holds.

    Finds an edited entry, a removed or inserted one and a wrong order. A removed tail shows only
    against an anchor outside the log.
    """
    breaks: list[Break] = []
    prev = GENESIS
    for expected, entry in enumerate(entries, start=1):

        def broken(problem: str, at: LogEntry = entry) -> None:
            breaks.append(Break(stream=at.stream, seq=at.seq, problem=problem))

        if entry.seq != expected:
            broken(f"entry {expected} is missing or out of place")
        if entry.prev != prev:
            broken("it does not follow the entry before it")
        if entry.hash != _hash(entry):
            broken("its content was changed")
        prev = entry.hash
    return breaks
