"""Proving the log: from entries, anchors and a public key alone, with no trust in who sent them.

A chain shows what was done inside it. Against the anchors also shows what leaves no trace in it: a
removed tail, a removed stream, a history that was written anew with every hash recomputed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from nightshift.actionlog import merkle
from nightshift.actionlog.anchor import digest_of, leaf_of
from nightshift.actionlog.chain import GENESIS, Break, root_of, step_stream, verify
from nightshift.ids import TenantId
from nightshift.model.anchor import Head, Kept, Place, Proven, Seal, Signature
from nightshift.model.base import Noun
from nightshift.model.log import EntryKind, LogEntry, StoredEntry

__all__ = ["Audit", "Chained", "SignatureCheck", "audit", "check_anchors", "check_proofs", "check_witness"]

SignatureCheck = Callable[[Seal, Signature], bool]

_SKEW = timedelta(minutes=5)


class Chained(Noun):
    """What a look at anchors gave: the heads they prove, the newest of them, and what is wrong with them."""

    anchors: int
    heads: tuple[Head, ...]
    last: Place | None
    breaks: tuple[Break, ...]


class Audit(Noun):
    """What verification found: an entry is `proven`, `young` (not anchored yet), or named in `breaks`.

    `earlier` are from before the time in question, and proven by anchors that were not asked for.
    """

    streams: int
    entries: int
    anchors: int
    proven: int
    young: int
    earlier: int = 0
    breaks: tuple[Break, ...]


def check_anchors(
    kept: Sequence[Kept], tenant: TenantId, signed: SignatureCheck, *, after: Place | None = None
) -> Chained:
    """Check a tenant's anchors from the one after `after` on, or from the first.

    Finds a forged or changed anchor, one that is missing, hidden or written over, and a wrong order.
    """
    last = after or Place(number=0, digest=GENESIS)
    heads: list[Head] = []
    breaks: list[Break] = []
    for found in kept:
        problems = [*_treated(found), *_follows(found, last), *_holds(found, tenant, signed)]
        breaks += [_of_anchor(tenant, found.number, problem) for problem in problems]
        if found.anchor is None:
            last = Place(number=found.number, digest="")
            continue
        heads += found.anchor.heads
        last = Place(number=found.number, digest=digest_of(found.anchor.seal))
    reached = last if last.number else None
    return Chained(anchors=len(kept), heads=tuple(heads), last=reached, breaks=tuple(breaks))


def _of_anchor(tenant: TenantId, number: int, problem: str) -> Break:
    return Break(stream=f"anchors of {tenant}", seq=number, problem=problem)


def _treated(found: Kept) -> Iterable[str]:
    if found.hidden:
        yield "a delete marker was laid over it"
    if found.written_over:
        yield "a later version was put over it"
    if found.anchor is None:
        yield "it is not an anchor"


def _follows(found: Kept, last: Place) -> Iterable[str]:
    if found.number != last.number + 1:
        yield f"anchor {last.number + 1} is missing"
    elif found.anchor is not None and last.digest and found.anchor.seal.prev != last.digest:
        yield "it does not follow the anchor before it"


def _holds(found: Kept, tenant: TenantId, signed: SignatureCheck) -> Iterable[str]:
    anchor = found.anchor
    if anchor is None:
        return
    seal = anchor.seal
    if (seal.tenant, seal.number) != (tenant, found.number):
        yield "it is another's anchor"
    if not signed(seal, anchor.signature):
        yield "the signature is not of our key"
    leaves = [leaf_of(head) for head in anchor.heads]
    if seal.count != len(leaves) or not leaves or merkle.root(leaves) != seal.root:
        yield "its heads are not those that were signed"


def check_proofs(proofs: Iterable[Proven], tenant: TenantId, signed: SignatureCheck) -> Chained:
    """Check single heads that come with their way to a signed root."""
    heads: list[Head] = []
    breaks: list[Break] = []
    numbers: set[int] = set()
    for proof in proofs:
        seal = proof.seal
        root = merkle.root_by(leaf_of(proof.head), proof.index, count=seal.count, path=proof.path)
        problems = [
            *(["it is another's anchor"] if seal.tenant != tenant else []),
            *(["the signature is not of our key"] if not signed(seal, proof.signature) else []),
            *(["it does not hold what is shown of it"] if root != seal.root else []),
        ]
        numbers.add(seal.number)
        breaks += [_of_anchor(tenant, seal.number, problem) for problem in problems]
        if not problems:
            heads.append(proof.head)
    return Chained(anchors=len(numbers), heads=tuple(heads), last=None, breaks=tuple(breaks))


def check_witness(tenant: TenantId, known: Place, now: Kept | None) -> list[Break]:
    """Whether an anchor that an auditor saw before is still what it was; `now` is what its number holds."""
    if now is None or now.anchor is None:
        return [_of_anchor(tenant, known.number, "it was there at the last audit and is gone: rolled back")]
    if digest_of(now.anchor.seal) != known.digest:
        return [_of_anchor(tenant, known.number, "it was another one at the last audit")]
    return []


def audit(
    stored: Iterable[StoredEntry],
    against: Chained,
    *,
    now: datetime,
    lag: timedelta,
    since: datetime | None = None,
) -> Audit:
    """Judge entries (whole streams) by their chains and by what anchors prove.

    Args:
        stored: everything that stands in the streams in question, in any order.
        against: the checked anchors of these streams.
        now: when this is.
        lag: how long it may take until an entry is anchored. Younger ones count as `young`.
        since: where only anchors since then are given.
    """
    streams, unread = _read(stored)
    breaks = [*against.breaks, *unread, *(found for chain in streams.values() for found in verify(chain))]
    reached, differences = _compare(streams, against.heads)
    breaks += differences
    breaks += [found for chain in streams.values() for found in _joined(chain, streams)]
    every = [entry for chain in streams.values() for entry in chain]
    left = [entry for entry in every if entry.seq > reached.get(entry.stream, 0)]
    asked = [entry for entry in left if since is None or entry.at >= since]
    late = [found for entry in asked if (found := _late(entry, now, lag)) is not None]
    return Audit(
        streams=len(streams),
        entries=len(every),
        anchors=against.anchors,
        proven=len(every) - len(left),
        young=len(asked) - len(late),
        earlier=len(left) - len(asked),
        breaks=(*breaks, *late),
    )


def _read(stored: Iterable[StoredEntry]) -> tuple[dict[str, list[LogEntry]], list[Break]]:
    """Each stream in the order of its keys, and what is no entry or stands in the wrong place."""
    streams: dict[str, list[LogEntry]] = {}
    breaks: list[Break] = []
    for one in sorted(stored, key=lambda one: (one.stream, one.place)):
        seq = int(one.place) if one.place.isdecimal() else 0
        entry = one.entry()
        if entry is None:
            breaks.append(Break(stream=one.stream, seq=seq, problem="it cannot be read"))
            continue
        if (entry.stream, entry.seq) != (one.stream, seq):
            breaks.append(Break(stream=one.stream, seq=seq, problem="it stands in the place of another"))
        streams.setdefault(one.stream, []).append(entry)
    return streams, breaks


def _compare(
    streams: Mapping[str, Sequence[LogEntry]], heads: Iterable[Head]
) -> tuple[dict[str, int], list[Break]]:
    """How far each stream is proven, and where it is not what was anchored."""
    hashes = {(entry.stream, entry.seq): entry.hash for chain in streams.values() for entry in chain}
    reached: dict[str, int] = {}
    breaks: list[Break] = []
    for head in dict.fromkeys(heads):
        found = hashes.get((head.stream, head.seq))
        if found == head.hash:
            reached[head.stream] = max(head.seq, reached.get(head.stream, 0))
            continue
        gone = "the whole stream is gone" if head.stream not in streams else "it is gone"
        problem = f"{gone}, and was anchored" if found is None else "it is not the entry that was anchored"
        breaks.append(Break(stream=head.stream, seq=head.seq, problem=problem))
    return reached, breaks


def _joined(chain: Sequence[LogEntry], streams: Mapping[str, Sequence[LogEntry]]) -> Iterable[Break]:
    """The end of a run names the heads of its steps' streams: they must be there."""
    for entry in chain:
        run, heads = entry.detail.get("run"), entry.detail.get("heads")
        if entry.kind is not EntryKind.RUN_SETTLED or not isinstance(heads, dict) or not isinstance(run, str):
            continue
        for step, named in heads.items():
            stream = step_stream(root_of(entry.stream), run, step)
            if named not in {one.hash for one in streams.get(stream, ())}:
                yield Break(
                    stream=stream, seq=0, problem=f"what {entry.stream} entry {entry.seq} names is gone"
                )


def _late(entry: LogEntry, now: datetime, lag: timedelta) -> Break | None:
    age = now - entry.at
    if age < -_SKEW:
        problem = "it is dated in the future, and not anchored"
    elif age > lag:
        problem = f"it is {_words(age)} old and was never anchored"
    else:
        return None
    return Break(stream=entry.stream, seq=entry.seq, problem=problem)


def _words(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004  # two hours
