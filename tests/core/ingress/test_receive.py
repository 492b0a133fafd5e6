from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.aws.client import METER, client
from nightshift.aws.queue import SqsEventQueue
from nightshift.cases.sweep import Swept, sweep
from nightshift.errors import Misconfigured
from nightshift.ids import body_digest
from nightshift.ingress.receive import MAX_BODY
from nightshift.model.event import EventKind
from tests.core.ingress.conftest import ACME, SHOP
from tests.support.vendor import order_body, sign, signed

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.core.ingress.conftest import Ingress

BODY = order_body()


def test_a_signed_webhook_is_stored_then_queued(ingress: Ingress, clock: FixedClock):
    answer = ingress.post(BODY)
    assert (answer.status, answer.done) == (200, "sent")
    (event,) = ingress.queued()
    assert (event.id, event.tenant, event.channel, event.delivery) == (answer.event, ACME, SHOP, "dlv-1")
    assert (event.kind, event.subject.key()) == (EventKind.ORDER_PLACED, "order:shop-eu:gid://order/1")
    assert event.body_digest == body_digest(b"orders/placed\0" + BODY)
    assert event.body_ref == f"acme/shop-eu/2026/11/21/dlv-1-{event.body_digest[:16]}"
    assert ingress.bodies() == {event.body_ref: BODY}
    (waiting,) = ingress.gate.deliveries.pending(clock.now() + timedelta(seconds=1), 10)
    assert (waiting.event, waiting.topic, waiting.pending) == (event, "orders/placed", clock.now())


def test_receiving_takes_three_calls_and_two_more_in_a_minute(ingress: Ingress):
    METER.take()
    ingress.post(BODY)
    first = {name for name in METER.take() if name.count(".") == 1}
    assert first == {
        "dynamodb.GetItem",
        "secretsmanager.GetSecretValue",
        "s3.PutObject",
        "dynamodb.PutItem",
        "sqs.SendMessage",
    }
    ingress.post(BODY, signed(BODY, delivery="dlv-2"))
    counts = METER.take()
    assert {name: n for name, n in counts.items() if name.count(".") == 1} == {
        "s3.PutObject": 1,
        "dynamodb.PutItem": 1,
        "sqs.SendMessage": 1,
    }


def test_header_names_are_read_in_any_case(ingress: Ingress):
    headers = {name.lower(): value for name, value in signed(BODY).items()}
    assert ingress.post(BODY, headers).status == 200
    assert ingress.post(BODY, {name.upper(): value for name, value in headers.items()}).status == 200


@pytest.mark.parametrize(
    ("tenant", "channel"),
    [
        ("nobody", "shop-eu"),
        ("acme", "nowhere"),
        ("acme", "other"),  # another adapter's
        ("", ""),
        ("acme", "shop-eu#x"),
        ("ACME", "shop-eu"),
        ("../acme", "shop-eu"),
        ("a" * 3000, "shop-eu"),
    ],
)
def test_an_unknown_tenant_or_channel_is_not_found(ingress: Ingress, tenant: str, channel: str):
    answer = ingress.post(BODY, tenant=tenant, channel=channel)
    assert (answer.status, answer.refusal and answer.refusal.field) == (404, "channel")
    assert ingress.untouched()


def test_a_body_beyond_the_limit_is_refused_and_one_at_it_is_not(ingress: Ingress):
    large = b'{"id": 1, "name": "#1", "x": "' + b"x" * (MAX_BODY - 32) + b'"}'
    assert len(large) == MAX_BODY
    answer = ingress.post(large + b" ")
    assert (answer.status, answer.refusal and answer.refusal.field) == (413, "body")
    assert ingress.untouched()
    assert ingress.post(large).status == 200


@pytest.mark.guarantee("ingress:forged-webhook")
@pytest.mark.parametrize(
    "signature",
    [
        "",
        "x",
        sign(BODY, "another key"),
        sign(BODY + b" "),
        sign(BODY).lower(),
        "\u00e4\u00f6",
        sign(BODY) + "=",
    ],
)
def test_a_forged_webhook_is_refused_without_a_reason_and_not_stored(ingress: Ingress, signature: str):
    answer = ingress.post(BODY, signed(BODY, signature=signature))
    refused = ingress.post(BODY, signed(BODY, signature="another"))
    assert answer.status == 401
    assert answer == refused
    assert ingress.untouched()


@given(body=st.binary(max_size=200), signature=st.text(max_size=60))
@settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_signature_but_the_right_one_opens_the_door(ingress: Ingress, body: bytes, signature: str):
    assert ingress.post(body, signed(body, signature=signature or "-")).status == 401
    assert ingress.bodies() == {}


def test_a_webhook_of_the_wrong_shop_is_refused(ingress: Ingress):
    answer = ingress.post(BODY, signed(BODY, account="rival.example"))
    assert (answer.status, answer.refusal and answer.refusal.field) == (403, "account")
    assert ingress.untouched()


@pytest.mark.parametrize("name", ["account", "delivery", "topic"])
def test_a_missing_header_is_named(ingress: Ingress, name: str):
    answer = ingress.post(BODY, signed(BODY, **{name: ""}))
    assert (answer.status, answer.refusal and answer.refusal.field) == (400, f"X-{name.title()}")
    assert ingress.untouched()


@pytest.mark.parametrize("delivery", ["../../etc", "a#b", "d" * 181, "a b", "#"])
def test_a_delivery_id_that_could_be_another_key_is_refused(ingress: Ingress, delivery: str):
    answer = ingress.post(BODY, signed(BODY, delivery=delivery))
    assert (answer.status, answer.refusal and answer.refusal.field) == (400, "delivery")
    assert ingress.untouched()


