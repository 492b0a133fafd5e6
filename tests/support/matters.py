"""A customer's matter as data: an order, messages about it, events, and what a wake knows of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nightshift.ids import CaseId, ChannelId, TenantId, case_id, event_id
from nightshift.model.case import Case, CaseStatus, ContextPackage, Intent
from nightshift.model.event import (
    Attachment,
    Event,
    EventDetail,
    EventKind,
    MessageDetail,
    OrderDetail,
    ReturnDetail,
    ReturnLine,
    Subject,
    SubjectKind,
)
from nightshift.model.order import (
    Customer,
    Fulfilment,
    FulfilmentState,
    Order,
    OrderLine,
    Transaction,
    TransactionKind,
)
from nightshift.model.payment import Payment
from nightshift.model.tenant import Tenant
from nightshift.money import Money

ACME = TenantId("acme")
SHOP = ChannelId("shopify-eu")
ORDER = "gid://shopify/Order/1001"
CUSTOMER = "gid://shopify/Customer/7"
EMAIL = "kim@example.com"
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SUBJECT = Subject(kind=SubjectKind.ORDER, channel=SHOP, ref=ORDER)
PHOTO = Attachment(name="mug.jpg", media_type="image/jpeg", ref="file-1")


def euro(cents: int) -> Money:
    return Money(amount=cents, currency="EUR")


def tenant(**changes: object) -> Tenant:
    given = Tenant(id=ACME, name="Acme", policy_version=1, reply_channel=SHOP, order_channel=SHOP)
    return given.model_copy(update=changes)


def line(number: int, title: str, cents: int, *, refundable: int = 1) -> OrderLine:
    return OrderLine(
        id=f"line-{number}",
        sku=f"{title.rsplit(maxsplit=1)[-1].upper()}-{number}",
        title=title,
        quantity=1,
        refundable_quantity=refundable,
        unit_price=euro(cents),
    )


def charge(number: int, cents: int, **changes: object) -> Transaction:
    return Transaction(
        id=f"txn-{number}",
        kind=TransactionKind.SALE,
        succeeded=True,
        pending=False,
        amount=euro(cents),
        gateway="shopify_payments",
    ).model_copy(update=changes)


def order(**changes: object) -> Order:
    given = Order(
        id=ORDER,
        name="#1001",
        placed_at=AT - timedelta(days=9),
        updated_at=AT - timedelta(days=5),
        total=euro(4200),
        captured=euro(4200),
        refunded=euro(0),
        editable=True,
        fulfilment=FulfilmentState.SHIPPED,
        customer=Customer(id=CUSTOMER, email=EMAIL, name="Kim Jansen", orders_count=2),
        lines=(line(1, "Blue Mug", 1250), line(2, "Tea Pot", 2950)),
        transactions=(charge(1, 4200),),
        fulfilments=(
            Fulfilment(
                id="ship-1",
                state=FulfilmentState.SHIPPED,
                carrier="DHL",
                tracking_number="DHL123",
                tracking_url="https://tracking.example/DHL123",
            ),
        ),
    )
    return given.model_copy(update=changes)


def payment(**changes: object) -> Payment:
    given = Payment(
        id="pi_1",
        name="INV-0001",
        charge="ch_1",
        invoice="in_1",
        paid_at=AT - timedelta(days=20),
        captured=euro(1250),
        refunded=euro(0),
        refundable=euro(1250),
        customer="cus_7",
        email=EMAIL,
    )
    return given.model_copy(update=changes)


def event(kind: EventKind, detail: EventDetail, number: int = 1, subject: Subject = SUBJECT) -> Event:
    delivery = f"delivery-{number}"
    return Event(
        id=event_id(ACME, SHOP, delivery),
        tenant=ACME,
        channel=SHOP,
        kind=kind,
        subject=subject,
        delivery=delivery,
        body_digest=f"digest-{number}",
        body_ref=f"acme/shopify-eu/{delivery}",
        received_at=AT + timedelta(minutes=number),
        detail=detail,
    )


def message(text: str, number: int = 1, **changes: object) -> Event:
    detail = MessageDetail(
        conversation="conv-1", text=text, sender=EMAIL, verified_sender=True, order_name="#1001"
    )
    return event(EventKind.MESSAGE_RECEIVED, detail.model_copy(update=changes), number)


def asked_return(*reasons: str, number: int = 1, quantity: int = 1) -> Event:
    lines = tuple(ReturnLine(line=f"line-{i}", quantity=quantity, reason=r) for i, r in enumerate(reasons, 1))
    detail = ReturnDetail(return_ref="ret-1", order_ref=ORDER, lines=lines)
    return event(EventKind.RETURN_REQUESTED, detail, number)


def happened(kind: EventKind, number: int) -> Event:
    return event(kind, OrderDetail(order_ref=ORDER), number)


def case(opening: Event, **changes: object) -> Case:
    subject = opening.subject.key()
    given = Case(
        id=case_id(ACME, subject, opening.id),
        tenant=ACME,
        subject=subject,
        status=CaseStatus.OPEN,
        specialist="support",
        generation=1,
        wake=0,
        inbox_seq=1,
        seen_seq=0,
        opened_at=AT,
        updated_at=AT,
    )
    return given.model_copy(update=changes)


def package(*events: Event, intent: str = "", confidence: float = 0.9, **changes: object) -> ContextPackage:
    intents = (Intent(name=intent, confidence=confidence, evidence="event 1"),) if intent else ()
    given = ContextPackage(
        case=CaseId("case_1"),
        tenant=ACME,
        wake=1,
        woken="opened",
        seen_seq=len(events),
        subject=SUBJECT.key(),
        specialist="support",
        events=events,
        order=order(),
        order_channel=SHOP,
        customer=CUSTOMER,
        intents=intents,
        sender_trusted=True,
    )
    return given.model_copy(update=changes)
