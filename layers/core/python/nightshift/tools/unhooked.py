"""The half of onboarding that an adapter has nothing to do in whose vendor calls no webhook."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightshift.tools.onboard import Hooks

__all__ = ["Unhooked"]


class Unhooked:
    """`hooks` and `ensure` of an `Onboard` for which nothing is registered at the vendor.

    The module of `Hooks` is imported where it is used: a tool's cold start does not need its models.
    """

    def hooks(self, client: object, url: str) -> "Hooks":
        """Nothing."""
        from nightshift.tools.onboard import Hooks  # noqa: PLC0415  # see the class

        del client, url
        return Hooks()

    def ensure(self, client: object, url: str) -> "Hooks":
        """Nothing, as `hooks`."""
        return self.hooks(client, url)
