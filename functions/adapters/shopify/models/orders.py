"""The order graph and customers as Shopify gives them, and how they read in our words."""

from datetime import datetime

from pydantic import Field

from functions.adapters.shopify.models.state import ProgressNode, RefundNode, SettlementNode, gone_back
from functions.adapters.shopify.models.wire import Bag, Page, Ref, UserError, WireModel
from nightshift.model.order import (
    Address,
    Customer,
    Fulfilment,
    FulfilmentState,
    Order,
    OrderLine,
    Refund,
    RiskLevel,
)

__all__ = [
    "CustomerAnswer",
    "LineNode",
    "LinesAnswer",
    "OrderAnswer",
    "OrderNode",
    "OrdersAnswer",
    "UpdateAnswer",
]


_RISKS = (RiskLevel.NONE, RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH)


_RECOMMENDED = {"CANCEL": RiskLevel.HIGH, "INVESTIGATE": RiskLevel.MEDIUM}


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
    discounted_unit_price_after_all_discounts_set: Bag

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
    page_info: Page


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
    total_price_set: Bag
    total_received_set: Bag
    total_refunded_set: Bag
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
            refunded=gone_back(self.total_refunded_set.money(), self.transactions),
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


class _UpdatePayload(WireModel):
    order: Ref | None
    user_errors: tuple[UserError, ...]


class UpdateAnswer(WireModel):
    """Answer of `OrderUpdate`."""

    order_update: _UpdatePayload
