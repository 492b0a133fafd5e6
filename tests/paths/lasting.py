"""Refunds and replies in doubt: the vendor's answer never came, and the next try waits out the lease.

That takes 45 s of the real clock, unscaled and unpatched. So they all begin when the installation
starts, one after the other, and `test_vendor_faults.py` looks at them at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from demo.tenant import SHOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.shopify_books import OrderRecord
    from tests.support.installation import Installation

__all__ = ["DOUBTS", "Doubt", "Lasting"]


@dataclass(frozen=True)
class Doubt:
    """One way of not knowing.

    Attributes:
        fault: what the vendor does, once.
        operation: on which call: `refundCreate` of the shop, `reply` of the contact form.
        kill: whether the worker is killed instead of waiting for an answer.
    """

    name: str
    fault: str
    operation: str = "refundCreate"
    seconds: float = 30
    kill: bool = False


DOUBTS: Final = (
    # the killed ones first: a kill takes whatever the function is doing
    Doubt("killed while the vendor thinks, which books it afterwards", "slow", seconds=2, kill=True),
    Doubt("killed after the vendor has booked it", "hang_after", seconds=5, kill=True),
    Doubt("timed out before the vendor booked it", "hang_before"),
    Doubt("timed out after the vendor booked it", "hang_after"),
    Doubt("dropped before the vendor booked it", "drop_before"),
    Doubt("dropped after the vendor booked it", "drop_after"),
    Doubt("answered with 500", "500"),
    Doubt("answered with HTML", "html"),
    Doubt("answered in another shape", "shape"),
    Doubt("a reply dropped before it was sent", "drop_before", "reply"),
    Doubt("a reply dropped after it was sent", "drop_after", "reply"),
)

_STRANGE: Final = frozenset({"html", "shape"})  # answers nobody expects stop a channel's writes


class Lasting:
    """The orders, by the name of the doubt they are in."""

    def __init__(self, installed: Installation) -> None:
        self._installed = installed
        self.orders: dict[str, OrderRecord] = {doubt.name: self._begin(doubt) for doubt in DOUBTS}

    def _begin(self, doubt: Doubt) -> OrderRecord:
        shop = self._installed.shop
        vendor = shop.store if doubt.operation == "reply" else shop.vendor
        asked: Callable[[], int] = lambda: self._asked(doubt.operation)  # noqa: E731  # read twice
        before = asked()
        vendor.fail(doubt.fault, doubt.operation, seconds=doubt.seconds)
        order = self._installed.order()
        shop.message(order, "It never arrived, I want my money back.")
        shop.wait_for(lambda: asked() > before or None, f"the vendor to be asked: {doubt.name}", seen=str)
        if doubt.kill:
            self._killed(doubt, order)
        if doubt.fault in _STRANGE:
            stopped = lambda: self._installed.stopped(SHOP) or None  # noqa: E731  # read many times
            shop.wait_for(stopped, f"writes to stop: {doubt.name}", seen=str)
        self._installed.free_lanes()  # as a person releases a channel; the next doubt must be asked too
        return order

    def _asked(self, operation: str) -> int:
        shop = self._installed.shop
        return shop.store.requests[operation] + shop.vendor.books.requests[operation]

    def _killed(self, doubt: Doubt, order: OrderRecord) -> None:
        shop = self._installed.shop
        if doubt.fault == "hang_after":
            shop.wait_for(lambda: self._installed.refunds(order) or None, "the booking", seen=str)
        assert shop.stack.kill_lambda(self._installed.function("adapter-shopify")) >= 1
