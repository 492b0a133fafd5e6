"""A listing as it is now, and whether what was asked for is there: Amazon accepts first and works later.

`accepted` means nothing yet. A write is done when the listing, read again, shows it and Amazon finds no
error in what was set; until then nobody knows.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from functions.adapters.amazon.client import AmazonClient
from functions.adapters.amazon.marketplaces import LANGUAGES
from functions.adapters.amazon.models import Availability, Entry, Issue, Item, Submission, Summary, money_of
from functions.adapters.amazon.operations import GET, Operation
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled
from nightshift.money import Money
from nightshift.outbound import TimeLeft

__all__ = [
    "ASK_SECONDS",
    "EVERYTHING",
    "OURS",
    "READ_SECONDS",
    "WRITE_SECONDS",
    "About",
    "ListingState",
    "found",
    "looked_up",
    "reached",
    "unsettled",
    "written",
]

READ_SECONDS = 7.0
ASK_SECONDS = 6.5
WRITE_SECONDS = 16.0
OURS = "DEFAULT"  # the seller's own warehouse

_LOOKS = (0.0, 0.5, 1.0, 2.0)  # seconds before each look at what was accepted
_LOOK_AGAIN = 60.0
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class About:
    """Which issues are about what was set. Amazon names attributes, a category, or neither."""

    attributes: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    everything: bool = False

    def names(self, issue: Issue) -> bool:
        """Whether an issue is one of them."""
        named = self.attributes & set(issue.attribute_names) or self.categories & set(issue.categories)
        return self.everything or bool(named)


EVERYTHING = About(everything=True)


class ListingState:
    """One listing in one marketplace.

    Args:
        item: as Amazon shows it.
        summary: how it stands in the marketplace.
    """

    def __init__(self, item: Item, summary: Summary) -> None:
        self.item = item
        self.summary = summary
        self.marketplace = summary.marketplace_id

    @property
    def buyable(self) -> bool:
        """Whether customers can buy it."""
        return "BUYABLE" in self.summary.status

    def entries(self, attribute: str) -> tuple[Entry, ...]:
        """What we said of an attribute for this marketplace; attributes of the offer name none at times."""
        here = self.marketplace
        said = self.item.attributes.get(attribute, ())
        return tuple(each for each in said if each.get("marketplace_id", here) == here)

    def text(self, attribute: str) -> str:
        """The value of an attribute that is a text, in the marketplace's language; empty: none."""
        language = LANGUAGES.get(self.marketplace)
        spoken = (x for x in self.entries(attribute) if x.get("language_tag", language) == language)
        said = next(spoken, {})
        value = said.get("value", said.get("media_location", ""))
        return value if isinstance(value, str) else ""

    def offer_terms(self) -> Entry:
        """What we said of the offer to all customers, prices in it; empty: nothing."""
        said = self.entries("purchasable_offer")
        return next((each for each in said if each.get("audience", "ALL") == "ALL"), {})

    def asked_price(self) -> Money | None:
        """The price we asked for; it may not be what customers pay yet."""
        terms = self.offer_terms()
        match terms:
            case {
                "currency": str(currency),
                "our_price": [{"schedule": [{"value_with_tax": value}, *_]}, *_],
            }:
                try:
                    return money_of(str(value), currency)
                except ValueError:
                    return None
            case _:
                return None

    def price(self) -> Money | None:
        """What customers pay; of a listing that is not offered, what we asked for."""
        shown = (o for o in self.item.offers if o.marketplace_id == self.marketplace)
        to_all = (o for o in shown if o.offer_type == "B2C" and o.audience.value == "ALL")
        offer = next(to_all, None)
        return self.asked_price() if offer is None else offer.price.money()

    def availability(self) -> Availability | None:
        """The units in our warehouse, or in Amazon's where there are no others."""
        said = self.item.fulfillment_availability
        ours = (each for each in said if each.fulfillment_channel_code == OURS)
        return next(ours, next(iter(said), None))

    def quantity(self) -> int | None:
        """Units in our warehouse; None: not counted, or not there."""
        found = self.availability()
        return found.quantity if found is not None and found.fulfillment_channel_code == OURS else None

    def asked_quantity(self) -> int | None:
        """Units we asked to be offered."""
        said = self.entries("fulfillment_availability")
        ours = (each for each in said if each.get("fulfillment_channel_code") == OURS)
        value = next(ours, {}).get("quantity")
        return value if isinstance(value, int) else None

    def errors(self, about: About) -> tuple[Issue, ...]:
        """What keeps something from being shown or sold."""
        here = (x for x in self.item.issues if not x.marketplace_ids or self.marketplace in x.marketplace_ids)
        return tuple(each for each in here if each.severity == "ERROR" and about.names(each))


