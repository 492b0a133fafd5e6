"""What a route knows: the office, and who asks; and the parameters that several topics take."""

from dataclasses import dataclass
from typing import Annotated, cast

from aws_lambda_powertools.event_handler.openapi.params import Path

from nightshift.identity.caller import Caller
from nightshift.model.setup import PERSON, SLUG
from nightshift.onboarding.office import Office
from nightshift.wiring.http import Router

__all__ = ["Asked", "ChannelPath", "PersonPath", "TenantPath", "asked_of"]

TenantPath = Annotated[str, Path(pattern=SLUG, description="a tenant's id")]
ChannelPath = Annotated[str, Path(pattern=SLUG, description="a channel's id")]
PersonPath = Annotated[str, Path(pattern=PERSON, description="a person's id")]


@dataclass(frozen=True)
class Asked:
    """One request's office and caller."""

    office: Office
    caller: Caller


def asked_of(router: Router) -> Asked:
    """What the request that is being answered knows."""
    return cast("Asked", router.context["asked"])
