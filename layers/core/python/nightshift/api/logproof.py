"""What proves the log to a caller, and its personal fields to those who may read them.

Nothing here judges: entries, anchors and the public key are handed out, and the caller's own command
line verifies. So an auditor has to trust neither the API nor this code.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from nightshift.actionlog import merkle
from nightshift.actionlog.anchor import first_since, leaf_of
from nightshift.actionlog.chain import channel_stream, root_of
from nightshift.actionlog.personal import opened
from nightshift.api.desk import Desk
from nightshift.api.reads import READ_LOG, one_case
from nightshift.api.runs import one_run
from nightshift.errors import NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import CaseId, RunId, TenantId
from nightshift.model.anchor import (
    Anchor,
    AnchorKey,
    AnchorPage,
    EntryPage,
    ProofPage,
    Proven,
    RootPage,
)
from nightshift.model.log import EntryKind, StoredEntry
from nightshift.model.personal import PersonalLine, PersonalPage, RunPersonal
from nightshift.ports.log import NewEntry

__all__ = [
    "READ_PERSONAL",
    "read_personal",
    "read_run_personal",
    "see_anchors",
    "see_entries",
    "see_key",
    "see_proofs",
    "see_roots",
]

READ_PERSONAL: Final = "log:personal"

_ROOTS = 200
_ENTRIES = 4000  # of an answer: a Lambda's may have 6 MB
_HEADS = 20_000


def see_key(desk: Desk, caller: Caller) -> AnchorKey:
    """The public half of the key that signs anchors.

    Raises:
        NotPermitted: the caller may not read the log.
    """
    caller.must(READ_LOG)
    name, pem = desk.proof.key.pem()
    return AnchorKey(tenant=caller.tenant, key=name, pem=pem)


def see_anchors(desk: Desk, caller: Caller, *, after: int, since: datetime | None, limit: int) -> AnchorPage:
    """The tenant's anchors above a number, or from the first that was stored since an instant.

    Raises:
        NotPermitted: the caller may not read the log.
    """
    caller.must(READ_LOG)
    if since is not None:
        after = max(after, first_since(desk.proof.anchors, caller.tenant, since) - 1)
    kept = desk.proof.anchors.kept(caller.tenant, after=after, limit=limit)
    shown, heads = 0, 0
    for found in kept:
        heads += found.anchor.seal.count if found.anchor else 0
        if shown and heads > _HEADS:
            break
        shown += 1
    more = shown < len(kept) or len(kept) == limit
    return AnchorPage(anchors=kept[:shown], after=kept[shown - 1].number if more else None)


def see_roots(desk: Desk, caller: Caller, *, before: datetime | None) -> RootPage:
    """The tenant's cases, 200 at a time, its set-up and its channels; a page may repeat one of the last.

    Raises:
        NotPermitted: the caller may not read the log.
    """
    caller.must(READ_LOG)
    cases = desk.cases.of_tenant(caller.tenant, _ROOTS, before=before)
    oldest = cases[-1].opened_at if len(cases) == _ROOTS else None
    others = () if before else _beside_cases(desk, caller)
    return RootPage(roots=(*others, *(case.id for case in cases)), before=oldest)


def _beside_cases(desk: Desk, caller: Caller) -> tuple[str, ...]:
    channels = desk.config.channels(caller.tenant)
    return (f"setup:{caller.tenant}", *(channel_stream(channel) for channel in channels))


def see_entries(desk: Desk, caller: Caller, *, roots: Sequence[str]) -> EntryPage:
    """All entries the log has of cases, or of runs without one, also if no other record is left of them.

    At least one root is answered whole; `done` names which.

    Raises:
        NotPermitted: the caller may not read the log.
    """
    caller.must(READ_LOG)
    entries: list[StoredEntry] = []
    done: list[str] = []
    for root in roots:
        if done and len(entries) > _ENTRIES:
            break
        entries += _own(desk.log.stored(root), caller.tenant)
        done.append(root)
    return EntryPage(done=tuple(done), entries=tuple(entries))


def _own(stored: Sequence[StoredEntry], tenant: TenantId) -> list[StoredEntry]:
    """A tenant's own entries; and those nobody can read any more, where they stand among its own."""
    owners = [entry.tenant if (entry := one.entry()) is not None else None for one in stored]
    shown = {tenant, None} if tenant in owners else set()
    return [one for one, owner in zip(stored, owners, strict=True) if owner in shown]


def see_proofs(desk: Desk, caller: Caller, case: CaseId) -> ProofPage:
    """What anchors say of a case's streams, as far as finger-posts lead to them.

    Raises:
        NotPermitted: the caller may not read the log.
        NotFound: the tenant has no such case.
    """
    caller.must(READ_LOG)
    found = one_case(desk, caller, case)
    proofs: list[Proven] = []
    for number in desk.proof.posts.of_root(found.id):
        for kept in desk.proof.anchors.kept(caller.tenant, after=number - 1, limit=1):
            if kept.number == number and kept.anchor is not None:
                proofs += _proofs(kept.anchor, found.id)
    return ProofPage(case=found.id, proofs=tuple(proofs))


def _proofs(anchor: Anchor, case: CaseId) -> list[Proven]:
    leaves = [leaf_of(head) for head in anchor.heads]
    return [
        Proven(
            seal=anchor.seal,
            signature=anchor.signature,
            head=head,
            index=index,
            path=merkle.path(leaves, index),
        )
        for index, head in enumerate(anchor.heads)
        if root_of(head.stream) == case
    ]


def read_personal(desk: Desk, caller: Caller, case: CaseId) -> PersonalPage:
    """The personal fields of a case's log; that somebody read them is logged before they see them.

    Raises:
        NotPermitted: the caller may not read personal data.
        NotFound: the tenant has no such case.
        BadInput: an entry's fields are not what its key sealed: verify the log.
    """
    caller.must(READ_PERSONAL)
    found = one_case(desk, caller, case)
    return PersonalPage(case=found.id, lines=_personal(desk, caller, found.id))


def read_run_personal(desk: Desk, caller: Caller, run: RunId) -> RunPersonal:
    """The same of a run that no case carries: why people stopped it, carried it on, agreed to it.

    Raises:
        NotPermitted: the caller may not read personal data.
        NotFound: the tenant has no such run without a case.
        BadInput: an entry's fields are not what its key sealed: verify the log.
    """
    caller.must(READ_PERSONAL)
    found = one_run(desk, caller, run)
    if found.case is not None:
        message = f"the log of run {run} is that of case {found.case}"
        raise NotFound(message)
    return RunPersonal(run=run, lines=_personal(desk, caller, run))


def _personal(desk: Desk, caller: Caller, root: str) -> tuple[PersonalLine, ...]:
    at = desk.clock.now()
    entries = [entry for one in desk.log.stored(root) if (entry := one.entry()) is not None]
    entries.sort(key=lambda entry: (entry.at, entry.stream, entry.seq))
    sealed = [entry for entry in entries if entry.sealed is not None]
    note = NewEntry(
        kind=EntryKind.PERSONAL_READ,
        tenant=caller.tenant,
        at=at,
        actor=f"person:{caller.principal.id}",
        ref=f"{caller.principal.id}@{at.isoformat()}",
        detail={"entries": len(sealed), "role": caller.principal.role},
    )
    desk.log.append(root, note)
    return opened(sealed, desk.proof.sealing)
