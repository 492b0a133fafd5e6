"""While a webhook secret is rolled, the new one and the one before it both prove a delivery genuine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from functions.adapters.contact.webhooks import WEBHOOKS as CONTACT
from functions.adapters.shopify.webhooks import WEBHOOKS as SHOPIFY
from nightshift.errors import Misconfigured
from nightshift.ingress.webhooks import Arrival, Forged, Webhooks, webhook_keys

if TYPE_CHECKING:
    from fakes import ContactFake, ShopifyFake


@pytest.fixture(params=["shopify", "contact"])
def signed(request: pytest.FixtureRequest, shop: ShopifyFake, store: ContactFake) -> tuple[Webhooks, Arrival]:
    """A delivery signed with the key `old`."""
    now = datetime.now(UTC)
    shop.webhook_secret = store.webhook_secret = "old"
    if request.param == "shopify":
        made = shop.delivery("orders/create", shop.create_order(name="#1", lines=[{"price": "1.00"}]))
    else:
        made = store.message("conv-1", "hello", at=now)
    headers = {name.lower(): value for name, value in made.headers.items()}
    arrival = Arrival(headers=headers, body=made.body, received_at=now)
    return (SHOPIFY if request.param == "shopify" else CONTACT), arrival


def test_both_keys_are_good_while_one_is_rolled(signed: tuple[Webhooks, Arrival]):
    webhooks, arrival = signed
    webhooks.verify(arrival, {"webhook_secret": "old"})
    webhooks.verify(arrival, {"webhook_secret": "new", "webhook_secret_previous": "old"})
    webhooks.verify(arrival, {"webhook_secret": "old", "webhook_secret_previous": "older"})


def test_a_key_that_was_taken_out_is_good_no_more(signed: tuple[Webhooks, Arrival]):
    webhooks, arrival = signed
    for secret in (
        {"webhook_secret": "new"},
        {"webhook_secret": "new", "webhook_secret_previous": ""},
        {"webhook_secret": "new", "webhook_secret_previous": "older"},
    ):
        with pytest.raises(Forged):
            webhooks.verify(arrival, secret)


def test_an_empty_previous_key_signs_nothing(signed: tuple[Webhooks, Arrival]):
    webhooks, arrival = signed
    unsigned = replace(arrival, headers={**arrival.headers, "x-shopify-hmac-sha256": ""})
    unsigned = replace(unsigned, headers={**unsigned.headers, "x-nightshift-signature": ""})
    with pytest.raises(Forged):
        webhooks.verify(unsigned, {"webhook_secret": "new", "webhook_secret_previous": ""})


@pytest.mark.parametrize("secret", [{}, {"webhook_secret": ""}, {"webhook_secret_previous": "old"}])
def test_without_a_present_key_the_channel_is_misconfigured(
    signed: tuple[Webhooks, Arrival], secret: dict[str, str]
):
    with pytest.raises(Misconfigured):
        signed[0].verify(signed[1], secret)
    with pytest.raises(Misconfigured):
        webhook_keys(secret)
