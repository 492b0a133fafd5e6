"""The account and its webhook endpoints."""

from pydantic import Field

from functions.adapters.stripe.models.wire import WireModel

__all__ = ["AccountNode", "EndpointNode"]


class _Profile(WireModel):
    name: str | None = None


class AccountNode(WireModel):
    """Whose key it is."""

    id: str
    business_profile: _Profile | None = None


class EndpointNode(WireModel):
    """Where Stripe sends what; `secret` stands in the answer that creates it and in no other."""

    id: str
    url: str
    status: str
    enabled_events: tuple[str, ...]
    api_version: str | None = None
    secret: str | None = Field(default=None, repr=False)
