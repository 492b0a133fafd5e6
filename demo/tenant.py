"""The demo tenant: its policy, people, channels, secrets, and what the CLI needs to reach it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from demo.assembly import ROOT
from fakes.contact import ContactFake
from fakes.serve import FakeVendors
from fakes.ses import SesFake
from fakes.shopify import ShopifyFake
from fakes.stripe import StripeFake
from nightshift.aws.config import DynamoConfig
from nightshift.cli.profile import ChannelKey, Profile
from nightshift.clock import SystemClock
from nightshift.gate.policies import parse_policy
from nightshift.identity.token import Identity, issue
from nightshift.ids import ChannelId, TenantId
from nightshift.model.tenant import Channel, Staff, Tenant

__all__ = [
    "CONTACT",
    "MAIL",
    "MAILBOX",
    "PEOPLE",
    "PRODUCT",
    "SHOP",
    "STAGE",
    "STRIPE",
    "TENANT",
    "account_of",
    "mail_of",
    "seed",
    "tokens",
    "write_profile",
]

STAGE: Final = "dev"
TENANT: Final = TenantId("demo-store")
SHOP: Final = ChannelId("shopify-eu")
CONTACT: Final = ChannelId("contact")
STRIPE: Final = ChannelId("stripe-eu")
MAIL: Final = ChannelId("mail")
MAILBOX: Final = "help@demo-store.example"
PRODUCT: Final = "MUG-BLUE"
PEOPLE: Final = {"ana": "manager", "ben": "operator", "vera": "viewer"}

_SHOP_DOMAIN = "demo-store.myshopify.com"
_STORE = "demo-store"
_ACCOUNT = "acct_demostore"
_LIVE = {
    SHOP: frozenset(
        {"payments.refund", "orders.cancel", "orders.set_address", "pricing.set", "inventory.set"}
    ),
    CONTACT: frozenset({"messaging.reply"}),
    STRIPE: frozenset({"payments.refund", "payments.credit_note"}),
    MAIL: frozenset({"messaging.reply"}),
}


def shop_of(fakes: FakeVendors) -> ShopifyFake:
    """The demo tenant's shop."""
    return fakes.shopify(_SHOP_DOMAIN)


def store_of(fakes: FakeVendors) -> ContactFake:
    """The demo tenant's contact form."""
    return fakes.contact(_STORE)


def account_of(fakes: FakeVendors) -> StripeFake:
    """The demo tenant's Stripe account: invoices and payment links, without orders."""
    return fakes.stripe(_ACCOUNT)


def mail_of(fakes: FakeVendors) -> SesFake:
    """The AWS account that sends and receives the demo tenant's mail."""
    return fakes.ses(MAILBOX)


def seed(config: DynamoConfig, secrets: Any, fakes: FakeVendors) -> None:  # noqa: ANN401  # a boto3 client
    """Enter the tenant in shadow mode, then turn its tools on, as a person would."""
    policy = parse_policy((ROOT / "policies" / "default.toml").read_text(encoding="utf-8"))
    config.put_policy(TENANT, policy)
    config.put_tenant(
        Tenant(
            id=TENANT,
            name="Demo store",
            policy_version=policy.version,
            order_channel=SHOP,
            payment_channel=STRIPE,
            reply_channel=CONTACT,
        )
    )
    shop_of(fakes).create_product(sku=PRODUCT)
    for person, role in PEOPLE.items():
        config.put_staff(Staff(id=person, tenant=TENANT, name=person.capitalize(), role=role))
    for channel, fields in _channels(fakes):
        secrets.create_secret(Name=channel.secret_ref, SecretString=json.dumps(fields))
        config.put_channel(channel)
        config.put_channel(channel.model_copy(update={"live_tools": _LIVE[channel.id]}))


def _channels(fakes: FakeVendors) -> list[tuple[Channel, dict[str, str]]]:
    shop, store, account = shop_of(fakes), store_of(fakes), account_of(fakes)
    return [
        (
            _channel(SHOP, "shopify", account=shop.shop, base_url=fakes.shopify_url(shop.shop)),
            {"access_token": shop.access_token, "webhook_secret": shop.webhook_secret},
        ),
        (
            _channel(CONTACT, "contact", account=store.store, base_url=fakes.contact_url(store.store)),
            {"api_token": store.api_token, "webhook_secret": store.webhook_secret},
        ),
        (
            _channel(STRIPE, "stripe", account=account.account, base_url=fakes.stripe_url(account.account)),
            {"api_key": account.api_key, "webhook_secret": account.webhook_secrets[0]},
        ),
        (
            _channel(MAIL, "ses", account=MAILBOX, base_url=fakes.ses_url(MAILBOX)),
            {"configuration_set": f"nightshift-{STAGE}"},
        ),
    ]


def _channel(channel: ChannelId, adapter: str, *, account: str, base_url: str) -> Channel:
    return Channel(
        id=channel,
        tenant=TENANT,
        adapter=adapter,
        account=account,
        base_url=base_url,
        secret_ref=f"nightshift/{STAGE}/{adapter}/{TENANT}/{channel}",
    )


def tokens(secrets: Any) -> dict[str, str]:  # noqa: ANN401  # a boto3 client
    """A signed identity for each person, with the key the stack made."""
    stored = secrets.get_secret_value(SecretId=f"nightshift/{STAGE}/identity")["SecretString"]
    key, now = json.loads(stored)["key"], SystemClock().now()
    lasts = timedelta(days=7)
    return {who: issue(key, Identity(tenant=TENANT, staff=who), at=now, lasts=lasts) for who in PEOPLE}


def write_profile(place: Path, *, api: str, people: dict[str, str], fakes: FakeVendors) -> None:
    """What the CLI needs, readable by its owner alone."""
    keys = tuple(
        ChannelKey(
            adapter=channel.adapter,
            tenant=TENANT,
            channel=channel.id,
            account=channel.account,
            secret=fields["webhook_secret"],
        )
        for channel, fields in _channels(fakes)
        if "webhook_secret" in fields
    )
    profile = Profile(api=api, token=people["ana"], people=people, channels=keys)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch(mode=0o600)
    place.write_text(profile.model_dump_json(indent=2), encoding="utf-8")
