"""Anchoring: what the log's stream shows is signed and put where no writer of the log can reach.

An anchor says of each chain how far it had come. Every tenant has its own anchors, numbered without a
gap, each naming the one before it: a missing one shows, and the key a number takes decides between two
that are made at once. The same records again make no second anchor, or one that says the same.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue, TypeAdapter, ValidationError

from nightshift.actionlog import merkle
from nightshift.actionlog.chain import GENESIS, content_hash
from nightshift.clock import Clock
from nightshift.errors import BadInput, Conflict
from nightshift.ids import TenantId
from nightshift.model.anchor import Anchor, Head, Place, Seal
from nightshift.model.base import canonical_digest
from nightshift.ports.anchors import Anchors, AnchorStore, FingerPosts, Signer

__all__ = [
    "Anchoring",
    "Change",
    "Seen",
    "anchor_heads",
    "digest_of",
    "first_since",
    "heads_of",
    "last_place",
    "leaf_of",
    "look",
]

_TRIES = 20
_OBJECT = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True, kw_only=True)
class Change:
    """One record of the log table's stream; `doc` is the entry as it was stored, if it was."""

    kind: Literal["INSERT", "MODIFY", "REMOVE"]
    stream: str
    doc: str | None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a batch of records shows: heads by tenant, and in words what must not happen to a log."""

    heads: Mapping[TenantId, tuple[Head, ...]]
    broken: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Anchoring:
    """What anchoring needs."""

    store: AnchorStore
    posts: FingerPosts
    signer: Signer
    clock: Clock


def leaf_of(head: Head) -> bytes:
    """A head as a leaf of its anchor's tree."""
    return bytes.fromhex(canonical_digest(head))


def digest_of(seal: Seal) -> str:
    """What is signed of a seal, and what the next one names."""
    return canonical_digest(seal)


def look(changes: Iterable[Change]) -> Seen:
    """The newest entry of each stream in a batch, whatever the order and however often it is brought.

    An entry that was changed, removed, or does not hash to what it says has no place in an anchor: it is
    named in `broken`, and everything else is anchored all the same.
    """
    entries: dict[TenantId, list[Head]] = {}
    broken: list[str] = []
    for change in changes:
        if change.kind != "INSERT":
            broken.append(f"{change.stream}: an entry was {_DONE_TO[change.kind]}")
            continue
        read = _entry(change)
        if read is None:
            broken.append(f"{change.stream}: an entry does not hold what its hash says")
            continue
        tenant, head = read
        entries.setdefault(tenant, []).append(head)
    return Seen(
        heads={tenant: heads_of(found) for tenant, found in entries.items()},
        broken=(*broken, *_twice(entries.values())),
    )


_DONE_TO = {"MODIFY": "changed", "REMOVE": "removed"}


def _entry(change: Change) -> tuple[TenantId, Head] | None:
    """The head an entry makes, if it is what it says; also an entry of a newer schema than ours."""
    try:
        plain = _OBJECT.validate_python(json.loads(change.doc or ""))
        head = Head.model_validate({name: plain.get(name) for name in Head.model_fields})
        intact = content_hash(plain) == head.hash and head.stream == change.stream
    except (ValueError, ValidationError, BadInput):
        return None
    tenant = plain.get("tenant")
    return (TenantId(tenant), head) if intact and isinstance(tenant, str) else None


def _twice(entries: Iterable[Sequence[Head]]) -> list[str]:
    """Streams of which two different entries have one number: somebody wrote history anew."""
    hashes: dict[tuple[str, int], set[str]] = {}
    for head in (head for found in entries for head in found):
        hashes.setdefault((head.stream, head.seq), set()).add(head.hash)
    return [f"{stream}: entry {seq} was written twice" for (stream, seq), of in hashes.items() if len(of) > 1]


def heads_of(entries: Iterable[Head]) -> tuple[Head, ...]:
    """The newest of each stream, in the order an anchor has them; of two that are the newest, both."""
    newest: dict[str, dict[str, Head]] = {}
    for head in entries:
        known = newest.get(head.stream)
        reached = next(iter(known.values())).seq if known else 0
        if head.seq > reached:
            newest[head.stream] = {head.hash: head}
        elif known is not None and head.seq == reached:
            known[head.hash] = head
    every = [head for known in newest.values() for head in known.values()]
    return tuple(sorted(every, key=lambda head: (head.stream, head.seq, head.hash)))


def anchor_heads(parts: Anchoring, tenant: TenantId, heads: tuple[Head, ...]) -> Place:
    """Sign one tenant's heads and store them under its next number; the same heads again change nothing.

    Raises:
        Conflict: others took the next number over and over.
    """
    leaves = [leaf_of(head) for head in heads]
    root = merkle.root(leaves)
    last = parts.posts.last(tenant) or last_place(parts.store, tenant)
    for _ in range(_TRIES):
        if last.root != root:
            last = _put(parts, tenant, heads, root=root, last=last)
        if last.root == root:  # ours, also when an earlier try stored it and died on its way back
            parts.posts.post(tenant, last, heads)
            return last
    message = f"the anchors of {tenant} are written by others all the time"
    raise Conflict(message)


def _put(parts: Anchoring, tenant: TenantId, heads: tuple[Head, ...], *, root: str, last: Place) -> Place:
    """Store an anchor after the last one; what stands there now, ours or another's."""
    seal = Seal(
        tenant=tenant,
        number=last.number + 1,
        at=parts.clock.now(),
        prev=last.digest,
        root=root,
        count=len(heads),
    )
    own = Place(number=seal.number, digest=digest_of(seal), root=root)
    signature = parts.signer.sign(bytes.fromhex(own.digest))
    return parts.store.put_new(Anchor(seal=seal, signature=signature, heads=heads)) or own


def last_place(store: AnchorStore, tenant: TenantId) -> Place:
    """The newest anchor by looking alone, in a number of looks that grows with its number's length.

    Holes can make it stop early: the place after it is then taken, and whoever writes goes on from there.
    """
    found, reached = Place(number=0, digest=GENESIS), 1
    while (place := store.place(tenant, reached)) is not None:
        found, reached = place, reached * 2
    missing = reached
    while missing - found.number > 1:
        middle = (found.number + missing) // 2
        place = store.place(tenant, middle)
        if place is None:
            missing = middle
        else:
            found = place
    return found


def first_since(anchors: Anchors, tenant: TenantId, since: datetime) -> int:
    """The number of the first anchor that the bucket took at an instant or later (1: all of them).

    Looks at a few only: the bucket's clock rises with the numbers.
    """

    def is_older(number: int) -> bool:
        stored = anchors.stored_at(tenant, number)
        return stored is not None and stored < since

    older, younger = 0, 1
    while is_older(younger):
        older, younger = younger, younger * 2
    while younger - older > 1:
        middle = (older + younger) // 2
        older, younger = (middle, younger) if is_older(middle) else (older, middle)
    return younger
