"""Shopify's answers as they come, and how they read in our words. Unknown fields are ignored."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel

from nightshift.errors import BadInput
from nightshift.model.order import (
    Address,
    Customer,
    Fulfilment,
    FulfilmentState,
    Order,
    OrderLine,
    Refund,
    RiskLevel,
    Transaction,
    TransactionKind,
)
from nightshift.money import Money

__all__ = [
    "CancelAnswer",
    "CustomerAnswer",
    "Envelope",
    "JobAnswer",
    "LineNode",
    "LinesAnswer",
    "MoneyStateAnswer",
    "MoneyStateNode",
    "OrderAnswer",
    "OrderNode",
    "OrdersAnswer",
    "ProgressNode",
    "QuoteAnswer",
    "QuoteNode",
    "RefundAnswer",
    "RefundNode",
    "RefundStateAnswer",
    "RefundStateNode",
    "SettlementNode",
    "UpdateAnswer",
    "UserError",
    "WireModel",
]

_PENDING = frozenset({"PENDING", "AWAITING_RESPONSE", "UNKNOWN"})
_KINDS = {
    "AUTHORIZATION": TransactionKind.AUTHORIZATION,
    "EMV_AUTHORIZATION": TransactionKind.AUTHORIZATION,
    "CAPTURE": TransactionKind.CAPTURE,
    "SALE": TransactionKind.SALE,
    "REFUND": TransactionKind.REFUND,
    "VOID": TransactionKind.VOID,
}
_STATES = {
    "FULFILLED": FulfilmentState.SHIPPED,
    "PARTIALLY_FULFILLED": FulfilmentState.PARTIAL,
    "IN_PROGRESS": FulfilmentState.IN_PROGRESS,
}
_RISKS = (RiskLevel.NONE, RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH)
_RECOMMENDED = {"CANCEL": RiskLevel.HIGH, "INVESTIGATE": RiskLevel.MEDIUM}


class WireModel(BaseModel):
    """A part of an answer, with Shopify's camelCase names."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class _Throttle(WireModel):
    currently_available: float
    restore_rate: float


class _Cost(WireModel):
    requested_query_cost: float | None = None
    throttle_status: _Throttle | None = None


class _Extensions(WireModel):
    cost: _Cost | None = None


class _ErrorExtensions(WireModel):
    code: str | None = None


class _GraphError(WireModel):
    extensions: _ErrorExtensions = _ErrorExtensions()


class Envelope(WireModel):
    """What every answer is wrapped in."""

    data: JsonValue = None
    errors: tuple[_GraphError, ...] = ()
    extensions: _Extensions = _Extensions()

    def retry_after(self) -> float | None:
        """Seconds until the bucket holds what the refused query costs, at least one; None if unsaid."""
        cost = self.extensions.cost
        if cost is None or cost.throttle_status is None or cost.requested_query_cost is None:
            return None
        status = cost.throttle_status
        missing = cost.requested_query_cost - status.currently_available
        return max(1.0, missing / status.restore_rate) if status.restore_rate > 0 else None


class UserError(WireModel):
    """Why a mutation was refused; `code` only where the mutation has codes of its own."""

    message: str
    code: str | None = None


class _MoneyNode(WireModel):
    amount: str
    currency_code: str

    @model_validator(mode="after")
    def _is_money(self) -> "_MoneyNode":
        try:
            Money.parse(self.amount, self.currency_code)
        except BadInput as exc:
            raise ValueError(exc.problem) from exc
        return self


class _Bag(WireModel):
    presentment_money: _MoneyNode

    def money(self) -> Money:
        return Money.parse(self.presentment_money.amount, self.presentment_money.currency_code)


class _Id(WireModel):
    id: str


class _Page(WireModel):
    has_next_page: bool
    end_cursor: str | None = None


