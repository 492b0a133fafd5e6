"""The tools that Stripe serves, bound to their contracts."""

from functions.adapters.stripe import credits as notes
from functions.adapters.stripe.client import connect
from functions.adapters.stripe.onboarding import ONBOARD
from functions.adapters.stripe.payments import (
    READ_SECONDS,
    REFUND_SECONDS,
    get_dispute,
    get_payment,
    probe_refund,
    quote_refund,
    refund,
    room,
)
from nightshift.model.lane import Breaker, Budget
from nightshift.tools.binding import Adapter, Binding
from nightshift.tools.contracts.payments import QUOTE_REFUND, REFUND
from nightshift.tools.contracts.processor import CREDIT_NOTE, GET_DISPUTE, GET_PAYMENT, QUOTE_CREDIT

__all__ = ["ADAPTER"]

# A binding's timeout is above the budget its function keeps to, so that the client always ends first.
_SLACK = 1.0

ADAPTER = Adapter(
    name="stripe",
    connect=connect,
    onboard=ONBOARD,
    budget=Budget(unit="requests", per_second=25.0, burst=25.0),
    breaker=Breaker(failures=5, share=0.5, within_seconds=60.0, open_seconds=30.0),
    bindings=(
        Binding(contract=GET_PAYMENT, call=get_payment, cost=3.0, timeout=READ_SECONDS + _SLACK),
        Binding(contract=GET_DISPUTE, call=get_dispute, timeout=READ_SECONDS + _SLACK),
        Binding(contract=QUOTE_REFUND, call=quote_refund, cost=3.0, timeout=READ_SECONDS + _SLACK),
        Binding(contract=QUOTE_CREDIT, call=notes.quote_credit, cost=6.0, timeout=READ_SECONDS + _SLACK),
        Binding(
            contract=REFUND,
            call=refund,
            probe=probe_refund,
            takes_key=True,
            settle_after=30.0,
            room=room,
            cost=8.0,
            timeout=REFUND_SECONDS + _SLACK,
        ),
        Binding(
            contract=CREDIT_NOTE,
            call=notes.credit,
            probe=notes.probe_credit,
            takes_key=True,
            settle_after=30.0,
            room=notes.room,
            cost=13.0,
            timeout=REFUND_SECONDS + _SLACK,
        ),
    ),
)
