"""The log's proof: the public key, anchors, entries; and the personal fields of a case."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AwareDatetime

from functions.api.routes.asking import CasePath, asked_of
from nightshift.api.logproof import (
    read_personal,
    see_anchors,
    see_entries,
    see_key,
    see_proofs,
    see_roots,
)
from nightshift.ids import CaseId
from nightshift.model.anchor import AnchorKey, AnchorPage, EntryPage, ProofPage, RootPage
from nightshift.model.personal import PersonalPage
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()

After = Annotated[int, Query(ge=0, description="anchors above this number")]
Since = Annotated[AwareDatetime | None, Query(description="anchors stored at this instant or later")]
Anchors = Annotated[int, Query(ge=1, le=50, description="at most so many")]
Before = Annotated[AwareDatetime | None, Query(description="cases opened no later than this")]
Roots = Annotated[
    str,
    Query(
        pattern=r"^[^,]{1,200}(,[^,]{1,200}){0,19}$",
        description="up to 20 of what /v1/log/roots and anchors name, separated by commas",
    ),
]


@router.get("/v1/log/key", tags=["log"])
def key() -> AnchorKey:
    """The public key anchors are signed with; keep it to verify without trust in us. Needs `log:read`."""
    asked = asked_of(router)
    return see_key(asked.desk, asked.caller)


@router.get("/v1/log/anchors", tags=["log"])
def anchors(after: After = 0, since: Since = None, limit: Anchors = 20) -> AnchorPage:
    """The tenant's anchors with all their heads, by number. Needs `log:read`."""
    asked = asked_of(router)
    return see_anchors(asked.desk, asked.caller, after=after, since=since, limit=limit)


@router.get("/v1/log/roots", tags=["log"])
def roots(before: Before = None) -> RootPage:
    """What the tenant's log is about: its cases, newest first, its set-up and channels. Needs `log:read`."""
    asked = asked_of(router)
    return see_roots(asked.desk, asked.caller, before=before)


@router.get("/v1/log/entries", tags=["log"])
def entries(roots: Roots) -> EntryPage:
    """All entries about these, as many of them as fit an answer. Needs `log:read`."""
    asked = asked_of(router)
    return see_entries(asked.desk, asked.caller, roots=roots.split(","))


@router.get("/v1/cases/<case>/proofs", tags=["log"])
def proofs(case: CasePath) -> ProofPage:
    """What anchors say of a case's chains. Needs `log:read`."""
    asked = asked_of(router)
    return see_proofs(asked.desk, asked.caller, CaseId(case))


@router.post("/v1/cases/<case>/personal", tags=["log"])
def personal(case: CasePath) -> PersonalPage:
    """The personal fields of a case's log; that you read them is logged. Needs `log:personal`."""
    asked = asked_of(router)
    return read_personal(asked.desk, asked.caller, CaseId(case))