class SettlementNode(WireModel):
    """One movement of money, and whether it has happened."""

    id: str
    kind: str = "REFUND"
    status: str
    gateway: str | None = None
    amount_set: _Bag
    parent_transaction: _Id | None = None

    @property
    def pending(self) -> bool:
        """The provider has not said yet."""
        return self.status in _PENDING

    @property
    def succeeded(self) -> bool:
        """The money has moved."""
        return self.status == "SUCCESS"

    def noun(self) -> Transaction | None:
        """The transaction in our words; None for kinds that move no money (change, suggestions)."""
        kind = _KINDS.get(self.kind)
        if kind is None:
            return None
        return Transaction(
            id=self.id,
            kind=kind,
            succeeded=self.succeeded,
            pending=self.pending,
            amount=self.amount_set.money(),
            gateway=self.gateway or "",
            parent=self.parent_transaction.id if self.parent_transaction else None,
        )


class _Settlements(WireModel):
    nodes: tuple[SettlementNode, ...]


class RefundNode(WireModel):
    """A refund; its transactions where they were asked for."""

    id: str
    note: str | None = None
    created_at: datetime | None = None
    total_refunded_set: _Bag
    transactions: _Settlements = _Settlements(nodes=())


class _Cancellation(WireModel):
    staff_note: str | None = None


class _FulfilmentOrder(WireModel):
    status: str
    request_status: str


class _FulfilmentOrders(WireModel):
    nodes: tuple[_FulfilmentOrder, ...]


class ProgressNode(WireModel):
    """How far an order is: what decides whether it can still be changed."""

    id: str
    name: str
    cancelled_at: datetime | None
    merchant_editable: bool
    display_fulfillment_status: str
    cancellation: _Cancellation | None = None
    fulfillment_orders: _FulfilmentOrders

    def being_edited(self) -> bool:
        """Shopify lets nobody edit it now, for another reason than that it is cancelled.

        The schema has no field "an edit is open"; `merchantEditable` is the one that turns false.
        """
        return self.cancelled_at is None and not self.merchant_editable

    def state(self) -> FulfilmentState:
        """How far the goods have gone, deliveries left aside."""
        shown = _STATES.get(self.display_fulfillment_status)
        if shown is not None:
            return shown
        accepted = any(
            each.request_status in {"ACCEPTED", "CANCELLATION_REQUESTED", "CANCELLATION_REJECTED"}
            or each.status == "IN_PROGRESS"
            for each in self.fulfillment_orders.nodes
        )
        return FulfilmentState.IN_PROGRESS if accepted else FulfilmentState.UNFULFILLED


class MoneyStateNode(ProgressNode):
    """What was captured, and what has gone back or is on its way back."""

    total_received_set: _Bag
    total_refunded_set: _Bag
    transactions: tuple[SettlementNode, ...]
    refunds: tuple[RefundNode, ...]

    def captured(self) -> Money:
        """Everything received from the customer, in presentment currency."""
        return self.total_received_set.money()

    def refunded(self) -> Money:
        """Everything that has gone back or is on its way: pending refunds count."""
        return _gone_back(self.total_refunded_set.money(), self.transactions)

    def left(self) -> Money:
        """Captured minus refunded; never below nothing."""
        return _at_least_nothing(self.captured() - self.refunded())

    def left_of(self, payment: SettlementNode) -> Money:
        """What one captured payment still has, by the refunds that name it as their parent."""
        left = payment.amount_set.money()
        for each in self.transactions:
            parent = each.parent_transaction.id if each.parent_transaction else None
            if each.kind == "REFUND" and parent == payment.id and (each.succeeded or each.pending):
                left = left - each.amount_set.money()
        return _at_least_nothing(left)


class MoneyStateAnswer(WireModel):
    """Answer of `MoneyState`."""

    order: MoneyStateNode | None


class _RefundableLine(WireModel):
    id: str
    refundable_quantity: int


class _RefundableLines(WireModel):
    nodes: tuple[_RefundableLine, ...]


class _SuggestedLine(WireModel):
    line_item: _Id
    quantity: int = 0
    location: _Id | None = None


class _SuggestedPlaces(WireModel):
    refund_line_items: tuple[_SuggestedLine, ...]


class RefundStateNode(MoneyStateNode):
    """The money state with what a refund of lines needs to know."""

    line_items: _RefundableLines
    suggested_refund: _SuggestedPlaces | None = None


