"""The tools that eBay serves, bound to their contracts."""

from functions.adapters.ebay.client import connect, grant
from functions.adapters.ebay.listings import (
    CREATE_SECONDS,
    END_SECONDS,
    READ_SECONDS,
    create_listing,
    end_listing,
    get_listing,
    probe_end,
    probe_listing,
)
from functions.adapters.ebay.offers import (
    SET_SECONDS,
    probe_price,
    probe_quantity,
    set_price,
    set_quantity,
)
from functions.adapters.ebay.onboard import ONBOARD
from nightshift.tools.binding import Adapter, Binding
from nightshift.tools.breaker import Breaker
from nightshift.tools.budget import Budget
from nightshift.tools.contracts.inventory import SET_QUANTITY
from nightshift.tools.contracts.listings import CREATE, END, GET
from nightshift.tools.contracts.pricing import SET_PRICE

__all__ = ["ADAPTER"]

# A binding's timeout is above the budget its function keeps to, so that the client always ends first.
_SLACK = 1.0

ADAPTER = Adapter(
    name="ebay",
    connect=connect,
    onboard=ONBOARD,
    grant=grant,
    refresh_lasts=True,
    budget=Budget(unit="requests", per_second=10.0, burst=50.0),
    breaker=Breaker(failures=5, share=0.5, within_seconds=60.0, open_seconds=30.0),
    bindings=(
        Binding(contract=GET, call=get_listing, timeout=READ_SECONDS + _SLACK, cost=2.0),
        Binding(
            contract=CREATE,
            call=create_listing,
            probe=probe_listing,
            settle_after=60.0,
            timeout=CREATE_SECONDS + _SLACK,
            ask_timeout=READ_SECONDS + _SLACK,
            cost=5.0,
        ),
        Binding(
            contract=END,
            call=end_listing,
            probe=probe_end,
            settle_after=60.0,
            timeout=END_SECONDS + _SLACK,
            ask_timeout=READ_SECONDS + _SLACK,
            cost=2.0,
        ),
        Binding(
            contract=SET_PRICE,
            call=set_price,
            probe=probe_price,
            settle_after=30.0,
            timeout=SET_SECONDS + _SLACK,
            ask_timeout=READ_SECONDS + _SLACK,
            cost=2.0,
        ),
        Binding(
            contract=SET_QUANTITY,
            call=set_quantity,
            probe=probe_quantity,
            settle_after=30.0,
            timeout=SET_SECONDS + _SLACK,
            ask_timeout=READ_SECONDS + _SLACK,
            cost=3.0,
        ),
    ),
)
