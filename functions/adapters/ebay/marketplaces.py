"""eBay's marketplaces: the currency they sell in and the language a listing is written in."""

from dataclasses import dataclass

from nightshift.errors import Misconfigured

__all__ = ["MARKETPLACES", "Marketplace", "marketplace"]


@dataclass(frozen=True, kw_only=True)
class Marketplace:
    """One of eBay's sites; `language` as `Content-Language` wants it."""

    id: str
    currency: str
    language: str


MARKETPLACES = {
    name: Marketplace(id=name, currency=currency, language=language)
    for name, currency, language in (
        ("EBAY_AT", "EUR", "de-AT"),
        ("EBAY_AU", "AUD", "en-AU"),
        ("EBAY_CA", "CAD", "en-CA"),
        ("EBAY_CH", "CHF", "de-CH"),
        ("EBAY_DE", "EUR", "de-DE"),
        ("EBAY_ES", "EUR", "es-ES"),
        ("EBAY_FR", "EUR", "fr-FR"),
        ("EBAY_GB", "GBP", "en-GB"),
        ("EBAY_IE", "EUR", "en-IE"),
        ("EBAY_IT", "EUR", "it-IT"),
        ("EBAY_NL", "EUR", "nl-NL"),
        ("EBAY_PL", "PLN", "pl-PL"),
        ("EBAY_US", "USD", "en-US"),
    )
}
"""Those that sell in one language; EBAY_BE and the like would need to say which."""


def marketplace(account: str) -> Marketplace:
    """The marketplace that a channel's `account` names.

    Raises:
        Misconfigured: `channel.account`: it names none that is served.
    """
    found = MARKETPLACES.get(account)
    if found is None:
        message = f"the channel's account must be a marketplace: {', '.join(MARKETPLACES)}"
        raise Misconfigured(message, code="channel.account")
    return found