class RefundStateAnswer(WireModel):
    """Answer of `RefundState`."""

    order: RefundStateNode | None


class _SuggestedTransaction(WireModel):
    gateway: str | None = None
    amount_set: _Bag
    maximum_refundable_set: _Bag | None = None
    parent_transaction: _Id | None = None


class _Suggestion(WireModel):
    amount_set: _Bag
    maximum_refundable_set: _Bag
    refund_line_items: tuple[_SuggestedLine, ...]
    suggested_transactions: tuple[_SuggestedTransaction, ...]


class QuoteNode(MoneyStateNode):
    """The money state with Shopify's own suggestion."""

    suggested_refund: _Suggestion | None


class QuoteAnswer(WireModel):
    """Answer of `QuoteRefund`."""

    order: QuoteNode | None


class _Email(WireModel):
    email_address: str


class _CustomerNode(WireModel):
    id: str
    display_name: str
    locale: str
    number_of_orders: int
    default_email_address: _Email | None = None

    def noun(self) -> Customer:
        email = self.default_email_address
        return Customer(
            id=self.id,
            email=email.email_address if email else None,
            name=self.display_name,
            orders_count=self.number_of_orders,
            locale=self.locale,
        )


class CustomerAnswer(WireModel):
    """Answer of `Customer`."""

    customer: _CustomerNode | None


class _AddressNode(WireModel):
    name: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country_code_v2: str | None = Field(default=None, alias="countryCodeV2")

    def noun(self) -> Address | None:
        """The address; None where it lacks what every address has (digital orders)."""
        if not (self.address1 and self.city and self.country_code_v2):
            return None
        return Address(
            name=self.name or "",
            line1=self.address1[:255],
            line2=self.address2 or "",
            city=self.city[:100],
            region=self.province_code or self.province or "",
            postcode=(self.zip or "")[:20],
            country=self.country_code_v2,
        )


class LineNode(WireModel):
    """One line of an order."""

    id: str
    sku: str | None = None
    title: str
    quantity: int
    refundable_quantity: int
    discounted_unit_price_after_all_discounts_set: _Bag

    def noun(self) -> OrderLine:
        """The line; its price is what was paid per unit, discounts taken off."""
        return OrderLine(
            id=self.id,
            sku=self.sku or None,
            title=self.title,
            quantity=self.quantity,
            refundable_quantity=self.refundable_quantity,
            unit_price=self.discounted_unit_price_after_all_discounts_set.money(),
        )


class _LinePage(WireModel):
    nodes: tuple[LineNode, ...]
    page_info: _Page


class _LinesNode(WireModel):
    line_items: _LinePage


class LinesAnswer(WireModel):
    """Answer of `OrderLines`."""

    order: _LinesNode | None


class _Tracking(WireModel):
    company: str | None = None
    number: str | None = None
    url: str | None = None


class _FulfilmentNode(WireModel):
    id: str
    status: str
    display_status: str | None = None
    created_at: datetime
    delivered_at: datetime | None = None
    estimated_delivery_at: datetime | None = None
    tracking_info: tuple[_Tracking, ...] = ()

    @property
    def cancelled(self) -> bool:
        return self.status in {"CANCELLED", "ERROR", "FAILURE"}

    @property
    def delivered(self) -> bool:
        return self.delivered_at is not None or self.display_status in {"DELIVERED", "PICKED_UP"}

    def noun(self) -> Fulfilment:
        tracking = self.tracking_info[0] if self.tracking_info else _Tracking()
        return Fulfilment(
            id=self.id,
            state=FulfilmentState.DELIVERED if self.delivered else FulfilmentState.SHIPPED,
            carrier=tracking.company or "",
            tracking_number=tracking.number or "",
            tracking_url=tracking.url or "",
            shipped_at=self.created_at,
            estimated_delivery_at=self.estimated_delivery_at,
        )


class _Assessment(WireModel):
    risk_level: str