@pytest.mark.parametrize("topic", ["bestellung/geändert", "orders/\x7f", "o" * 201, "orders create"])
def test_a_topic_that_cannot_be_kept_beside_its_body_is_refused(ingress: Ingress, topic: str):
    answer = ingress.post(BODY, signed(BODY, topic=topic))
    assert (answer.status, answer.refusal and answer.refusal.field) == (400, "topic")
    assert ingress.untouched()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"not JSON", "body"),
        (b"", "body"),
        (b"\xff\xfe", "body"),
        (b"[1]", "body"),
        (b'{"name": "#1"}', "id"),
        (b'{"id": "one", "name": "#1"}', "id"),
        (b'{"id": 1, "name": null}', "name"),
        (b'{"id": -1, "name": "#1"}', "id"),
        (b"[" * 5000, "body"),
    ],
)
def test_a_signed_body_of_the_wrong_shape_is_kept_and_parked_with_its_field(
    ingress: Ingress, body: bytes, field: str
):
    answer = ingress.post(body)
    assert (answer.status, answer.done) == (200, "parked")
    assert list(ingress.bodies().values()) == [body]
    (parked,) = ingress.gate.deliveries.parked(ACME)
    assert (parked.delivery, (parked.parked or "").split(":")[0]) == ("dlv-1", field)
    assert ingress.queued() == []


def test_an_event_too_large_for_the_queue_is_parked(ingress: Ingress):
    answer = ingress.post(b'{"id": 1, "name": "' + b"x" * 500_000 + b'"}')
    assert (answer.status, answer.done) == (200, "parked")
    assert len(ingress.gate.deliveries.parked(ACME)) == 1
    assert ingress.queued() == []


def test_why_a_body_was_parked_quotes_nothing_of_it(ingress: Ingress):
    ingress.post(b'{"id": "Kim Smith", "name": "Kim Smith"}')
    (parked,) = ingress.gate.deliveries.parked(ACME)
    assert "Kim" not in (parked.parked or "")


def test_a_topic_nobody_acts_on_is_kept_and_not_queued(ingress: Ingress, clock: FixedClock):
    answer = ingress.post(BODY, signed(BODY, topic="themes/update"))
    assert (answer.status, answer.done) == (200, "kept")
    assert (len(ingress.bodies()), ingress.deliveries()) == (1, 1)
    clock.advance(3600)
    assert ingress.gate.deliveries.pending(clock.now(), 10) == ()
    assert ingress.queued() == []


def test_a_retry_is_stored_and_queued_once(ingress: Ingress):
    answers = {ingress.post(BODY).event for _ in range(3)}
    assert len(answers) == 1
    assert (len(ingress.bodies()), ingress.deliveries(), len(ingress.queued())) == (1, 1, 1)


def test_a_replay_under_a_new_id_has_the_same_digest(ingress: Ingress):
    ingress.post(BODY)
    ingress.post(BODY, signed(BODY, delivery="dlv-2"))
    one, two = ingress.queued()
    assert one.id != two.id
    assert one.body_digest == two.body_digest


def test_the_same_body_under_another_topic_is_another_event(ingress: Ingress):
    ingress.post(BODY)
    ingress.post(BODY, signed(BODY, delivery="dlv-2", topic="orders/edited"))
    one, two = ingress.queued()
    assert one.body_digest != two.body_digest


def test_another_body_under_a_known_delivery_id_is_kept_apart(ingress: Ingress):
    other = order_body(2)
    for _ in range(2):
        ingress.post(BODY)
        ingress.post(other)
    assert set(ingress.bodies().values()) == {BODY, other}
    one, two = ingress.queued()
    assert {one.subject.ref, two.subject.ref} == {"gid://order/1", "gid://order/2"}
    assert one.id != two.id
    assert ingress.deliveries() == 2


@pytest.mark.guarantee("ingress:nothing-accepted-is-lost")
def test_a_queue_that_is_down_loses_nothing(ingress: Ingress, clock: FixedClock):
    down = SqsEventQueue(ingress.queue.replace("events-", "gone-"), client("sqs"))
    answer = replace(ingress, gate=replace(ingress.gate, queue=down)).post(BODY)
    assert (answer.status, answer.done) == (200, "stored")
    assert ingress.queued() == []
    clock.advance(61)
    assert sweep(ingress.gate.deliveries, ingress.gate.queue, clock) == Swept(sent=1)
    assert [event.id for event in ingress.queued()] == [answer.event]


def test_a_body_that_cannot_be_stored_is_not_acknowledged(ingress: Ingress):
    client("s3").delete_bucket(Bucket=ingress.bucket)
    with pytest.raises(client("s3").exceptions.ClientError):
        ingress.post(BODY)
    assert (ingress.deliveries(), ingress.queued()) == (0, [])


def test_a_channel_without_its_secret_is_misconfigured(ingress: Ingress):
    client("secretsmanager").delete_secret(
        SecretId=ingress.gate.channel(ACME, SHOP).secret_ref, ForceDeleteWithoutRecovery=True
    )
    with pytest.raises(Misconfigured):
        ingress.post(BODY)
    assert ingress.untouched()


def test_a_channel_that_changed_is_seen_within_a_minute(ingress: Ingress, clock: FixedClock):
    assert ingress.post(BODY).status == 200
    channel = ingress.gate.config.channel(ACME, SHOP)
    ingress.gate.config.put_channel(channel.model_copy(update={"account": "renamed.example"}))
    clock.advance(60)
    assert ingress.post(BODY).status == 403