def looked_up(client: AmazonClient, sku: str, time_left: TimeLeft) -> ListingState | None:
    """The listing as it is now; None: the marketplace has none under this SKU.

    Raises:
        WireError: Amazon could not be asked.
    """
    try:
        item = client.send(GET, Item, time_left, sku=sku)
    except Rejected as exc:
        if exc.code != "listing.not_found":
            raise
        return None
    here = (each for each in item.summaries if each.marketplace_id == client.seller.marketplace)
    summary = next(here, None)
    return ListingState(item, summary) if summary is not None else None


def found(client: AmazonClient, sku: str, time_left: TimeLeft) -> ListingState:
    """The listing as it is now.

    Raises:
        Rejected: `listing.not_found`.
    """
    state = looked_up(client, sku, time_left)
    if state is None:
        message = "Amazon has no such listing in this marketplace"
        raise Rejected(message, code="listing.not_found")
    return state


Shown = Callable[[ListingState | None], bool]
"""Whether the marketplace shows what was asked for."""


def reached(state: ListingState | None, shown: Shown, about: About) -> bool:
    """Whether it is shown, and Amazon finds no error in it."""
    return shown(state) and (state is None or not state.errors(about))


def written(
    client: AmazonClient,
    operation: Operation,
    sku: str,
    body: dict[str, JsonValue] | None,
    time_left: TimeLeft,
    *,
    shown: Shown,
    about: About,
) -> ListingState | None:
    """Ask for a change, and look until it is there.

    Raises:
        Rejected: `listing.refused`: Amazon did not take it; nothing changes.
        OutcomeUnknown: it took it, and `listing.pending`: does not show it yet; `listing.issues`: finds
            errors in it; `vendor.unconfirmed`: could not be asked.
        WireError: as the client's.
    """
    submission = client.send(operation, Submission, time_left, sku=sku, body=body)
    if submission.status != "ACCEPTED":
        message = f"Amazon does not take it: {_named(submission.issues)}"
        raise Rejected(message, code="listing.refused")
    state: ListingState | None = None
    for wait in _LOOKS:
        if wait:
            client.pause(wait)
        state = _looked_again(client, sku, time_left)
        if reached(state, shown, about):
            return state
    raise unsettled(state, about)


def unsettled(state: ListingState | None, about: About) -> OutcomeUnknown:
    """Amazon was told, and does not show it: it finds errors in it, for a person, or is still at work."""
    errors = state.errors(about) if state is not None else ()
    if errors:
        message = f"Amazon took it and finds errors in it: {_named(errors)}"
        return OutcomeUnknown(message, code="listing.issues", retry_after=_LOOK_AGAIN)
    message = "Amazon took it and does not show it yet"
    return OutcomeUnknown(message, code="listing.pending", retry_after=_LOOK_AGAIN)


def _looked_again(client: AmazonClient, sku: str, time_left: TimeLeft) -> ListingState | None:
    """The same after a write: not being able to look does not mean that nothing happened."""
    try:
        return looked_up(client, sku, time_left)
    except (Retryable, Throttled, Rejected, Misconfigured) as exc:
        message = "Amazon took it and could not be asked what became of it"
        raise OutcomeUnknown(message, code="vendor.unconfirmed", retry_after=_LOOK_AGAIN) from exc


def _named(issues: tuple[Issue, ...]) -> str:
    """Codes and attributes; never a message, which quotes what was sent."""
    said = [f"{each.code} ({', '.join(each.attribute_names)})" for each in issues[:_NAMED]]
    return ", ".join(said).replace(" ()", "") or "it gives no reason"
