"""Orders and customers: reading them, cancelling one, changing where it goes."""

import re

from pydantic import JsonValue

from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.models.orders import (
    CustomerAnswer,
    LineNode,
    LinesAnswer,
    OrderAnswer,
    OrderNode,
    OrdersAnswer,
    UpdateAnswer,
)
from functions.adapters.shopify.models.state import CancelAnswer, JobAnswer, MoneyStateNode
from functions.adapters.shopify.queries import (
    CUSTOMER,
    JOB,
    LINES,
    ORDER,
    ORDER_CANCEL,
    ORDER_UPDATE,
    ORDERS_BY_NAME,
)
from functions.adapters.shopify.state import (
    is_order_gid,
    mark,
    money_state,
    not_found,
    refuse_changed,
    refuse_edited,
    refuse_moved,
    reread_money,
    unless_refused,
)
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled
from nightshift.ids import IdempotencyKey
from nightshift.model.order import Address, Order
from nightshift.outbound import TimeLeft
from nightshift.tools.binding import Call, Done, Found
from nightshift.tools.contracts.orders import (
    AddressSet,
    CancelOrder,
    CancelReason,
    GetCustomer,
    GetOrder,
    OrderCancelled,
    SetAddress,
)

__all__ = [
    "CANCEL_SECONDS",
    "READ_SECONDS",
    "WRITE_SECONDS",
    "cancel",
    "get_customer",
    "get_order",
    "probe_address",
    "probe_cancel",
    "set_address",
]

READ_SECONDS = 6.0
WRITE_SECONDS = 14.0
CANCEL_SECONDS = 18.0
_LOOK_SECONDS = 0.5
_REREAD_SECONDS = 4.0
_ORDER_NAME = re.compile(r"[\w#./ -]{1,60}")
_CUSTOMER_GID = re.compile(r"gid://shopify/Customer/[0-9]+")
_REASONS = {
    CancelReason.CUSTOMER: "CUSTOMER",
    CancelReason.FRAUD: "FRAUD",
    CancelReason.INVENTORY: "INVENTORY",
    CancelReason.OTHER: "OTHER",
}


def get_order(call: Call[ShopifyClient]) -> Done:
    """The order with all its lines, by Shopify's id or by its exact name."""
    args: GetOrder = call.args
    time_left = call.client.within(READ_SECONDS)
    return Done(output=_order(call.client, args.order, time_left))


def get_customer(call: Call[ShopifyClient]) -> Done:
    """One customer."""
    args: GetCustomer = call.args
    found = None
    if _CUSTOMER_GID.fullmatch(args.customer):
        variables: dict[str, JsonValue] = {"id": args.customer}
        time_left = call.client.within(READ_SECONDS)
        found = call.client.send(CUSTOMER, variables, CustomerAnswer, time_left).customer
    if found is None:
        message = "Shopify has no such customer"
        raise Rejected(message, code="customer.not_found")
    return Done(output=found.noun())


def cancel(call: Call[ShopifyClient]) -> Done:
    """Cancel and give back; done when Shopify's job is finished and the order re-read is cancelled."""
    args: CancelOrder = call.args
    time_left = call.client.within(CANCEL_SECONDS)
    state = money_state(call.client, args.order, time_left)
    if state.cancelled_at is not None:
        if _cancelled_by(state, call.key):
            return _cancelled(state)
        message = f"order {state.name} is cancelled already"
        raise Rejected(message, code="order.cancelled")
    _refuse_cancel(state, args)
    variables: dict[str, JsonValue] = {
        "orderId": args.order,
        "reason": _REASONS[args.reason],
        "restock": args.restock,
        "notify": args.notify,
        "note": mark(call.key),
        "refundMethod": {"originalPaymentMethodsRefund": True},
    }
    answer = call.client.send(ORDER_CANCEL, variables, CancelAnswer, time_left).order_cancel
    unless_refused(answer.order_cancel_user_errors, what="to cancel")
    if answer.job is None:
        message = "Shopify took the cancellation and named no job"
        raise OutcomeUnknown(message, code="vendor.shape")
    _finish(call.client, answer.job.id, answer.job.done, time_left)
    return _cancelled(reread_money(call.client, args.order, time_left))


