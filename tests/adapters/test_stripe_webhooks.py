"""Stripe's webhooks: the official signer's, our stand-in's, and what is refused, parked or left alone."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import stripe
from pydantic import ValidationError

from fakes import Delivery, StripeFake, sign_stripe
from fakes.stripe_hooks import event_body
from functions.adapters.stripe.webhooks import _TOPICS, TOLERANCE_SECONDS, WEBHOOKS
from nightshift.errors import BadInput, Misconfigured
from nightshift.ingress.webhooks import Arrival, Forged, Parsed
from nightshift.model.event import EventKind, PaymentDetail
from tests.adapters.official import CONTRACTS, IN_CI

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET = {"api_key": "rk_test_x", "webhook_secret": "whsec_new"}
ROLLED = {**SECRET, "webhook_secret_previous": "whsec_old"}
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CHARGE = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}


def arrive(body: bytes, signature: str, at: datetime = NOW) -> Arrival:
    return Arrival(headers={"stripe-signature": signature}, body=body, received_at=at)


def arrived(sent: Delivery, at: datetime = NOW) -> Arrival:
    return arrive(sent.body, sent.headers["Stripe-Signature"], at)


def event(topic: str = "charge.succeeded", thing: Mapping[str, Any] = CHARGE, **more: Any) -> bytes:  # noqa: ANN401  # fields of any kind
    fields: dict[str, Any] = {"event": "evt_1", "at": NOW, **more}
    return event_body(topic, thing, **fields)


def signed(body: bytes, *secrets: str, at: datetime = NOW) -> Arrival:
    sent = sign_stripe(body, secrets=secrets or ("whsec_new",), at=at)
    return arrived(sent)


def by_the_sdk(body: bytes) -> Arrival:
    """Signed by Stripe's own library."""
    stamp = int(NOW.timestamp())
    mac = stripe.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", SECRET["webhook_secret"])
    return arrive(body, f"t={stamp},v1={mac}")


def take(arrival: Arrival, secret: dict[str, str] = SECRET) -> Parsed | None:
    """What ingress does with one request."""
    WEBHOOKS.verify(arrival, secret)
    WEBHOOKS.account(arrival)
    assert WEBHOOKS.delivery(arrival)
    return WEBHOOKS.normalise(arrival, WEBHOOKS.topic(arrival), "stripe")


