"""Connecting a mailbox: may we send from it?

Nothing is registered at a vendor: mail comes in by a receipt rule that the deployment makes and an operator
activates (functions/mail/README.md).
"""

from typing import TYPE_CHECKING

from functions.adapters.ses.client import SesClient
from nightshift.errors import Misconfigured
from nightshift.tools.skew import skew_seconds
from nightshift.tools.unhooked import Unhooked

if TYPE_CHECKING:
    from nightshift.tools.onboard import Account

__all__ = ["ONBOARD", "SesOnboard"]


class SesOnboard(Unhooked):
    """SES's part of onboarding; see `nightshift.tools.onboard.Onboard`.

    That module is imported where it is used: a tool's cold start does not need its models.
    """

    def check(self, client: SesClient) -> "Account":
        """The mailbox, if it or its domain is verified for sending, and set aside for no other tenant."""
        from nightshift.tools.onboard import Account  # noqa: PLC0415  # see the class

        domain = client.account.partition("@")[2]
        known = [found for found in map(client.identity, (client.account, domain)) if found is not None]
        if not all(each.is_of(client.tenant) for each in known):
            message = "SES has this mailbox or its domain for another tenant"
            raise Misconfigured(message, code="vendor.set_up")
        if not any(each.verified for each in known):
            problem = "is not verified yet" if known else "was never entered as an identity"
            message = f"SES may not send from this mailbox: neither it nor its domain {problem}"
            raise Misconfigured(message, code="vendor.set_up")
        skew = skew_seconds(client.heard.date)
        return Account(account=client.account, name=client.account, skew_seconds=skew)


ONBOARD = SesOnboard()
