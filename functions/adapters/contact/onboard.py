"""Connecting a contact form: whose token it is, and where the form posts its messages to."""

from typing import TYPE_CHECKING

from functions.adapters.contact.client import ContactClient
from nightshift.tools.skew import skew_seconds

if TYPE_CHECKING:
    from nightshift.tools.onboard import Account, Hooks

__all__ = ["ONBOARD", "ContactOnboard"]

_TOPIC = "message"


class ContactOnboard:
    """The contact form's part of onboarding; see `nightshift.tools.onboard.Onboard`.

    That module is imported where it is used: a tool's cold start does not need its models.
    """

    def check(self, client: ContactClient) -> "Account":
        """The store a token belongs to; the protocol has no scopes."""
        from nightshift.tools.onboard import Account  # noqa: PLC0415  # see the class

        form = client.form()
        return Account(account=form.account, name=form.name, skew_seconds=skew_seconds(client.heard.date))

    def hooks(self, client: ContactClient, url: str) -> "Hooks":
        """Whether the form posts its messages to our address."""
        from nightshift.tools.onboard import Hook, Hooks, HookState  # noqa: PLC0415  # see the class

        found = client.form().webhook_url
        if found == url:
            return Hooks(hooks=(Hook(topic=_TOPIC, state=HookState.RIGHT, url=url),))
        state = HookState.WRONG if found else HookState.MISSING
        problem = "the form posts to another address" if found else "the form posts to nobody"
        return Hooks(hooks=(Hook(topic=_TOPIC, state=state, url=url, problem=problem),))

    def ensure(self, client: ContactClient, url: str) -> "Hooks":
        """Have the form post to our address. It has one only: another one it had is replaced."""
        from nightshift.tools.onboard import Hook, Hooks, HookState  # noqa: PLC0415  # see the class

        found = client.form().webhook_url
        if found == url:
            return Hooks(hooks=(Hook(topic=_TOPIC, state=HookState.RIGHT, url=url),))
        client.post_to(url)
        state = HookState.FIXED if found else HookState.CREATED
        problem = "the form posted to another address" if found else ""
        return Hooks(hooks=(Hook(topic=_TOPIC, state=state, url=url, problem=problem),))


ONBOARD = ContactOnboard()
