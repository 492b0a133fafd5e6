"""Stripe's events through all of ingress: of other accounts and modes, out of order, newer, unreadable."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fakes.stripe_hooks import event_body, sign_stripe
from functions.adapters.stripe.webhooks import WEBHOOKS
from nightshift.aws.client import client
from nightshift.ids import ChannelId
from nightshift.model.event import EventKind
from nightshift.model.tenant import Channel
from tests.core.ingress.conftest import ACME, Ingress

if TYPE_CHECKING:
    from nightshift.ingress.receive import Answer
    from tests.conftest import FixedClock

STRIPE = ChannelId("stripe-eu")
SECRET = {"api_key": "rk_test_1", "webhook_secret": "whsec_1"}
REFUND = {"id": "re_1", "charge": "ch_1", "payment_intent": "pi_1", "status": "succeeded"}


@pytest.fixture
def stripe(ingress: Ingress) -> Ingress:
    ref = f"nightshift/{ingress.table}/stripe"
    client("secretsmanager").create_secret(Name=ref, SecretString=json.dumps(SECRET))
    ingress.gate.config.put_channel(  # type: ignore[attr-defined]  # the real one
        Channel(id=STRIPE, tenant=ACME, adapter="stripe", account="acct_1", base_url="-", secret_ref=ref)
    )
    return replace(ingress, gate=replace(ingress.gate, adapter="stripe", webhooks=WEBHOOKS))


def send(stripe: Ingress, body: bytes, *, age: int = 0) -> Answer:
    at = stripe.gate.clock.now() - timedelta(seconds=age)
    headers = dict(sign_stripe(body, secrets=["whsec_1"], at=at).headers)
    return stripe.post(body, headers, channel=STRIPE)


def event(stripe: Ingress, topic: str = "refund.updated", **more: object) -> bytes:
    fields: dict[str, object] = {"event": "evt_1", "at": stripe.gate.clock.now(), **more}
    return event_body(topic, REFUND, **fields)  # type: ignore[arg-type]  # fields by name


def test_an_own_event_is_queued_though_it_names_no_account(stripe: Ingress):
    assert send(stripe, event(stripe)).done == "sent"
    (queued,) = stripe.queued()
    assert (queued.kind, queued.subject.key(), queued.delivery) == (
        EventKind.REFUND_CREATED, "payment:stripe-eu:pi_1", "evt_1",
    )  # fmt: skip


def test_a_connected_accounts_event_goes_to_its_own_channel_only(stripe: Ingress):
    assert send(stripe, event(stripe, account="acct_1")).status == 200
    refused = send(stripe, event(stripe, account="acct_2", event="evt_2"))
    assert (refused.status, refused.refusal and refused.refusal.field) == (403, "account")
    assert len(stripe.queued()) == 1


def test_an_event_of_the_other_mode_is_refused_and_stored_nowhere(stripe: Ingress):
    answer = send(stripe, event(stripe, livemode=True))
    assert (answer.status, answer.refusal and answer.refusal.field) == (400, "livemode")
    assert stripe.untouched()


@pytest.mark.guarantee("ingress:replayed-webhook")
def test_a_retry_is_the_same_event_and_an_old_one_is_refused(stripe: Ingress, clock: FixedClock):
    body = event(stripe)
    first = send(stripe, body)
    clock.advance(60)
    assert send(stripe, body).event == first.event  # Stripe signs each retry anew
    assert len({queued.id for queued in stripe.queued()}) == 1
    assert send(stripe, body, age=301).status == 401


def test_events_out_of_order_are_each_a_hint(stripe: Ingress):
    send(stripe, event(stripe, "refund.updated", event="evt_2"))
    send(stripe, event(stripe, "refund.created", event="evt_1"))
    assert {queued.subject.ref for queued in stripe.queued()} == {"pi_1"}


def test_a_newer_version_is_taken_and_what_cannot_be_read_is_parked(stripe: Ingress):
    assert send(stripe, event(stripe, api_version="2027-09-30.newest")).done == "sent"
    strange = {"id": "evt_9", "type": "refund.updated", "data": {"object": {"id": ["re_1"]}}}
    for body in (b"no json", json.dumps(strange).encode(), b'{"id":"evt_8"}'):
        assert send(stripe, body).done == "parked"
    assert send(stripe, event(stripe, "unheard.of", event="evt_7")).done == "kept"
    assert len(stripe.queued()) == 1
    assert len(stripe.bodies()) == 5