def probe_cancel(call: Call[ShopifyClient]) -> Done | Found:
    """Whether the order is cancelled, and by us: the staff note carries the key."""
    args: CancelOrder = call.args
    state = money_state(call.client, args.order, call.client.within(READ_SECONDS))
    if state.cancelled_at is None:
        return Found.ABSENT
    if not _cancelled_by(state, call.key):
        return Found.UNSURE
    try:
        return _cancelled(state)
    except OutcomeUnknown:
        return Found.UNSURE


def set_address(call: Call[ShopifyClient]) -> Done:
    """Set the shipping address while nothing of the order is accepted by fulfilment; then re-read."""
    args: SetAddress = call.args
    time_left = call.client.within(WRITE_SECONDS)
    if not is_order_gid(args.order):
        raise not_found()
    before = _order_node(call.client, args.order, time_left)
    was = before.shipping_address.noun() if before.shipping_address else None
    if was is not None and _same(was, args.address):
        return Done(output=AddressSet(order=before.id, address=was, before=was), vendor_ref=before.id)
    if before.cancelled_at is not None:
        message = f"order {before.name} is cancelled"
        raise Rejected(message, code="order.cancelled")
    refuse_moved(before)
    refuse_edited(before)
    if args.expected is not None and (was is None or not _same(was, args.expected)):
        message = "the order goes to another address than was seen"
        raise Rejected(message, code="state.changed")
    variables: dict[str, JsonValue] = {"input": {"id": args.order, "shippingAddress": _wire(args.address)}}
    answer = call.client.send(ORDER_UPDATE, variables, UpdateAnswer, time_left).order_update
    if answer.user_errors:
        message = "Shopify does not accept the address"
        raise Rejected(message, code="address.invalid")
    return Done(
        output=AddressSet(order=before.id, address=_confirmed(call.client, args, time_left), before=was),
        vendor_ref=before.id,
    )


def probe_address(call: Call[ShopifyClient]) -> Done | Found:
    """Whether the order carries this address; what stood there before is not known any more."""
    args: SetAddress = call.args
    node = _order_node(call.client, args.order, call.client.within(READ_SECONDS))
    now = node.shipping_address.noun() if node.shipping_address else None
    if now is None or not _same(now, args.address):
        return Found.ABSENT
    return Done(output=AddressSet(order=node.id, address=now, before=None), vendor_ref=node.id)


def _order(client: ShopifyClient, order: str, time_left: TimeLeft) -> Order:
    node = (
        _order_node(client, order, time_left) if is_order_gid(order) else _by_name(client, order, time_left)
    )
    return node.noun(_lines(client, node, time_left))


def _order_node(client: ShopifyClient, order: str, time_left: TimeLeft) -> OrderNode:
    variables: dict[str, JsonValue] = {"id": order}
    found = client.send(ORDER, variables, OrderAnswer, time_left).order if is_order_gid(order) else None
    if found is None:
        raise not_found()
    return found


def _by_name(client: ShopifyClient, name: str, time_left: TimeLeft) -> OrderNode:
    """The one order with exactly this name: Shopify's search also gives near ones."""
    if not _ORDER_NAME.fullmatch(name):
        raise not_found()
    variables: dict[str, JsonValue] = {"query": f'name:"{name}"'}
    nodes = client.send(ORDERS_BY_NAME, variables, OrdersAnswer, time_left).orders.nodes
    exact = [each for each in nodes if each.name == name]
    if len(exact) != 1:
        raise not_found()
    return exact[0]


def _lines(client: ShopifyClient, node: OrderNode, time_left: TimeLeft) -> tuple[LineNode, ...]:
    lines, page = list(node.line_items.nodes), node.line_items.page_info
    while page.has_next_page and page.end_cursor:
        variables: dict[str, JsonValue] = {"id": node.id, "after": page.end_cursor}
        more = client.send(LINES, variables, LinesAnswer, time_left).order
        if more is None:
            raise not_found()
        lines.extend(more.line_items.nodes)
        page = more.line_items.page_info
    return tuple(lines)


