"""What connecting a shop reads: the shop, what the token may do, the webhook subscriptions."""

from functions.adapters.shopify.models.wire import Page, Ref, UserError, WireModel

__all__ = ["Created", "ShopAnswer", "Subscription", "Subscriptions", "Updated"]


class _Shop(WireModel):
    name: str
    myshopify_domain: str


class _Scope(WireModel):
    handle: str


class _Installation(WireModel):
    access_scopes: tuple[_Scope, ...]


class ShopAnswer(WireModel):
    """The shop a token belongs to, and its scopes."""

    shop: _Shop
    current_app_installation: _Installation


class Subscription(WireModel):
    """One webhook subscription of our app."""

    id: str
    topic: str
    uri: str
    format: str
    filter: str | None = None
    include_fields: tuple[str, ...] = ()


class _Connection(WireModel):
    nodes: tuple[Subscription, ...]
    page_info: Page


class Subscriptions(WireModel):
    """One page of subscriptions."""

    webhook_subscriptions: _Connection


class _Changed(WireModel):
    webhook_subscription: Ref | None = None
    user_errors: tuple[UserError, ...] = ()


class Created(WireModel):
    """What came of a new subscription."""

    webhook_subscription_create: _Changed


class Updated(WireModel):
    """What came of a changed subscription."""

    webhook_subscription_update: _Changed
