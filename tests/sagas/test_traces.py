"""What the failures of the sagas left behind. Last of this folder: it looks at what the others wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from functions.adapters.shopify import queries
from nightshift.model.case import CaseStatus
from tests.adapters.official import IN_CI, OFFICIAL
from tests.support.installation import Installation
from tests.support.privacy import leaks, needles, written

if TYPE_CHECKING:
    from pathlib import Path

    from fakes.shopify_books import OrderRecord

pytestmark = pytest.mark.xdist_group("sagas")


@pytest.mark.guarantee("privacy:no-personal-data-in-logs")
def test_no_crash_wrote_anything_personal(saga: Installation, state: Path, silent: OrderRecord) -> None:
    wanted, texts = needles(saga), written(saga, state)
    assert silent.customer is not None
    assert wanted[silent.customer["email"]] == "a customer's email"
    assert {"server.log", "nightshift-dev-planner.log", "the action log", "executions"} <= set(texts)
    assert leaks(texts, wanted) == []


def test_every_graphql_request_of_the_sagas_keeps_to_the_official_schema(
    saga: Installation, silent: OrderRecord
) -> None:
    if not OFFICIAL.path.exists() and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    saga.shop.wait_for_case(silent, CaseStatus.SLEEPING, CaseStatus.WITH_PERSON)
    assert OFFICIAL.problems == []
    seen = {operation.name for operation in queries.ALL if OFFICIAL.validated[operation.document]}
    assert "Order" in seen
