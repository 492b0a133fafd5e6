"""The tool that a price feed serves, bound to its contract."""

from functions.adapters.competitor.client import REQUEST_SECONDS, connect
from functions.adapters.competitor.onboard import ONBOARD
from functions.adapters.competitor.prices import get_prices
from nightshift.tools.binding import Adapter, Binding
from nightshift.tools.breaker import Breaker
from nightshift.tools.budget import Budget
from nightshift.tools.contracts.competitors import GET_PRICES

__all__ = ["ADAPTER"]

# A binding's timeout is above the time its client keeps to, so that the client always ends first.
_SLACK = 2.0

ADAPTER = Adapter(
    name="competitor",
    connect=connect,
    onboard=ONBOARD,
    budget=Budget(unit="requests", per_second=2.0, burst=20.0),
    breaker=Breaker(failures=5, share=0.5, within_seconds=60.0, open_seconds=30.0),
    bindings=(Binding(contract=GET_PRICES, call=get_prices, timeout=REQUEST_SECONDS + _SLACK),),
)
