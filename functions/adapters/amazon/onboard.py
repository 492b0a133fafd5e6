"""Connecting a seller on one marketplace. Nothing is registered: notifications are not taken in."""

from typing import TYPE_CHECKING

from functions.adapters.amazon.client import AmazonClient
from functions.adapters.amazon.models import Items, Participations
from functions.adapters.amazon.operations import PARTICIPATIONS, SEARCH
from nightshift.errors import Misconfigured
from nightshift.tools.skew import skew_seconds
from nightshift.tools.unhooked import Unhooked

if TYPE_CHECKING:
    from nightshift.tools.onboard import Account

__all__ = ["ONBOARD", "AmazonOnboard"]

_SECONDS = 20.0


class AmazonOnboard(Unhooked):
    """Amazon's part of onboarding; see `nightshift.tools.onboard.Onboard`.

    That module is imported where it is used: a tool's cold start does not need its models.
    """

    def check(self, client: AmazonClient) -> "Account":
        """The seller, if these credentials may list in the marketplace in its name.

        No answer names the seller; that its listings are shown proves whose token it is.
        """
        from nightshift.tools.onboard import Account  # noqa: PLC0415  # see the class

        time_left, seller = client.within(_SECONDS), client.seller
        taken = client.send(PARTICIPATIONS, Participations, time_left).payload
        here = next((each for each in taken if each.marketplace.id == seller.marketplace), None)
        if here is None or not here.participation.is_participating:
            message = f"the seller does not sell in the marketplace {seller.marketplace}"
            raise Misconfigured(message, code="vendor.set_up")
        client.send(SEARCH, Items, time_left)
        suspended = here.participation.has_suspended_listings
        return Account(
            account=f"{seller.id}:{seller.marketplace}",
            name=here.store_name,
            skew_seconds=skew_seconds(client.heard.date),
            remarks=("The seller's listings are set inactive: set them active at Amazon.",)
            if suspended
            else (),
        )


ONBOARD = AmazonOnboard()
