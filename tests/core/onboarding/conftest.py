from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from fakes import ContactFake, FakeVendors, ShopifyFake
from tests.support.functions import Functions
from tests.support.office import add_acme, make_office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightshift.onboarding.office import Office
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture(scope="session")
def vendors() -> Iterator[FakeVendors]:
    with FakeVendors() as served:
        yield served


@pytest.fixture
def shop(vendors: FakeVendors) -> ShopifyFake:
    return vendors.shopify(f"{uuid.uuid4().hex}.myshopify.com")


@pytest.fixture
def store(vendors: FakeVendors) -> ContactFake:
    return vendors.contact(uuid.uuid4().hex)


@pytest.fixture
def functions() -> Iterator[Functions]:
    with Functions() as served:
        yield served


@pytest.fixture
def office(tables: Tables, clock: FixedClock, functions: Functions) -> Office:
    """An installation with the tenant `acme`, whose administrator is Ada."""
    made = make_office(tables, clock, functions)
    assert add_acme(made).status == 200
    return made


@pytest.fixture
def shopify(vendors: FakeVendors, shop: ShopifyFake) -> dict[str, Any]:
    """What connects the shop."""
    return {
        "adapter": "shopify",
        "account": shop.shop,
        "base_url": vendors.shopify_url(shop.shop),
        "secret": {"access_token": shop.access_token, "webhook_secret": shop.webhook_secret},
    }


@pytest.fixture
def contact(vendors: FakeVendors, store: ContactFake) -> dict[str, Any]:
    """What connects the contact form."""
    return {
        "adapter": "contact",
        "account": store.store,
        "base_url": vendors.contact_url(store.store),
        "secret": {"api_token": store.api_token, "webhook_secret": store.webhook_secret},
    }
