"""The money and the progress of an order: what a write looks at before and after."""

from datetime import datetime

from functions.adapters.shopify.models.wire import Bag, Ref, UserError, WireModel
from nightshift.model.order import FulfilmentState, Transaction, TransactionKind
from nightshift.money import Money

__all__ = [
    "CancelAnswer",
    "JobAnswer",
    "MoneyStateAnswer",
    "MoneyStateNode",
    "ProgressNode",
    "QuoteAnswer",
    "QuoteNode",
    "RefundAnswer",
    "RefundNode",
    "RefundStateAnswer",
    "RefundStateNode",
    "SettlementNode",
    "gone_back",
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


class SettlementNode(WireModel):
    """One movement of money, and whether it has happened."""

    id: str
    kind: str = "REFUND"
    status: str
    gateway: str | None = None
    amount_set: Bag
    parent_transaction: Ref | None = None

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
    total_refunded_set: Bag
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

    total_received_set: Bag
    total_refunded_set: Bag
    transactions: tuple[SettlementNode, ...]
    refunds: tuple[RefundNode, ...]

    def captured(self) -> Money:
        """Everything received from the customer, in presentment currency."""
        return self.total_received_set.money()

    def refunded(self) -> Money:
        """Everything that has gone back or is on its way: pending refunds count."""
        return gone_back(self.total_refunded_set.money(), self.transactions)

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
    line_item: Ref
    quantity: int = 0
    location: Ref | None = None


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
    amount_set: Bag
    maximum_refundable_set: Bag | None = None
    parent_transaction: Ref | None = None


class _Suggestion(WireModel):
    amount_set: Bag
    maximum_refundable_set: Bag
    refund_line_items: tuple[_SuggestedLine, ...]
    suggested_transactions: tuple[_SuggestedTransaction, ...]


class QuoteNode(MoneyStateNode):
    """The money state with Shopify's own suggestion."""

    suggested_refund: _Suggestion | None


class QuoteAnswer(WireModel):
    """Answer of `QuoteRefund`."""

    order: QuoteNode | None


class _RefundPayload(WireModel):
    refund: Ref | None
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


def gone_back(said: Money, transactions: tuple[SettlementNode, ...]) -> Money:
    """The larger of Shopify's total and the sum of refunds that succeeded or are under way."""
    counted = Money.zero(said.currency)
    for each in transactions:
        if each.kind == "REFUND" and (each.succeeded or each.pending):
            counted = counted + each.amount_set.money()
    return max(said, counted)


def _at_least_nothing(money: Money) -> Money:
    return money if money.amount > 0 else Money.zero(money.currency)
