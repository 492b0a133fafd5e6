"""Connecting a seller: does the token work, and do location and policies belong to the marketplace?

eBay's selling APIs do not name the seller a token belongs to. What can be told is whether the seller's
own policy, which only they can read, is one of the channel's marketplace. Nothing is registered.
"""

from typing import TYPE_CHECKING

from functions.adapters.ebay.client import EbayClient
from functions.adapters.ebay.models import Location, Policy
from functions.adapters.ebay.operations import GET_LOCATION, GET_POLICY
from nightshift.errors import Misconfigured, Rejected
from nightshift.tools.skew import skew_seconds
from nightshift.tools.unhooked import Unhooked

if TYPE_CHECKING:
    from nightshift.tools.onboard import Account

__all__ = ["ONBOARD", "EbayOnboard"]

_SECONDS = 20.0
_ENABLED = "ENABLED"


class EbayOnboard(Unhooked):
    """eBay's part of onboarding; see `nightshift.tools.onboard.Onboard`.

    That module is imported where it is used: a tool's cold start does not need its models.
    """

    def check(self, client: EbayClient) -> "Account":
        """The marketplace of the seller's policy, and the name of their location."""
        from nightshift.tools.onboard import Account  # noqa: PLC0415  # see the class

        time_left, terms = client.within(_SECONDS), client.terms
        try:
            policy = client.send(GET_POLICY, Policy, time_left, ref=terms.fulfillment_policy)
            location = client.send(GET_LOCATION, Location, time_left, ref=terms.location)
        except Rejected as exc:
            message = "eBay does not know the fulfilment policy or the location in the channel's secret"
            raise Misconfigured(message, code="vendor.set_up") from exc
        disabled = location.merchant_location_status != _ENABLED
        remarks = ("The location is not enabled: eBay publishes nothing that ships from it.",)
        return Account(
            account=policy.marketplace_id,
            name=location.name or location.merchant_location_key,
            skew_seconds=skew_seconds(client.heard.date),
            remarks=remarks if disabled else (),
        )


ONBOARD = EbayOnboard()
