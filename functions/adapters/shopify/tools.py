"""The tools that Shopify serves, bound to their contracts."""

from functions.adapters.shopify.client import connect
from functions.adapters.shopify.orders import (
    CANCEL_SECONDS,
    READ_SECONDS,
    WRITE_SECONDS,
    cancel,
    get_customer,
    get_order,
    probe_address,
    probe_cancel,
    set_address,
)
from functions.adapters.shopify.payments import REFUND_SECONDS, probe_refund, quote_refund, refund, room
from nightshift.tools.binding import Adapter, Binding
from nightshift.tools.contracts.orders import CANCEL, GET, GET_CUSTOMER, SET_ADDRESS
from nightshift.tools.contracts.payments import QUOTE_REFUND, REFUND

__all__ = ["ADAPTER"]

# A binding's timeout is above the budget its function keeps to, so that the client always ends first.
_SLACK = 1.0

ADAPTER = Adapter(
    name="shopify",
    connect=connect,
    bindings=(
        Binding(contract=GET, call=get_order, timeout=READ_SECONDS + _SLACK),
        Binding(contract=GET_CUSTOMER, call=get_customer, timeout=READ_SECONDS + _SLACK),
        Binding(contract=QUOTE_REFUND, call=quote_refund, timeout=READ_SECONDS + _SLACK),
        Binding(
            contract=REFUND,
            call=refund,
            probe=probe_refund,
            takes_key=True,
            settle_after=30.0,
            room=room,
            timeout=REFUND_SECONDS + _SLACK,
        ),
        Binding(
            contract=CANCEL,
            call=cancel,
            probe=probe_cancel,
            settle_after=60.0,
            room=room,
            timeout=CANCEL_SECONDS + _SLACK,
        ),
        Binding(
            contract=SET_ADDRESS,
            call=set_address,
            probe=probe_address,
            settle_after=30.0,
            undo="orders.set_address",
            timeout=WRITE_SECONDS + _SLACK,
        ),
    ),
)
