"""Connecting a price feed: is it there, signed with what we share, and whose is it?"""

from typing import TYPE_CHECKING

from functions.adapters.competitor.client import FeedClient
from nightshift.tools.skew import skew_seconds
from nightshift.tools.unhooked import Unhooked

if TYPE_CHECKING:
    from nightshift.tools.onboard import Account

__all__ = ["ONBOARD", "FeedOnboard"]


class FeedOnboard(Unhooked):
    """The feed's part of onboarding; see `nightshift.tools.onboard.Onboard`.

    That module is imported where it is used: a tool's cold start does not need its models.
    """

    def check(self, client: FeedClient) -> "Account":
        """The account the feed names, which its signature covers."""
        from nightshift.tools.onboard import Account  # noqa: PLC0415  # see the class

        feed = client.feed()
        made = f"The feed was made at {feed.as_of.isoformat()}."
        return Account(account=client.account, skew_seconds=skew_seconds(client.heard.date), remarks=(made,))


ONBOARD = FeedOnboard()
