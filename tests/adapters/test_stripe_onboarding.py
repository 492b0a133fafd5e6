"""Connecting an account: whose key it is, and one endpoint for every topic."""

from __future__ import annotations

import pytest

from fakes import StripeFake
from functions.adapters.stripe.client import StripeClient
from functions.adapters.stripe.onboarding import ONBOARD
from functions.adapters.stripe.operations import API_VERSION, REGISTERED
from nightshift.errors import Misconfigured
from nightshift.model.tenant import Channel
from nightshift.tools.onboard import HookState

URL = "https://api.example/webhooks/stripe/acme/stripe"


def states(client: StripeClient) -> set[HookState]:
    return {hook.state for hook in ONBOARD.hooks(client, URL).hooks}


def test_the_account_is_the_keys_own(account: StripeFake, stripe_client: StripeClient) -> None:
    assert ONBOARD.check(stripe_client).account == account.account


def test_a_key_stripe_does_not_know_is_told(account_channel: Channel) -> None:
    with pytest.raises(Misconfigured) as caught:
        ONBOARD.check(StripeClient(account_channel, "sk_test_wrong"))
    assert caught.value.code == "vendor.credentials"


def test_an_endpoint_is_made_once_and_its_secret_learnt(
    account: StripeFake, stripe_client: StripeClient
) -> None:
    assert states(stripe_client) == {HookState.MISSING}
    made = ONBOARD.ensure(stripe_client, URL)
    endpoint = next(iter(account.books.endpoints.values()))
    assert made.learned == {"webhook_secret": endpoint.secret}
    assert endpoint.secret not in repr(made)
    assert (endpoint.api_version, set(endpoint.events)) == (API_VERSION, set(REGISTERED))
    again = ONBOARD.ensure(stripe_client, URL)
    assert (again.learned, {hook.state for hook in again.hooks}) == ({}, {HookState.RIGHT})
    assert len(account.books.endpoints) == 1
    assert states(stripe_client) == {HookState.RIGHT}


@pytest.mark.parametrize("harm", ["events", "disabled"])
def test_what_is_wrong_is_mended_and_nothing_taken_away(
    account: StripeFake, stripe_client: StripeClient, harm: str
) -> None:
    ONBOARD.ensure(stripe_client, URL)
    endpoint = next(iter(account.books.endpoints.values()))
    if harm == "events":
        endpoint.events = ["payout.paid", "charge.refunded"]
    else:
        endpoint.status = "disabled"
    assert HookState.WRONG in states(stripe_client)
    assert HookState.FIXED in {hook.state for hook in ONBOARD.ensure(stripe_client, URL).hooks}
    assert states(stripe_client) == {HookState.RIGHT}
    assert harm == "disabled" or "payout.paid" in endpoint.events


def test_the_endpoints_of_others_are_left_alone(account: StripeFake, stripe_client: StripeClient) -> None:
    ONBOARD.ensure(stripe_client, URL + "-other")
    ONBOARD.ensure(stripe_client, URL)
    assert len(account.books.endpoints) == 2
    assert account.books.requests["webhook_endpoints.update"] == 0