class TestSignatures:
    def test_the_official_library_and_we_agree(self) -> None:
        body, now = event(), datetime.now(UTC)
        assert take(by_the_sdk(body)) is not None
        ours = sign_stripe(body, secrets=["whsec_new"], at=now).headers["Stripe-Signature"]
        assert stripe.Webhook.construct_event(body, ours, "whsec_new")["id"] == "evt_1"  # type: ignore[no-untyped-call]  # the library's
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, ours, "whsec_other")  # type: ignore[no-untyped-call]  # the library's

    @pytest.mark.parametrize("late", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
    def test_a_stamp_within_five_minutes_is_fresh(self, late: int) -> None:
        assert take(signed(event(), at=NOW - timedelta(seconds=late))) is not None

    @pytest.mark.parametrize("late", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1, 86400, -86400])
    def test_one_replayed_later_is_refused(self, late: int) -> None:
        with pytest.raises(Forged):
            take(signed(event(), at=NOW - timedelta(seconds=late)))

    @pytest.mark.parametrize("secrets", [("whsec_new",), ("whsec_old",), ("whsec_old", "whsec_new")])
    def test_while_a_secret_is_rolled_both_are_valid(self, secrets: tuple[str, ...]) -> None:
        assert take(signed(event(), *secrets), ROLLED) is not None
        if secrets == ("whsec_old",):
            with pytest.raises(Forged):
                take(signed(event(), *secrets), SECRET)

    def test_stripe_signs_with_two_and_we_know_one(self) -> None:
        assert take(signed(event(), "whsec_unknown", "whsec_new")) is not None

    @pytest.mark.guarantee("ingress:forged-webhook")
    def test_forgeries_are_refused(self) -> None:
        body = event()
        stamp = int(NOW.timestamp())
        mac = hmac.new(b"whsec_new", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        unstamped = hmac.new(b"whsec_new", body, hashlib.sha256).hexdigest()
        for forged in (
            "", "t=", "v1=", f"t={stamp}", f"v1={mac}", f"t={stamp},v0={mac}", f"t={stamp},v1={mac[:-1]}",
            f"t={stamp},v1={unstamped}", f"t={stamp + 1},v1={mac}", f"t={stamp},t={stamp},v1={mac}",
            f"t=x{stamp},v1={mac}", f"t=-{stamp},v1={mac}", f"t={stamp},v1=é", f"t={'9' * 40},v1={mac}",
            f"t={stamp},V1={mac}", "," * 5000, f"t={stamp}," + ",".join(["v1=00"] * 5000) + f",v1={mac}",
        ):  # fmt: skip
            with pytest.raises(Forged):
                take(arrive(body, forged))
        with pytest.raises(Forged):
            take(arrive(body + b" ", f"t={stamp},v1={mac}"))
        with pytest.raises(Forged):
            take(Arrival(headers={}, body=body, received_at=NOW))
        assert take(arrive(body, f"t={stamp},v1={mac}")) is not None

    def test_a_secret_without_its_field_is_a_misconfiguration(self) -> None:
        with pytest.raises(Misconfigured):
            WEBHOOKS.verify(signed(event()), {"api_key": "rk_test_x", "webhook_secret": ""})


class TestWhose:
    def test_an_own_event_names_no_account_and_a_connected_one_does(self) -> None:
        assert WEBHOOKS.account(signed(event())) is None
        assert WEBHOOKS.account(signed(event(account="acct_other"))) == "acct_other"

    @pytest.mark.parametrize(
        ("key", "livemode"),
        [("sk_live_1", False), ("rk_live_1", False), ("sk_test_1", True), ("rk_test_1", True)],
    )
    def test_an_event_of_the_other_mode_is_refused_by_name(self, key: str, livemode: bool) -> None:  # noqa: FBT001  # a parameter of the test
        secret = {**SECRET, "api_key": key}
        with pytest.raises(BadInput) as caught:
            take(signed(event(livemode=livemode)), secret)
        assert caught.value.field == "livemode"
        assert take(signed(event(livemode=not livemode)), secret) is not None

    def test_a_forger_does_not_learn_the_mode(self) -> None:
        with pytest.raises(Forged):
            take(signed(event(livemode=True), "whsec_guessed"))


class TestEvents:
    @pytest.mark.parametrize("topic", sorted(_TOPICS))
    def test_each_topic_our_stand_in_sends_is_an_event(self, account: StripeFake, topic: str) -> None:
        charge = account.paid(origin="invoice", receipt_number="1234-5678")
        invoice = account.books.invoices[charge.invoice or ""]
        given = {"invoice": invoice.id, "amount": "100", "refund_amount": "100"}
        account.books.credit(invoice, given, preview=False)
        dispute = account.books.dispute(charge.id)
        first = {
            "charge": charge.id, "invoice": invoice.id, "credit_note": next(iter(account.books.notes)),
            "refund": next(iter(account.books.refunds)),
        }  # fmt: skip
        ref = dispute.id if "dispute" in topic else first[topic.split(".", maxsplit=1)[0]]
        ref = first["refund"] if topic == "charge.refund.updated" else ref
        sent = account.delivery(topic, ref)
        parsed = take(
            arrived(sent, datetime.now(UTC)),
            {"api_key": account.api_key, "webhook_secret": account.webhook_secrets[0]},
        )
        assert parsed is not None
        assert isinstance(parsed.detail, PaymentDetail)
        subject = invoice.id if topic.startswith("credit_note") else charge.intent
        assert parsed.subject.key() == f"payment:stripe:{subject}"
        if topic == "invoice.paid":
            assert set(parsed.detail.names) == {invoice.id, invoice.number, charge.id}
        if parsed.kind is EventKind.DISPUTE_OPENED:
            assert parsed.detail.due_at == dispute.due_by.replace(microsecond=0)
            assert parsed.detail.vendor_refs == (dispute.id,)
        assert "kim@example.com" not in parsed.model_dump_json()

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            ("succeeded", EventKind.REFUND_CREATED),
            ("pending", EventKind.REFUND_CREATED),
            (None, EventKind.REFUND_CREATED),
            ("new_word", EventKind.REFUND_CREATED),
            ("failed", EventKind.REFUND_FAILED),
            ("canceled", EventKind.REFUND_FAILED),
        ],
    )
    def test_a_refund_that_failed_is_news(self, status: str | None, kind: EventKind) -> None:
        thing = {"id": "re_1", "charge": "ch_1", "payment_intent": None, "status": status}
        parsed = take(signed(event("refund.updated", thing)))
        assert parsed is not None
        assert (parsed.kind, parsed.subject.ref) == (kind, "ch_1")

    def test_a_newer_version_is_read_leniently(self) -> None:
        thing = {
            "id": "re_1", "payment_intent": {"id": "pi_9", "object": "payment_intent", "new": [1]},
            "charge": {"id": "ch_9"}, "status": "pending", "unheard_of": {"deep": {"er": 1}},
        }  # fmt: skip
        body = event("refund.updated", thing, api_version="2027-03-31.newest")
        parsed = take(signed(body))
        assert parsed is not None
        assert isinstance(parsed.detail, PaymentDetail)
        assert (parsed.subject.ref, parsed.detail.vendor_refs) == ("pi_9", ("re_1",))

    def test_an_invoice_that_keeps_its_payments_elsewhere_is_nobodys_event(self) -> None:
        assert take(signed(event("invoice.paid", {"id": "in_1", "number": "INV-1"}))) is None

    def test_topics_nobody_acts_on_are_left_alone(self) -> None:
        assert take(signed(event("payout.paid", {"id": "po_1"}))) is None

    @pytest.mark.parametrize("name", ["fixtures3.2023-08-16.json", "fixtures3.latest.json"])
    @pytest.mark.parametrize(
        ("resource", "topic"),
        [
            ("charge", "charge.succeeded"),
            ("refund", "refund.created"),
            ("dispute", "charge.dispute.created"),
            ("credit_note", "credit_note.created"),
            ("invoice", "invoice.paid"),
        ],
    )
    def test_official_objects(self, name: str, resource: str, topic: str) -> None:
        path = CONTRACTS / "stripe" / name
        if not path.exists() and not IN_CI:
            pytest.skip("the vendor contracts are not beside the repository")
        thing = json.loads(path.read_text(encoding="utf-8"))["resources"][resource]
        parsed = take(by_the_sdk(event(topic, thing)))
        assert (parsed is None) is (resource == "invoice")  # an example that nobody has paid
        if parsed is not None:
            assert parsed.subject.ref.startswith(("ch_", "in_", "pi_"))


