"""The proof: every way to falsify a log or its anchors is found, and what is not anchored is never fine."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from nightshift.actionlog import merkle
from nightshift.actionlog.anchor import digest_of, heads_of, leaf_of
from nightshift.actionlog.chain import GENESIS, link, step_stream
from nightshift.actionlog.proof import Audit, Chained, audit, check_anchors, check_proofs, check_witness
from nightshift.actionlog.signature import checker
from nightshift.errors import BadInput
from nightshift.ids import TenantId
from nightshift.model.anchor import Anchor, Head, Kept, Place, Proven, Seal, Signature
from nightshift.model.log import EntryKind, LogEntry, StoredEntry
from nightshift.ports.log import NewEntry
from tests.support import records

ACME = records.ACME
AT = records.AT
LAG = timedelta(minutes=15)
NOW = AT + timedelta(hours=1)

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


SIGNED = checker(pem(KEY))


def chain(stream: str, count: int, *, at: datetime = AT, actor: str = "test") -> list[LogEntry]:
    entries: list[LogEntry] = []
    for n in range(count):
        new = NewEntry(kind=EntryKind.CONTEXT_READ, tenant=ACME, at=at, actor=actor, ref=f"{n}")
        entries.append(link(stream, new, seq=n + 1, prev=entries[-1].hash if entries else GENESIS))
    return entries


def head(entry: LogEntry) -> Head:
    return Head(stream=entry.stream, seq=entry.seq, hash=entry.hash)


def signature(seal: Seal, key: ec.EllipticCurvePrivateKey = KEY) -> Signature:
    digest = bytes.fromhex(digest_of(seal))
    value = key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    return Signature(key="k", value=base64.b64encode(value).decode())


def anchored(*batches: list[Head], key: ec.EllipticCurvePrivateKey = KEY) -> list[Kept]:
    kept: list[Kept] = []
    prev = GENESIS
    for number, batch in enumerate(batches, start=1):
        heads = heads_of(batch)
        seal = Seal(
            tenant=ACME, number=number, at=AT, prev=prev,
            root=merkle.root([leaf_of(one) for one in heads]), count=len(heads),
        )  # fmt: skip
        kept.append(
            Kept(number=number, anchor=Anchor(seal=seal, signature=signature(seal, key), heads=heads))
        )
        prev = digest_of(seal)
    return kept


def of(*heads: Head) -> Chained:
    return check_anchors(anchored(list(heads)), ACME, SIGNED)


def judged(entries: list[LogEntry], against: Chained, now: datetime = NOW) -> Audit:
    return audit(stored(entries), against, now=now, lag=LAG)


def stored(entries: list[LogEntry]) -> list[StoredEntry]:
    """Each where it says it belongs."""
    return [
        StoredEntry(stream=one.stream, place=f"{one.seq:08}", doc=one.model_dump_json()) for one in entries
    ]


A, B = chain("case_a", 5), chain("case_b", 3)
STEP = chain("case_a/run_1/refund", 2)
WHOLE = [*A, *B, *STEP]
AGAINST = of(head(A[-1]), head(B[-1]), head(STEP[-1]))


def test_an_untouched_log_is_proven() -> None:
    found = judged(WHOLE, AGAINST)
    assert (found.breaks, found.proven, found.young) == ((), len(WHOLE), 0)


def _edited() -> list[LogEntry]:
    return [*A[:2], A[2].model_copy(update={"actor": "mallory"}), *A[3:], *B, *STEP]


def _rewritten() -> list[LogEntry]:
    return [*chain("case_a", 5, actor="mallory"), *B, *STEP]


def _rewritten_and_longer() -> list[LogEntry]:
    return [*chain("case_a", 7, actor="mallory"), *B, *STEP]


def _inserted() -> list[LogEntry]:
    """With every hash after it recomputed."""
    forged = chain("case_a", 6)
    return [*forged, *B, *STEP]


ATTACKS = {
    "an edit": (_edited, "case_a", 3),
    "a removed tail": (lambda: [*A[:3], *B, *STEP], "case_a", 5),
    "a removed entry": (lambda: [*A[:2], *A[3:], *B, *STEP], "case_a", 4),
    "two swapped entries": (
        lambda: [
            A[0],
            A[1].model_copy(update={"seq": 3}),
            A[2].model_copy(update={"seq": 2}),
            *A[3:],
            *B,
            *STEP,
        ],
        "case_a",
        2,
    ),
    "a complete rewrite": (_rewritten, "case_a", 5),
    "a complete rewrite that is longer": (_rewritten_and_longer, "case_a", 5),
    "a removed stream": (lambda: [*A, *STEP], "case_b", 3),
    "a removed step's stream": (lambda: [*A, *B], "case_a/run_1/refund", 2),
}


@pytest.mark.guarantee("log:proves-itself-against-an-outside-anchor")
@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_it_is_found_where_it_was_done(attack: str) -> None:
    done, stream, seq = ATTACKS[attack]
    found = judged(done(), AGAINST)
    assert (stream, seq) in {(one.stream, one.seq) for one in found.breaks}


def test_an_inserted_entry_is_found_also_with_every_hash_recomputed() -> None:
    longer = chain("case_a", 6)
    inserted = [
        *longer[:2],
        *chain("case_a", 6, actor="mallory")[2:3],
        *longer[3:],
    ]
    relinked: list[LogEntry] = []
    for n, entry in enumerate(inserted):
        new = NewEntry(kind=entry.kind, tenant=ACME, at=entry.at, actor=entry.actor, ref=str(n))
        relinked.append(link("case_a", new, seq=n + 1, prev=relinked[-1].hash if relinked else GENESIS))
    found = judged([*relinked, *B, *STEP], AGAINST)
    assert ("case_a", 5) in {(one.stream, one.seq) for one in found.breaks}


@given(st.data())
def test_no_shortening_or_rewriting_of_anchored_streams_passes(data: st.DataObject) -> None:
    streams = [chain(f"case_{n}", data.draw(st.integers(1, 6))) for n in range(data.draw(st.integers(1, 4)))]
    against = of(*[head(one[-1]) for one in streams])
    victim = data.draw(st.integers(0, len(streams) - 1))
    keep = data.draw(st.integers(0, len(streams[victim])))
    fresh = data.draw(st.integers(0, 4))
    changed = chain(streams[victim][0].stream, keep + fresh, actor="mallory")
    forged = [*streams[victim][:keep], *changed[keep:]] if fresh else streams[victim][:keep]
    entries = [e for n, one in enumerate(streams) for e in (forged if n == victim else one)]
    untouched = keep == len(streams[victim]) and not fresh
    assert (judged(entries, against).breaks == ()) == untouched


def test_what_is_not_anchored_is_young_then_a_problem_and_never_proven() -> None:
    more = chain("case_a", 7)
    young = judged([*more, *B, *STEP], AGAINST, now=AT + LAG)
    assert (young.breaks, young.proven, young.young) == ((), len(WHOLE), 2)
    old = judged([*more, *B, *STEP], AGAINST, now=AT + LAG + timedelta(seconds=1))
    assert [(one.stream, one.seq) for one in old.breaks] == [("case_a", 6), ("case_a", 7)]
    assert old.young == 0


def test_an_entry_in_the_place_of_another_is_found() -> None:
    one, two, *others = stored(WHOLE)
    swapped = [one.model_copy(update={"doc": two.doc}), two.model_copy(update={"doc": one.doc}), *others]
    found = audit(swapped, AGAINST, now=NOW, lag=LAG)
    assert {("case_a", 1), ("case_a", 2)} <= {(broken.stream, broken.seq) for broken in found.breaks}


@pytest.mark.parametrize("doc", ["", "{}", "[]", "nonsense"])
def test_an_entry_nobody_can_read_is_found(doc: str) -> None:
    first, *others = stored(WHOLE)
    found = audit([first.model_copy(update={"doc": doc}), *others], AGAINST, now=NOW, lag=LAG)
    assert ("case_a", 1, "it cannot be read") in {(b.stream, b.seq, b.problem) for b in found.breaks}


def test_nothing_is_proven_without_anchors() -> None:
    found = judged(WHOLE, check_anchors([], ACME, SIGNED))
    assert (found.proven, len(found.breaks)) == (0, len(WHOLE))


def test_an_entry_of_tomorrow_is_not_young_for_ever() -> None:
    tomorrow = chain("case_c", 1, at=NOW + timedelta(days=1))
    found = judged([*WHOLE, *tomorrow], AGAINST)
    assert [one.stream for one in found.breaks] == ["case_c"]


def test_what_is_older_than_asked_for_is_counted_and_not_judged() -> None:
    against = of(head(A[-1]))
    found = audit(stored(WHOLE), against, now=NOW, lag=LAG, since=AT + timedelta(minutes=1))
    assert (found.breaks, found.proven, found.earlier) == ((), 5, 5)


def test_a_run_that_names_a_head_that_is_gone_is_found_without_anchors() -> None:
    stream = step_stream("case_a", "run_1", "refund")
    settled = NewEntry(
        kind=EntryKind.RUN_SETTLED, tenant=ACME, at=NOW, actor="runner", ref="run_1",
        detail={"run": "run_1", "heads": {"refund": STEP[-1].hash}},
    )  # fmt: skip
    end = link("case_a", settled, seq=6, prev=A[-1].hash)
    assert judged([*WHOLE, end], AGAINST).breaks == ()
    (found,) = judged([*A, end, *B], of(head(A[-1]), head(B[-1]))).breaks
    assert found.stream == stream


# -- the anchors themselves

BATCHES = [[head(A[1])], [head(A[3]), head(B[-1])], [head(A[-1])]]


def problems(kept: list[Kept], *, after: Place | None = None) -> list[int]:
    return [one.seq for one in check_anchors(kept, ACME, SIGNED, after=after).breaks]


def test_untouched_anchors_hold() -> None:
    assert problems(anchored(*BATCHES)) == []


@pytest.mark.guarantee("log:proves-itself-against-an-outside-anchor")
def test_an_anchor_signed_by_another_key_is_found() -> None:
    kept = anchored(*BATCHES)
    forged = anchored(*BATCHES, key=OTHER_KEY)
    assert problems([kept[0], forged[1], kept[2]]) == [2]


def test_an_anchor_with_other_heads_is_found() -> None:
    kept = anchored(*BATCHES)
    assert kept[1].anchor is not None
    changed = kept[1].anchor.model_copy(update={"heads": (head(A[-1]),)})
    assert problems([kept[0], Kept(number=2, anchor=changed), kept[2]]) == [2]


def test_a_signed_anchor_of_another_tenant_or_number_is_found() -> None:
    kept = anchored(*BATCHES)
    assert check_anchors(kept[:1], TenantId("other"), SIGNED).breaks
    assert 2 in problems([kept[0], kept[0].model_copy(update={"number": 2}), kept[2]])


def test_a_missing_anchor_is_found() -> None:
    kept = anchored(*BATCHES)
    assert problems([kept[0], kept[2]]) == [3]
    assert problems(kept[1:]) == [2]
    assert problems(kept[1:], after=Place(number=1, digest="")) == []


def test_anchors_that_were_made_anew_do_not_follow() -> None:
    kept = anchored(*BATCHES)
    anew = anchored([head(B[0])], *BATCHES[1:])
    assert problems([kept[0], anew[1], anew[2]]) == [2]


@pytest.mark.parametrize("done", [{"hidden": True}, {"written_over": True}])
def test_a_hidden_or_covered_anchor_counts_and_is_told(done: dict[str, bool]) -> None:
    kept = anchored(*BATCHES)
    found = check_anchors([kept[0], kept[1].model_copy(update=done), kept[2]], ACME, SIGNED)
    assert [one.seq for one in found.breaks] == [2]
    assert set(BATCHES[1]) <= set(found.heads)


def test_what_is_no_anchor_is_told_once() -> None:
    kept = anchored(*BATCHES)
    assert problems([kept[0], Kept(number=2, anchor=None), kept[2]]) == [2]


def test_rolled_back_anchors_are_found_by_who_saw_them() -> None:
    kept = anchored(*BATCHES)
    assert kept[2].anchor is not None
    seen = Place(number=3, digest=digest_of(kept[2].anchor.seal))
    assert check_witness(ACME, seen, kept[2]) == []
    anew = anchored(*BATCHES[:2], [head(A[0])])
    for now in (None, anew[2], Kept(number=3, anchor=None)):
        (found,) = check_witness(ACME, seen, now)
        assert found.seq == 3


# -- single heads with their way to a signed root


def proven(kept: Kept, index: int) -> Proven:
    anchor = kept.anchor
    assert anchor is not None
    leaves = [leaf_of(one) for one in anchor.heads]
    return Proven(
        seal=anchor.seal,
        signature=anchor.signature,
        head=anchor.heads[index],
        index=index,
        path=merkle.path(leaves, index),
    )


def test_a_head_is_proven_without_the_others() -> None:
    (kept,) = anchored([head(one) for one in (A[-1], B[-1], STEP[-1])])
    found = check_proofs([proven(kept, 1), proven(kept, 0)], ACME, SIGNED)
    assert (found.breaks, set(found.heads), found.anchors) == ((), {head(A[-1]), head(STEP[-1])}, 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"head": head(B[0])},
        {"index": 0},
        {"path": ()},
        {"signature": Signature(key="k", value="AAAA")},
        {"signature": Signature(key="k", value="not base64!")},
    ],
)
def test_a_falsified_way_proves_nothing(changed: dict[str, object]) -> None:
    (kept,) = anchored([head(one) for one in (A[-1], B[-1], STEP[-1])])
    found = check_proofs([proven(kept, 1).model_copy(update=changed)], ACME, SIGNED)
    assert (len(found.breaks), found.heads) == (1, ())


# -- keys


def test_of_several_keys_any_may_have_signed() -> None:
    both = checker(pem(OTHER_KEY) + pem(KEY))
    assert check_anchors(anchored(*BATCHES), ACME, both).breaks == ()
    assert check_anchors(anchored(*BATCHES, key=OTHER_KEY), ACME, both).breaks == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        pem(ec.generate_private_key(ec.SECP384R1())),
    ],
)
def test_what_is_no_key_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        checker(text)
