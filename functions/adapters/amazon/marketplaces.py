"""Marketplaces: which one a channel is about, where its seller's tokens come from, what is spoken there."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from nightshift.errors import Misconfigured
from nightshift.model.tenant import Channel

__all__ = ["LANGUAGES", "Seller", "seller_of", "token_url"]

_ACCOUNT = re.compile(r"(?P<seller>[A-Z0-9]{5,20}):(?P<marketplace>[A-Z0-9]{10,15})")
_REGIONS = frozenset(f"sellingpartnerapi-{region}.amazon.com" for region in ("eu", "na", "fe"))
_GRANTS = "/auth/o2/token"

LANGUAGES = {
    "A1PA6795UKMFR9": "de_DE", "A1F83G8C2ARO7P": "en_GB", "A13V1IB3VIYZZH": "fr_FR",
    "APJ6JRA9NG5V4": "it_IT", "A1RKKUPIHCS9HS": "es_ES", "A1805IZSGTT6HS": "nl_NL",
    "AMEN7PMS3EDWL": "fr_BE", "A2NODRKZP88ZB9": "sv_SE", "A1C3SOZRARQ6R3": "pl_PL",
    "A28R8C7NBKEWEA": "en_IE", "A33AVAJ2PDY3EV": "tr_TR", "ARBP9OOSHTCHU": "ar_AE",
    "A17E79C6D8DWNP": "ar_AE", "A2VIGQ35RCS4UG": "en_AE", "A21TJRUUN4KGV": "en_IN",
    "AE08WJ6YKNBMC": "en_ZA", "ATVPDKIKX0DER": "en_US", "A2EUQ1WTGCTBG2": "en_CA",
    "A1AM78C64UM0Y8": "es_MX", "A2Q3Y263D00KWC": "pt_BR", "A1VC38T7YXB528": "ja_JP",
    "A39IBJ37TRP1C6": "en_AU", "A19VAU5U5O7RUS": "en_SG",
}  # fmt: skip
"""What a marketplace's texts are written in; one that is not here takes them without a language."""


@dataclass(frozen=True, kw_only=True)
class Seller:
    """A seller on one marketplace."""

    id: str
    marketplace: str


def seller_of(channel: Channel) -> Seller:
    """Whom a channel is about: its `account` is `<seller id>:<marketplace id>`.

    Raises:
        Misconfigured: it is not.
    """
    found = _ACCOUNT.fullmatch(channel.account)
    if found is None:
        message = f"the account of channel {channel.id} must be <seller id>:<marketplace id>"
        raise Misconfigured(message, code="channel.account")
    return Seller(id=found["seller"], marketplace=found["marketplace"])


def token_url(base_url: str) -> str:
    """Where access tokens are granted: Login with Amazon; a stand-in grants its own."""
    if urlsplit(base_url).hostname in _REGIONS:
        return f"https://api.amazon.com{_GRANTS}"
    return f"{base_url.rstrip('/')}{_GRANTS}"
