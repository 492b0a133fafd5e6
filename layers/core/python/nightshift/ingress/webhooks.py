"""What an adapter's `webhooks.py` implements, so that ingress can receive its vendor's webhooks.

An adapter publishes one object that satisfies `Webhooks`; its `webhook.py` is three lines:

    from nightshift.wiring.webhook import webhook_handler
    from functions.adapters.shopify.webhooks import ShopifyWebhooks

    handler = webhook_handler(ShopifyWebhooks(), adapter="shopify")

Ingress calls, in this order: `verify` → `account` → `delivery` → `topic` → `normalise`. Nothing but
`verify` sees an unsigned request. An implementation is stateless, does no I/O and imports no client.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nightshift.errors import BadInput, Misconfigured, NightshiftError
from nightshift.ids import ChannelId
from nightshift.model.base import Noun
from nightshift.model.event import EventDetail, EventKind, Subject

__all__ = ["Arrival", "Forged", "Parsed", "Webhooks", "header", "webhook_keys"]


class Forged(NightshiftError):
    """The signature is missing or wrong; the caller learns nothing more than that."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One request as it came in.

    Args:
        headers: by lower-case name; values as sent.
        body: the raw bytes the vendor signed (already base64-decoded where API Gateway encoded them).
        received_at: when it came in, UTC; for vendors that sign a timestamp.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Parsed(Noun):
    """What one webhook says, in our words.

    `subject` is the vendor's own id where the body carries it: `Subject(kind=ORDER, channel=channel,
    ref="gid://shopify/Order/1")`; of a message it is the conversation: `Subject(kind=CONVERSATION,
    channel=channel, ref=<conversation>)` (an `order_name` in its detail is resolved by the dispatcher).
    """

    kind: EventKind
    subject: Subject
    detail: EventDetail


class Webhooks(Protocol):
    """One vendor's way of sending webhooks."""

    def verify(self, arrival: Arrival, secret: Mapping[str, str]) -> None:
        """Check the signature over the raw body, in constant time (`hmac.compare_digest`).

        `secret` holds the fields of the channel's secret. A missing header, undecodable signature or
        stale stamp raises the same `Forged` as a wrong signature.

        Raises:
            Forged: the vendor did not sign this.
            Misconfigured: the secret lacks the field this vendor needs.
        """

    def account(self, arrival: Arrival) -> str | None:
        """The vendor's account the request claims to be of; compared with `Channel.account`.

        None, for vendors that name none and sign with a secret of this very channel: that secret says it.

        Raises:
            BadInput: the request must name one and does not (`header(arrival, name)` raises it).
        """

    def delivery(self, arrival: Arrival) -> str:
        """The vendor's id of this delivery, the same on each of its retries (1-200 characters).

        Raises:
            BadInput: the request carries none.
        """

    def topic(self, arrival: Arrival) -> str:
        """What the request is about, in the vendor's word (`orders/create`).

        Raises:
            BadInput: the request carries none.
        """

    def normalise(self, arrival: Arrival, topic: str, channel: ChannelId) -> Parsed | None:
        """The event in a verified request, or None for a topic nobody acts on (kept, not queued).

        The body is the vendor's and may have any shape: parse it with a pydantic model that ignores
        unknown fields (`Model.model_validate_json(arrival.body)`) and let its `ValidationError` pass,
        or raise `BadInput`; both park the delivery, naming the field, and answer 200.

        Raises:
            BadInput: the body cannot be used; `field` names where.
            pydantic.ValidationError: the same, as the model found it.
        """


def header(arrival: Arrival, name: str) -> str:
    """The value of a header (any case) that a request must carry.

    Raises:
        BadInput: it is missing or empty.
    """
    value = arrival.headers.get(name.lower(), "").strip()
    if not value:
        raise BadInput(name, "the header is missing", "Send it as the vendor's documentation says.")
    return value


def webhook_keys(secret: Mapping[str, str]) -> tuple[str, ...]:
    """The keys that a genuine signature may be made with: the present one, and while it is rolled the last.

    Compare with each of them in constant time. Rolling goes: `webhook_secret` becomes the new key and
    `webhook_secret_previous` the old one, then the vendor changes over, then the old one is taken out.

    Raises:
        Misconfigured: there is no present one.
    """
    if not secret.get("webhook_secret"):
        message = "the channel's secret has no webhook_secret"
        raise Misconfigured(message, code="secret.field")
    named = (secret["webhook_secret"], secret.get("webhook_secret_previous", ""))
    return tuple(key for key in named if key)