class _Risk(WireModel):
    recommendation: str
    assessments: tuple[_Assessment, ...]

    def level(self) -> RiskLevel:
        """The worst of all assessments and of the recommendation."""
        known = {level.value.upper(): level for level in _RISKS}
        found = [known.get(each.risk_level, RiskLevel.NONE) for each in self.assessments]
        found.append(_RECOMMENDED.get(self.recommendation, RiskLevel.NONE))
        return max(found, key=_RISKS.index)


class OrderNode(ProgressNode):
    """The order graph."""

    created_at: datetime
    updated_at: datetime
    total_price_set: _Bag
    total_received_set: _Bag
    total_refunded_set: _Bag
    risk: _Risk
    customer: _CustomerNode | None
    shipping_address: _AddressNode | None
    line_items: _LinePage
    transactions: tuple[SettlementNode, ...]
    refunds: tuple[RefundNode, ...]
    fulfillments: tuple[_FulfilmentNode, ...]

    def noun(self, lines: tuple[LineNode, ...]) -> Order:
        """The order in our words, with all its lines (`lines` are those of every page)."""
        shipments = tuple(each for each in self.fulfillments if not each.cancelled)
        return Order(
            id=self.id,
            name=self.name,
            placed_at=self.created_at,
            updated_at=self.updated_at,
            total=self.total_price_set.money(),
            captured=self.total_received_set.money(),
            refunded=_gone_back(self.total_refunded_set.money(), self.transactions),
            cancelled_at=self.cancelled_at,
            editable=self.merchant_editable,
            risk=self.risk.level(),
            fulfilment=self._fulfilment(shipments),
            customer=self.customer.noun() if self.customer else None,
            shipping_address=self.shipping_address.noun() if self.shipping_address else None,
            lines=tuple(each.noun() for each in lines),
            transactions=tuple(t for t in (each.noun() for each in self.transactions) if t),
            refunds=tuple(
                Refund(
                    id=each.id,
                    amount=each.total_refunded_set.money(),
                    created_at=each.created_at or self.updated_at,
                    note=each.note or "",
                )
                for each in self.refunds
            ),
            fulfilments=tuple(each.noun() for each in shipments),
        )

    def _fulfilment(self, shipments: tuple[_FulfilmentNode, ...]) -> FulfilmentState:
        state = self.state()
        all_shipped = state is FulfilmentState.SHIPPED and bool(shipments)
        if all_shipped and all(each.delivered for each in shipments):
            return FulfilmentState.DELIVERED
        return state


class OrderAnswer(WireModel):
    """Answer of `Order`."""

    order: OrderNode | None


class _Orders(WireModel):
    nodes: tuple[OrderNode, ...]


class OrdersAnswer(WireModel):
    """Answer of `OrdersByName`."""

    orders: _Orders


class _RefundPayload(WireModel):
    refund: _Id | None
    user_errors: tuple[UserError, ...]


class RefundAnswer(WireModel):
    """Answer of `RefundCreate`."""

    refund_create: _RefundPayload


class _Job(WireModel):
    id: str
    done: bool


class JobAnswer(WireModel):
    """Answer of `Job`."""

    job: _Job | None


class _CancelPayload(WireModel):
    job: _Job | None
    order_cancel_user_errors: tuple[UserError, ...]


class CancelAnswer(WireModel):
    """Answer of `OrderCancel`."""

    order_cancel: _CancelPayload


class _UpdatePayload(WireModel):
    order: _Id | None
    user_errors: tuple[UserError, ...]


class UpdateAnswer(WireModel):
    """Answer of `OrderUpdate`."""

    order_update: _UpdatePayload


def _gone_back(said: Money, transactions: tuple[SettlementNode, ...]) -> Money:
    """The larger of Shopify's total and the sum of refunds that succeeded or are under way."""
    counted = Money.zero(said.currency)
    for each in transactions:
        if each.kind == "REFUND" and (each.succeeded or each.pending):
            counted = counted + each.amount_set.money()
    return max(said, counted)


def _at_least_nothing(money: Money) -> Money:
    return money if money.amount > 0 else Money.zero(money.currency)
