"""The tools that Amazon serves, bound to their contracts."""

from functions.adapters.amazon.client import connect, grant
from functions.adapters.amazon.listings import (
    create,
    end,
    get,
    probe_create,
    probe_end,
    probe_update,
    update,
)
from functions.adapters.amazon.offers import probe_price, probe_quantity, set_price, set_quantity
from functions.adapters.amazon.onboard import ONBOARD
from functions.adapters.amazon.state import ASK_SECONDS, READ_SECONDS, WRITE_SECONDS
from nightshift.model.lane import Breaker, Budget
from nightshift.tools.binding import Adapter, Binding
from nightshift.tools.contracts.inventory import SET_QUANTITY
from nightshift.tools.contracts.listings import CREATE, END, GET, UPDATE
from nightshift.tools.contracts.pricing import SET_PRICE

__all__ = ["ADAPTER"]

# A binding's timeout is above the budget its function keeps to, so that the client always ends first.
_SLACK = 1.0
# What was accepted shows within minutes; until then its absence proves nothing. The run saga asks for ten.
_SETTLE = 300.0

ADAPTER = Adapter(
    name="amazon",
    connect=connect,
    onboard=ONBOARD,
    grant=grant,
    refresh_lasts=True,
    budget=Budget(unit="requests", per_second=5.0, burst=5.0),
    breaker=Breaker(failures=5, share=0.5, within_seconds=60.0, open_seconds=30.0),
    bindings=(
        Binding(contract=GET, call=get, timeout=READ_SECONDS + _SLACK),
        Binding(
            contract=CREATE,
            call=create,
            probe=probe_create,
            settle_after=_SETTLE,
            cost=3.0,
            timeout=WRITE_SECONDS + _SLACK,
            ask_timeout=ASK_SECONDS + _SLACK,
        ),
        Binding(
            contract=UPDATE,
            call=update,
            probe=probe_update,
            settle_after=_SETTLE,
            cost=3.0,
            timeout=WRITE_SECONDS + _SLACK,
            ask_timeout=ASK_SECONDS + _SLACK,
        ),
        Binding(
            contract=END,
            call=end,
            probe=probe_end,
            settle_after=_SETTLE,
            cost=3.0,
            timeout=WRITE_SECONDS + _SLACK,
            ask_timeout=ASK_SECONDS + _SLACK,
        ),
        Binding(
            contract=SET_PRICE,
            call=set_price,
            probe=probe_price,
            settle_after=_SETTLE,
            cost=3.0,
            timeout=WRITE_SECONDS + _SLACK,
            ask_timeout=ASK_SECONDS + _SLACK,
        ),
        Binding(
            contract=SET_QUANTITY,
            call=set_quantity,
            probe=probe_quantity,
            settle_after=_SETTLE,
            cost=3.0,
            timeout=WRITE_SECONDS + _SLACK,
            ask_timeout=ASK_SECONDS + _SLACK,
        ),
    ),
)
