"""What a route knows: the desk, and who asks; and the parameters that several topics take."""

from dataclasses import dataclass
from typing import Annotated, cast

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from nightshift.api.desk import Desk
from nightshift.identity.caller import Caller
from nightshift.wiring.http import Router

__all__ = ["Asked", "CasePath", "Cursor", "Limit", "asked_of"]

Limit = Annotated[int, Query(ge=1, le=200, description="at most so many")]
Cursor = Annotated[str, Query(max_length=4000, description="the `next` of the page before; empty: begin")]
CasePath = Annotated[str, Path(pattern=r"^case_[a-z2-7]{26}$", description="a case's id")]


@dataclass(frozen=True)
class Asked:
    """One request's desk and caller."""

    desk: Desk
    caller: Caller


def asked_of(router: Router) -> Asked:
    """What the request that is being answered knows."""
    return cast("Asked", router.context["asked"])