def _refuse_cancel(state: MoneyStateNode, args: CancelOrder) -> None:
    refuse_changed(state, expected_refunded=args.expected_refunded)
    refuse_moved(state)
    refuse_edited(state)
    if state.left() != args.amount:
        message = f"cancelling order {state.name} would give back {state.left()}, not {args.amount}"
        raise Rejected(message, code="state.changed")


def _finish(client: ShopifyClient, job: str, done: bool, time_left: TimeLeft) -> None:  # noqa: FBT001  # the job's own word
    """Look at the job until it is done, as long as there is time to re-read the order after it."""
    variables: dict[str, JsonValue] = {"id": job}
    while not done:
        if time_left.left() < _REREAD_SECONDS:
            message = "Shopify is still cancelling"
            raise OutcomeUnknown(message, code="cancel.running", retry_after=30)
        client.pause(_LOOK_SECONDS)
        try:
            found = client.send(JOB, variables, JobAnswer, time_left).job
        except (Retryable, Throttled, Rejected, Misconfigured) as exc:
            message = "Shopify took the cancellation and could not be asked how it went"
            raise OutcomeUnknown(message, code="vendor.unconfirmed") from exc
        done = found is None or found.done  # a finished job may be gone; the order says how it ended


def _cancelled(state: MoneyStateNode) -> Done:
    """The cancellation as done, if the order says so and the money has gone back.

    Raises:
        OutcomeUnknown: `cancel.unseen`, `refund.pending` or `cancel.not_refunded`.
    """
    if state.cancelled_at is None:
        message = "the job is finished, and the order is not cancelled"
        raise OutcomeUnknown(message, code="cancel.unseen", retry_after=30)
    if any(each.pending for each in state.transactions if each.kind == "REFUND"):
        message = "the order is cancelled and its refund still pending"
        raise OutcomeUnknown(message, code="refund.pending", retry_after=60)
    if state.left().amount != 0:
        message = f"the order is cancelled, and {state.left()} have not gone back"
        raise OutcomeUnknown(message, code="cancel.not_refunded")
    output = OrderCancelled(order=state.id, cancelled_at=state.cancelled_at, refunded=state.refunded())
    return Done(output=output, vendor_ref=state.id)


def _cancelled_by(state: MoneyStateNode, key: IdempotencyKey) -> bool:
    note = state.cancellation.staff_note if state.cancellation else None
    return mark(key) in (note or "")


def _wire(address: Address) -> dict[str, JsonValue]:
    first, _, last = address.name.rpartition(" ")
    region_is_a_code = re.fullmatch(r"[A-Z0-9]{1,3}", address.region) is not None
    return {
        "firstName": first,
        "lastName": last,
        "address1": address.line1,
        "address2": address.line2,
        "city": address.city,
        "provinceCode" if region_is_a_code else "province": address.region or None,
        "zip": address.postcode,
        "countryCode": address.country,
    }


def _confirmed(client: ShopifyClient, args: SetAddress, time_left: TimeLeft) -> Address:
    try:
        node = _order_node(client, args.order, time_left)
    except (Retryable, Throttled, Rejected, Misconfigured) as exc:
        message = "Shopify accepted the address and could not be re-read"
        raise OutcomeUnknown(message, code="vendor.unconfirmed") from exc
    now = node.shipping_address.noun() if node.shipping_address else None
    if now is None or not _same(now, args.address):
        message = "Shopify accepted the address and shows another one"
        raise OutcomeUnknown(message, code="vendor.unconfirmed")
    return now


def _same(one: Address, other: Address) -> bool:
    """The same place: Shopify tidies case, blanks and the form of a region."""

    def place(address: Address) -> tuple[str, ...]:
        said = (address.name, address.line1, address.line2, address.city)
        tidy = tuple(" ".join(part.split()).casefold() for part in said)
        return (*tidy, address.postcode.replace(" ", "").casefold(), address.country)

    return place(one) == place(other)