class TestBadInput:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not json",
            b"[]",
            b"null",
            b'"x"',
            b"\xff\xfe",
            b"{",
            b'{"id":5}',
            b"{}",
            b'{"type":"\\u00e9"}',
        ],
    )
    def test_a_signed_body_that_is_no_event_is_parked(self, body: bytes) -> None:
        arrival = signed(body)
        WEBHOOKS.verify(arrival, SECRET)
        assert WEBHOOKS.delivery(arrival).startswith("body-")
        with pytest.raises(BadInput) as caught:
            WEBHOOKS.normalise(arrival, WEBHOOKS.topic(arrival), "stripe")
        assert caught.value.field == "type"

    def test_a_deeply_nested_body_is_no_event(self) -> None:
        arrival = signed(b'{"id":' + b"[" * 200_000 + b"]" * 200_000 + b"}")
        WEBHOOKS.verify(arrival, SECRET)
        assert WEBHOOKS.topic(arrival) == "unreadable"

    @pytest.mark.parametrize(
        ("topic", "thing", "field"),
        [
            ("charge.succeeded", {}, "id"),
            ("charge.succeeded", {"id": 5}, "id"),
            ("charge.succeeded", {"id": "1 OR 1"}, "id"),
            ("charge.refunded", {"id": "ch_1", "payment_intent": "x" * 500}, "payment_intent"),
            ("credit_note.created", {"id": "cn_1"}, "invoice"),
            (
                "charge.dispute.created",
                {"id": "dp_1", "evidence_details": {"due_by": "soon"}},
                "evidence_details.due_by",
            ),
        ],
    )
    def test_another_shape_names_the_field(self, topic: str, thing: dict[str, Any], field: str) -> None:
        with pytest.raises(ValidationError) as caught:
            take(signed(event(topic, thing)))
        assert field in {".".join(str(part) for part in error["loc"]) for error in caught.value.errors()}

    @pytest.mark.parametrize("topic", ["refund.created", "charge.dispute.created"])
    def test_what_names_no_payment_is_parked(self, topic: str) -> None:
        with pytest.raises(BadInput) as caught:
            take(signed(event(topic, {"id": "re_1"})))
        assert caught.value.field == "data.object.charge"

    @pytest.mark.parametrize("due", [0, -1, 10**15])
    def test_a_date_that_is_none_is_left_out(self, due: int) -> None:
        thing = {"id": "dp_1", "charge": "ch_1", "evidence_details": {"due_by": due}}
        parsed = take(signed(event("charge.dispute.created", thing)))
        assert parsed is not None
        assert isinstance(parsed.detail, PaymentDetail)
        assert parsed.detail.due_at is None

    def test_an_id_that_is_none_is_told_by_the_body(self) -> None:
        one, other = (signed(event(event=name)) for name in ("../../etc", "x" * 400))
        assert WEBHOOKS.delivery(one) != WEBHOOKS.delivery(other)
        assert WEBHOOKS.delivery(one) == WEBHOOKS.delivery(one)
