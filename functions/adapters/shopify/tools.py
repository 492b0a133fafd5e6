"""The tools that Shopify serves, bound to their contracts."""

from functions.adapters.shopify.catalog import (
    CATALOG_SECONDS,
    SET_SECONDS,
    get_product,
    probe_price,
    probe_quantity,
    set_price,
    set_quantity,
)
from functions.adapters.shopify.client import connect, grant
from functions.adapters.shopify.onboard import ONBOARD
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
from functions.adapters.shopify.payments import (
    QUOTE_SECONDS,
    REFUND_SECONDS,
    probe_refund,
    quote_refund,
    refund,
    room,
)
from nightshift.tools.binding import Adapter, Binding
from nightshift.tools.breaker import Breaker
from nightshift.tools.budget import Budget
from nightshift.tools.contracts.catalog import GET_PRODUCT
from nightshift.tools.contracts.inventory import SET_QUANTITY
from nightshift.tools.contracts.orders import CANCEL, GET, GET_CUSTOMER, SET_ADDRESS
from nightshift.tools.contracts.payments import QUOTE_REFUND, REFUND
from nightshift.tools.contracts.pricing import SET_PRICE

__all__ = ["ADAPTER"]

# A binding's timeout is above the budget its function keeps to, so that the client always ends first.
_SLACK = 1.0

ADAPTER = Adapter(
    name="shopify",
    connect=connect,
    onboard=ONBOARD,
    grant=grant,
    budget=Budget(unit="points", per_second=100.0, burst=2000.0),
    breaker=Breaker(failures=5, share=0.5, within_seconds=60.0, open_seconds=30.0),
    bindings=(
        Binding(contract=GET, call=get_order, timeout=READ_SECONDS + _SLACK, cost=20.0),
        Binding(contract=GET_CUSTOMER, call=get_customer, timeout=READ_SECONDS + _SLACK, cost=5.0),
        Binding(contract=QUOTE_REFUND, call=quote_refund, timeout=READ_SECONDS + _SLACK, cost=15.0),
        Binding(
            contract=REFUND,
            call=refund,
            probe=probe_refund,
            takes_key=True,
            settle_after=30.0,
            room=room,
            timeout=REFUND_SECONDS + _SLACK,
            ask_timeout=QUOTE_SECONDS + _SLACK,
            cost=40.0,
        ),
        Binding(
            contract=CANCEL,
            call=cancel,
            probe=probe_cancel,
            settle_after=60.0,
            room=room,
            timeout=CANCEL_SECONDS + _SLACK,
            ask_timeout=QUOTE_SECONDS + _SLACK,
            cost=40.0,
        ),
        Binding(
            contract=SET_ADDRESS,
            call=set_address,
            probe=probe_address,
            settle_after=30.0,
            timeout=WRITE_SECONDS + _SLACK,
            ask_timeout=QUOTE_SECONDS + _SLACK,
            cost=20.0,
        ),
        Binding(contract=GET_PRODUCT, call=get_product, timeout=CATALOG_SECONDS + _SLACK, cost=25.0),
        Binding(
            contract=SET_PRICE,
            call=set_price,
            probe=probe_price,
            settle_after=30.0,
            timeout=SET_SECONDS + _SLACK,
            ask_timeout=CATALOG_SECONDS + _SLACK,
            cost=30.0,
        ),
        Binding(
            contract=SET_QUANTITY,
            call=set_quantity,
            probe=probe_quantity,
            settle_after=30.0,
            timeout=SET_SECONDS + _SLACK,
            ask_timeout=CATALOG_SECONDS + _SLACK,
            cost=30.0,
        ),
    ),
)
